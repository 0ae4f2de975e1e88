"""Contexts: whom to trust and who to be, loaded once for all who want the same."""

from __future__ import annotations

import os
import ssl
import sys
import threading
from collections.abc import Hashable, Sequence

from ._certificates import (
    CertTypes,
    Source,
    cannot_be,
    identity_of,
    load_authorities,
    load_client_certificate,
    parts_of,
    version_of,
)

VerifyTypes = bool | Source | ssl.SSLContext

# Where systems keep their authorities, for a Python whose OpenSSL was built for another system and does not know.
_PLACES = [
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, NixOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora and its kin
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, BSD
]


def create_ssl_context(
    verify: VerifyTypes = True, cert: CertTypes | None = None, trust_env: bool = True, http2: bool = False
) -> ssl.SSLContext:
    """Return a new context for clients: TLS 1.2 or later, host names checked, no renegotiation.

    `verify` is True for certifi's authorities, `"system"` for those of the operating system, a path of a file or
    directory of others, or such certificates themselves, as `bytes` or text (PEM, or DER as bytes). False is no
    verification at all (anybody can then read and change what is sent). A context is returned as it is.
    `cert` is a client certificate: a path or content, `(certificate, key)`, or `(certificate, key, password)`.
    With `http2` the peer is offered HTTP/2 and HTTP/1.1 (ALPN, RFC 7301), otherwise HTTP/1.1 alone.
    With `trust_env` the variables SSL_CERT_FILE and SSL_CERT_DIR replace certifi's authorities, and TLS secrets are
    logged to SSLKEYLOGFILE.

    Raises `OSError` (`FileNotFoundError`, `ssl.SSLError`) for what cannot be used; `ImportError` for `"system"` on
    Windows and macOS without the extra `system`; `ValueError` for a context and `cert`, `TypeError` for anything else.
    """
    if isinstance(verify, ssl.SSLContext):
        if cert is not None:
            raise ValueError("a client certificate belongs into the SSLContext that is given: use load_cert_chain()")
        return verify
    if is_system(verify):
        context = _system_context(trust_env)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            source, argument = _authorities(verify, trust_env)
            for one in _each(source, argument):
                load_authorities(context, one, argument)
    if sys.version_info >= (3, 13) and verify is not False:  # what ssl.create_default_context does since then
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    # A system whose policy wants more is not talked out of it.
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    if cert is not None:
        load_client_certificate(context, cert)
    log = os.environ.get("SSLKEYLOGFILE") if trust_env else None
    if log:
        try:
            context.keylog_filename = log
        except OSError as error:
            raise cannot_be("written", f"SSLKEYLOGFILE={log!r}", error) from error
    return context


def _authorities(verify: bool | Source, trust_env: bool) -> tuple[Source, str]:
    """Return where the trusted authorities are, and what says so."""
    if verify is not True:
        if not isinstance(verify, (str, bytes, os.PathLike)):
            raise TypeError(
                f"verify= is True, False, 'system', a path, certificates or an SSLContext, not {type(verify).__name__}"
            )
        return verify, "verify"
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if trust_env and os.environ.get(name):
            return os.environ[name], name
    import certifi

    return certifi.where(), "certifi"


def _each(source: Source, argument: str) -> Sequence[Source]:
    """Return the directories of SSL_CERT_DIR, which may list several, not all of them there; anything else is one."""
    if argument == "SSL_CERT_DIR" and isinstance(source, str):
        found = [path for path in source.split(os.pathsep) if os.path.isdir(path)]
        return found or [source]
    return [source]


def is_system(verify: VerifyTypes) -> bool:
    """Return whether the operating system's authorities are meant."""
    return isinstance(verify, str) and verify == "system"


def _system_context(trust_env: bool) -> ssl.SSLContext:
    """Return a context that trusts whom the operating system trusts."""
    if sys.platform in ("win32", "darwin"):
        check_system("system")
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Elsewhere the system's authorities are files. truststore would load them anew for each connection.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in _system_files(trust_env):
        load_authorities(context, path, "system")
    return context


def _system_files(trust_env: bool) -> list[str]:
    """Return the file and directory of authorities that OpenSSL was built for, or the environment names."""
    known = ssl.get_default_verify_paths()
    paths = [known.cafile, known.capath] if trust_env else [known.openssl_cafile, known.openssl_capath]
    found = [path for path in paths if path and os.path.exists(path)]
    return found or [path for path in _PLACES if os.path.exists(path)][:1]


def check_system(verify: VerifyTypes) -> None:
    """Raise `ImportError` where `verify` is `"system"`, and what that needs is not installed."""
    if is_system(verify) and sys.platform in ("win32", "darwin"):
        import importlib.util

        if importlib.util.find_spec("truststore") is None:
            raise ImportError("verify='system' needs the extra system: pip install 'courser-transport[system]'")


# By what was asked for: the versions of the files that it came from, and the context.
_shared: dict[Hashable, tuple[Hashable, ssl.SSLContext]] = {}
_shared_lock = threading.Lock()
_SHARED_AT_MOST = 64


def _forget_lock() -> None:
    """Begin anew in a fork's child: in the parent somebody may have held it."""
    global _shared_lock
    _shared_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def shared_ssl_context(
    verify: VerifyTypes, cert: CertTypes | None, trust_env: bool, http2: bool = False
) -> ssl.SSLContext:
    """Return a context that all who want the same share: loading the authorities takes longer than many requests.

    Files that changed since make a new one. Nobody may change what this returns. A context that is given offers HTTP/2
    from now on where `http2` asks for it: a context has one offer for all its connections, and cannot be copied.
    """
    if isinstance(verify, ssl.SSLContext):
        return _given(verify, cert, http2)
    key, versions = _description(verify, cert, trust_env, http2)
    with _shared_lock:
        known = _shared.get(key)
        if known is not None and known[0] == versions:
            return known[1]  # somebody else has made it meanwhile
        context = create_ssl_context(verify, cert, trust_env, http2)
        while len(_shared) >= _SHARED_AT_MOST:
            del _shared[next(iter(_shared))]
        _shared[key] = (versions, context)
    return context


def known_ssl_context(
    verify: VerifyTypes, cert: CertTypes | None, trust_env: bool, http2: bool = False
) -> ssl.SSLContext | None:
    """Return the context that is shared already, without waiting for one that is being made; None where there is none.

    One that is given counts as such.
    """
    if isinstance(verify, ssl.SSLContext):
        return _given(verify, cert, http2)
    key, versions = _description(verify, cert, trust_env, http2)
    known = _shared.get(key)
    return known[1] if known is not None and known[0] == versions else None


def _given(context: ssl.SSLContext, cert: CertTypes | None, http2: bool) -> ssl.SSLContext:
    create_ssl_context(context, cert)
    if http2:
        context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _description(
    verify: bool | Source, cert: CertTypes | None, trust_env: bool, http2: bool
) -> tuple[Hashable, Hashable]:
    """Return what tells one context from another, and the versions of the files that it is made of."""
    sources: list[Source] = []
    if is_system(verify):
        sources += _system_files(trust_env)
    elif verify is not False:
        sources.append(_authorities(verify, trust_env)[0])
    password: Hashable = None
    if cert is not None:
        certificate, key, secret = parts_of(cert)
        sources += [certificate, certificate if key is None else key]
        password = secret if secret is None or callable(secret) else identity_of(_as_bytes(secret))
    log = os.environ.get("SSLKEYLOGFILE") if trust_env else None
    what = (verify if isinstance(verify, bool) or is_system(verify) else None, cert is None, http2, log, password)
    return (*what, *map(identity_of, sources)), tuple(map(version_of, sources))


def _as_bytes(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret
