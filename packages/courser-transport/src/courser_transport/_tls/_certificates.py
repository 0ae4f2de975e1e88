"""Certificates and keys, from files or from memory, into a context; with a sentence for each way in which that fails.

What is given is a path or content. `bytes` are content: PEM or, for authorities, DER. A `str` is a path, unless
`-----BEGIN ` is in it, as in PEM and in no path.

OpenSSL reads a key from files alone. One that is in memory is put into a file that has no name (Linux's memfd), and
elsewhere into a temporary file that only this user may read and that is removed at once.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import typing
from collections.abc import Callable, Hashable, Iterator

Source = str | os.PathLike[str] | bytes
Password = str | bytes | Callable[[], str | bytes]
CertTypes = Source | tuple[Source, Source | None] | tuple[Source, Source | None, Password | None]

_PEM = "-----BEGIN "


def content_of(source: Source) -> bytes | None:
    """Return the content that `source` is itself; None where it is a path."""
    if isinstance(source, (bytes, bytearray)):
        return bytes(source)
    if isinstance(source, str) and _PEM in source:
        return source.encode()
    return None


def identity_of(source: Source) -> Hashable:
    """Return what is equal for equal sources, and holds no secret."""
    content = content_of(source)
    if content is None:
        return os.path.abspath(os.fspath(source))
    import hashlib

    return hashlib.sha256(content).digest()


def version_of(source: Source) -> Hashable:
    """Return what is another once the file behind `source` has changed."""
    try:
        found = None if content_of(source) is not None else os.stat(source)
    except OSError:
        found = None
    return found and (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def load_authorities(context: ssl.SSLContext, source: Source, argument: str) -> None:
    """Let `context` trust the certificates of a file, of a directory (as `openssl rehash` makes it), or in memory.

    `argument` is what gave them, for messages. Raises `OSError`: `FileNotFoundError`, `ssl.SSLError`.
    """
    content = content_of(source)
    given = _named(argument, source)
    try:
        if content is None:
            assert not isinstance(source, bytes)
            if not os.path.exists(source):
                raise FileNotFoundError(f"{given}: there is no such file or directory of certificates")
            if os.path.isdir(source):
                context.load_verify_locations(capath=source)
            else:
                context.load_verify_locations(cafile=source)
        elif _PEM.encode() in content:
            # What stands between the certificates may be in any language, and ssl wants ASCII.
            context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
        else:
            context.load_verify_locations(cadata=content)
    except (ssl.SSLError, ValueError) as error:
        kinds = "PEM" if content is None else "PEM or DER"
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"{given}: there is no certificate in it ({kinds})") from error
    except OSError as error:
        raise cannot_be("read", given, error) from error


def parts_of(cert: CertTypes) -> tuple[Source, Source | None, Password | None]:
    """Return certificate, key and password of each form that `cert` may have."""
    parts: tuple[typing.Any, ...] = cert if isinstance(cert, tuple) else (cert,)
    certificate, key, password = (*parts, None, None)[:3] if 1 <= len(parts) <= 3 else (None, None, None)
    if certificate is None:
        raise TypeError("cert= is a certificate with its key, (certificate, key) or (certificate, key, password)")
    return certificate, key, password


def load_client_certificate(context: ssl.SSLContext, cert: CertTypes) -> None:
    """Let `context` show a certificate; raises `OSError`: `FileNotFoundError`, `ssl.SSLError`. No message has secrets.

    A key that is encrypted and comes without a password is an error here; OpenSSL would ask the terminal.
    """
    certificate, key, password = parts_of(cert)
    was_asked = False

    def tell_password() -> str | bytes:
        nonlocal was_asked
        was_asked = True
        if password is None:
            raise _NoPassword
        return password() if callable(password) else password

    given = _named("cert", certificate) if key is None else f"{_named('cert', certificate)} with {_named('key', key)}"
    with _file_with(certificate) as certificate_path, _file_with(key or certificate) as key_path:
        for path, source in ((certificate_path, certificate), (key_path, key or certificate)):
            if not os.path.exists(path):
                raise FileNotFoundError(f"{_named('cert', source)}: there is no such file")
        try:
            context.load_cert_chain(certificate_path, key_path, tell_password)
        except _NoPassword:
            raise ssl.SSLError(
                ssl.SSL_ERROR_SSL,
                f"{given}: the key is encrypted; give its password: cert=(certificate, key, password)",
            ) from None
        except ssl.SSLError as error:
            why = _why_not(error, certificate_path, key_path, was_asked)
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"{given}: {why}") from error
        except OSError as error:
            raise cannot_be("read", given, error) from error


class _NoPassword(Exception):
    """The key is encrypted, and nobody said how."""


def _why_not(error: ssl.SSLError, certificate_path: str, key_path: str, was_asked: bool) -> str:
    """Return why OpenSSL did not take a certificate; of most that PEM does not hold it says no more than «PEM lib»."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not that of the certificate"
    if was_asked:
        return "the password of the key is wrong"
    if not error.reason:
        with open(certificate_path, "rb") as file:
            if b"CERTIFICATE-----" not in file.read():
                return "there is no certificate in it (PEM)"
        with open(key_path, "rb") as file:
            if b"PRIVATE KEY-----" not in file.read():
                return "there is no private key in it (PEM)"
    return f"OpenSSL does not take it: {error.reason or 'damaged PEM'}".replace("_", " ").lower()


@contextlib.contextmanager
def _file_with(source: Source) -> Iterator[str]:
    """Give a path to what `source` is, for as long as the block lasts."""
    content = content_of(source)
    if content is None:
        yield os.fspath(typing.cast("str | os.PathLike[str]", source))
        return
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
        path = f"/proc/self/fd/{descriptor}"
    else:
        import tempfile  # loads much, and few programs come here

        descriptor, path = tempfile.mkstemp()  # 0600
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield path
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            os.unlink(path)


def _named(argument: str, source: Source) -> str:
    return f"{argument}={os.fspath(source)!r}" if content_of(source) is None else f"{argument}= in memory"


def cannot_be(done: str, given: str, error: OSError) -> OSError:
    """Return the error of a file that cannot be `"read"` or `"written"`, with a sentence."""
    if error.errno is None:  # it has one
        return error
    return type(error)(f"{given} cannot be {done}: {os.strerror(error.errno).lower()}")
