"""Who a client is: certificates and keys from files and from memory, and what is said where they cannot be used."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from authorities import Authority, TLSPeer
from courser_transport import CertificateError, ConnectError, Deadline, HTTPTransport, create_ssl_context, run_sync
from courser_transport._tls import TLSSettings, start_tls

PASSWORD = "open sesame"


class Pair:
    """A certificate and its key: the content of files, and their paths in a folder."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        issued = authority.ca.issue_cert("client@example.org")
        self.certificate = issued.cert_chain_pems[0].bytes()
        self.key = issued.private_key_pem.bytes()
        key = serialization.load_pem_private_key(self.key, None)
        self.locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSWORD.encode()),
        )
        self.both = self.certificate + self.key
        self.other_key = authority.ca.issue_cert("other@example.org").private_key_pem.bytes()
        self.folder = folder
        for name in ("certificate", "key", "locked", "both", "other_key"):
            (folder / name).write_bytes(getattr(self, name))

    def path(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture
def pair(authority: Authority, tmp_path: Path) -> Pair:
    return Pair(authority, tmp_path)


def is_accepted(authority: Authority, cert: Any) -> bool:
    """Return whether a server that wants a certificate takes this one."""
    other_end = TLSPeer(authority.asking(ssl.TLSVersion.TLSv1_2))
    settings = TLSSettings(authority.pem, cert)
    run_sync(start_tls(other_end, settings, "example.org", "example.org:443", Deadline(None)))
    return other_end.tls.getpeercert() is not None


@pytest.mark.parametrize(
    "form",
    [
        "path of both",
        "both in memory",
        "both as text",
        "paths",
        "path objects",
        "memory",
        "path and memory",
        "no password for a key that needs none",
        "a password for a key that needs none",
        "a password",
        "a password in bytes",
        "a function that tells the password",
        "all in memory",
    ],
)
def test_a_certificate_may_be_given_in_each_form(authority: Authority, pair: Pair, form: str) -> None:
    path = pair.path
    cert: Any = {
        "path of both": path("both"),
        "both in memory": pair.both,
        "both as text": pair.both.decode("ascii"),
        "paths": (path("certificate"), path("key")),
        "path objects": (Path(path("certificate")), Path(path("key"))),
        "memory": (pair.certificate, pair.key),
        "path and memory": (path("certificate"), pair.key),
        "no password for a key that needs none": (path("both"), None, None),
        "a password for a key that needs none": (path("certificate"), path("key"), "unneeded"),
        "a password": (path("certificate"), path("locked"), PASSWORD),
        "a password in bytes": (path("certificate"), path("locked"), PASSWORD.encode()),
        "a function that tells the password": (path("certificate"), path("locked"), lambda: PASSWORD),
        "all in memory": (pair.certificate, pair.locked, PASSWORD),
    }[form]

    assert is_accepted(authority, cert)


@pytest.mark.parametrize("has_nameless_files", [True, False])
def test_a_key_in_memory_is_in_no_file_afterwards(
    authority: Authority, pair: Pair, has_nameless_files: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    if not has_nameless_files:
        monkeypatch.delattr("os.memfd_create", raising=False)
    seen: list[tuple[str, int]] = []
    load = ssl.SSLContext.load_cert_chain

    def watch(self: ssl.SSLContext, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        seen.append((certfile, os.stat(certfile).st_mode & 0o077))
        load(self, certfile, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watch)
    create_ssl_context(False, pair.both)
    with pytest.raises(ssl.SSLError):
        create_ssl_context(False, (pair.certificate, pair.other_key))

    assert list(folder.iterdir()) == []
    assert len(seen) == 2
    if not has_nameless_files:
        assert {Path(path).parent for path, _ in seen} == {folder}
        assert {others for _, others in seen} == {0}, "nobody else may read it"


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["nothing"], "cert='{nothing}': there is no such file"),
        (["certificate", "nothing"], "cert='{nothing}': there is no such file"),
    ],
)
def test_a_file_that_is_not_there_is_named(pair: Pair, names: list[str], complaint: str) -> None:
    cert: Any = tuple(map(pair.path, names)) if len(names) > 1 else pair.path(names[0])
    for make in (create_ssl_context, HTTPTransport):
        with pytest.raises(FileNotFoundError) as caught:
            make(cert=cert)
        assert str(caught.value) == complaint.format(nothing=pair.path("nothing"))


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ("of another", "cert='{certificate}' with key='{other_key}': the key is not that of the certificate"),
        ("of another in memory", "cert= in memory with key= in memory: the key is not that of the certificate"),
        ("no key", "cert='{certificate}': there is no private key in it (PEM)"),
        ("no certificate", "cert='{key}': there is no certificate in it (PEM)"),
        ("wrong password", "cert='{certificate}' with key='{locked}': the password of the key is wrong"),
        ("damaged", "cert= in memory with key='{key}': openssl does not take it: damaged pem"),
        (
            "no password",
            "cert='{certificate}' with key='{locked}': the key is encrypted; give its password: "
            "cert=(certificate, key, password)",
        ),
    ],
)
def test_what_does_not_fit_is_explained_at_once_and_without_secrets(pair: Pair, form: str, complaint: str) -> None:
    path = pair.path
    cert: Any = {
        "of another": (path("certificate"), path("other_key")),
        "of another in memory": (pair.certificate, pair.other_key),
        "no key": path("certificate"),
        "no certificate": path("key"),
        "wrong password": (path("certificate"), path("locked"), "a wrong secret"),
        "damaged": (pair.certificate[:200] + b"\n-----END CERTIFICATE-----\n", path("key")),
        "no password": (path("certificate"), path("locked")),
    }[form]
    names = {name: path(name) for name in ("certificate", "key", "locked", "other_key")}
    for make in (create_ssl_context, HTTPTransport):
        with pytest.raises(ssl.SSLError) as caught:
            make(cert=cert)
        assert str(caught.value) == complaint.format(**names)


def test_a_password_that_a_function_cannot_tell_is_that_function_s_error(pair: Pair) -> None:
    def forget() -> str:
        raise LookupError("forgotten")

    with pytest.raises(LookupError, match="forgotten"):
        create_ssl_context(False, (pair.path("certificate"), pair.path("locked"), forget))


@pytest.mark.parametrize("cert", [(), (None,), (None, "key"), ("a", "b", "c", "d"), 5])
def test_what_is_no_certificate_at_all_is_a_type_error(cert: Any) -> None:
    with pytest.raises(TypeError):
        create_ssl_context(False, cert)


@pytest.mark.parametrize("has_http2", [True, False])
def test_a_context_and_a_certificate_do_not_go_together(pair: Pair, has_http2: bool) -> None:
    context = create_ssl_context(False)
    for make in (create_ssl_context, HTTPTransport):
        with pytest.raises(ValueError, match="belongs into the SSLContext that is given"):
            make(context, pair.path("both"), http2=has_http2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_and_gets_none_says_so(authority: Authority, version: ssl.TLSVersion) -> None:
    error = refusal(authority, version, None)
    if version is ssl.TLSVersion.TLSv1_3:
        assert isinstance(error, CertificateError)
        assert str(error) == (
            "TLS handshake with example.org:443 failed: the peer wants a client certificate, and cert= gives none"
        )
    else:
        assert str(error).endswith("alert handshake failure; the peer may want a client certificate")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_that_the_server_does_not_trust_is_named_as_the_reason(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    stranger = trustme.CA().issue_cert("client@example.org").private_key_and_cert_chain_pem.bytes()
    error = refusal(authority, version, stranger)
    assert isinstance(error, CertificateError)
    assert str(error) == (
        "TLS handshake with example.org:443 failed: the peer does not accept our certificate: unknown ca"
    )


def test_who_looks_whether_the_server_has_spoken_does_not_lose_why_it_refuses_us(authority: Authority) -> None:
    other_end = TLSPeer(authority.asking(ssl.TLSVersion.TLSv1_3))
    stream = run_sync(start_tls(other_end, authority.settings(), "example.org", "example.org:443", Deadline(None)))
    assert stream.is_readable()
    for _ in range(2):
        with pytest.raises(CertificateError, match="the peer wants a client certificate"):
            run_sync(stream.read(100, None))


def refusal(authority: Authority, version: ssl.TLSVersion, cert: bytes | None) -> ConnectError:
    """Return the error with which a handshake, or in TLS 1.3 the first read after it, ends."""
    other_end = TLSPeer(authority.asking(version))

    async def talk() -> None:
        settings = authority.settings(cert=cert)
        stream = await start_tls(other_end, settings, "example.org", "example.org:443", Deadline(None))
        await stream.read(100, None)

    with pytest.raises(ConnectError) as caught:
        run_sync(talk())
    return caught.value
