"""TLS as one pump: against OpenSSL in the test's own hands, over memory and over sockets."""

from __future__ import annotations

import datetime
import pickle
import ssl
from collections.abc import Sequence
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authorities import Authority, TLSPeer
from courser_transport import (
    CertificateError,
    ConnectError,
    ConnectTimeout,
    ReadError,
    WriteError,
    run_sync,
)
from courser_transport._backends.threads import ThreadBackend
from courser_transport._deadline import Deadline
from courser_transport._tls import TLSSettings, TLSStream, is_final, start_tls
from courser_transport.testing import ScriptedStream, ends, hangs, sends

PEM = serialization.Encoding.PEM


def _talking(authority: Authority) -> tuple[TLSStream, TLSPeer]:
    other_end = TLSPeer(authority.server)
    stream = run_sync(start_tls(other_end, authority.settings(), "example.org", "example.org:443", Deadline(None)))
    return stream, other_end


def test_bytes_go_both_ways(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    run_sync(stream.write(b"ping", None))
    assert other_end.heard == b"ping"
    other_end.say(b"pong")
    assert run_sync(stream.read(100, None)) == b"pong"
    assert stream.extra("ssl_object").version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_large_content_comes_whole_however_it_is_cut(authority: Authority, size: int) -> None:
    stream, other_end = _talking(authority)
    other_end.most_at_once = size
    content = bytes(range(256)) * (4 if size == 1 else 400)
    other_end.say(content)
    received = b""
    while len(received) < len(content):
        received += run_sync(stream.read(65536, None))
    assert received == content
    large = content * 100
    run_sync(stream.write(large, None))
    assert other_end.heard == large


def test_records_that_are_here_come_in_one_read(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    for _ in range(3):
        other_end.say(b"x" * 10_000)
    assert run_sync(stream.read(65536, None)) == b"x" * 30_000


def test_a_signed_goodbye_is_the_end(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    other_end.say(b"last words")
    other_end.goodbye()
    assert run_sync(stream.read(100, None)) == b"last words"
    assert run_sync(stream.read(100, None)) == b""
    assert run_sync(stream.read(100, None)) == b""


def test_a_goodbye_that_comes_with_the_last_words_is_waited_for_no_more(authority: Authority) -> None:
    """The server may keep the connection open until it has heard ours."""
    stream, other_end = _talking(authority)
    other_end.say(b"last words")
    other_end.goodbye()
    other_end.has_gone = False
    assert run_sync(stream.read(100, None)) == b"last words"
    assert run_sync(stream.read(100, None)) == b""


def test_an_unsigned_end_is_an_error(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    other_end.say(b"last words")
    other_end.has_gone = True
    assert run_sync(stream.read(100, None)) == b"last words"
    with pytest.raises(ReadError, match=r"example\.org:443 cut the connection without a TLS goodbye"):
        run_sync(stream.read(100, None))


def _spoil(other_end: TLSPeer) -> None:
    """Let the server meet a record that is none; it says so by an alert, and that is its end."""
    other_end._incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ssl.SSLError):
        other_end.tls.read(1)


@pytest.mark.parametrize("is_looked_at", [False, True])
@pytest.mark.parametrize("has_spoken", [False, True])
def test_an_alert_is_no_goodbye(authority: Authority, has_spoken: bool, is_looked_at: bool) -> None:
    """OpenSSL tells of it once, and of a goodbye from then on; a body without a length would pass for complete."""
    stream, other_end = _talking(authority)
    if has_spoken:
        other_end.say(b"some")
    _spoil(other_end)
    if is_looked_at:
        assert stream.is_readable()
    if has_spoken:
        assert run_sync(stream.read(100, None)) == b"some"
    for _ in range(3):
        with pytest.raises(ReadError, match=r"reading from example.org:443 failed: .*alert bad record mac"):
            run_sync(stream.read(100, None))
        assert stream.is_readable()


def test_writing_to_a_peer_that_has_refused_us_is_an_error(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    _spoil(other_end)
    assert stream.is_readable()
    with pytest.raises(WriteError, match=r"writing to example\.org:443 failed"):
        run_sync(stream.write(b"x", None))


def test_a_record_that_was_tampered_with_is_an_error(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    other_end.say(b"hello")
    data = bytearray(other_end.take() or b"")
    data[-1] ^= 1
    stream._incoming.write(bytes(data))
    with pytest.raises(ReadError, match=r"reading from example.org:443 failed: .+"):
        run_sync(stream.read(100, None))


def test_a_session_ticket_does_not_make_an_idle_connection_readable(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    assert other_end.is_readable(), "OpenSSL sends tickets after the handshake; without them this shows nothing"
    assert not stream.is_readable()
    assert not other_end.is_readable()
    assert stream.take() is None


def test_content_or_a_goodbye_makes_it_readable(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    other_end.say(b"unasked")
    assert stream.is_readable()
    assert stream.is_readable()
    assert stream.take() == b"unasked"
    other_end.goodbye()
    assert stream.is_readable()


def test_content_that_comes_in_pieces_makes_it_readable(authority: Authority) -> None:
    """A world may hand over what has arrived piece by piece, and the first may be a ticket, or half a record."""
    stream, other_end = _talking(authority)
    other_end.most_at_once = 1
    other_end.say(b"unasked")
    assert stream.is_readable()
    assert stream.take() == b"unasked"


def test_closing_says_goodbye(authority: Authority) -> None:
    stream, other_end = _talking(authority)
    stream.close()
    stream.close()
    assert other_end.is_closed
    assert other_end.tls.read(100) == b"", "OpenSSL reads a signed goodbye as this, and anything else as an error"


def test_the_name_must_fit(authority: Authority) -> None:
    other_end = TLSPeer(authority.server)
    with pytest.raises(ConnectError) as caught:
        run_sync(start_tls(other_end, authority.settings(), "evil.org", "evil.org:443", Deadline(None)))
    assert str(caught.value) == (
        "TLS handshake with evil.org:443 failed: the certificate is not trusted: "
        "Hostname mismatch, certificate is not valid for 'evil.org'"
    )
    assert other_end.is_closed


def test_the_authority_must_be_known(authority: Authority) -> None:
    other_end = TLSPeer(authority.server)
    with pytest.raises(ConnectError, match="the certificate is not trusted: unable to get local issuer certificate"):
        run_sync(start_tls(other_end, TLSSettings(), "example.org", "example.org:443", Deadline(None)))


def test_without_verification_anybody_will_do(authority: Authority) -> None:
    other_end = TLSPeer(authority.server)
    run_sync(start_tls(other_end, TLSSettings(verify=False), "evil.org", "evil.org:443", Deadline(None)))


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["example.org"], "example.org"),
        (["example.org"], "example.org."),
        (["a.example", "example.org"], "EXAMPLE.org"),
        (["*.example.org"], "a.example.org"),
        (["bücher.example"], "xn--bcher-kva.example"),
        (["127.0.0.1"], "127.0.0.1"),
        (["::1"], "::1"),
        (["::1"], "0:0:0:0:0:0:0:1"),
        (["fe80::1"], "fe80::1%eth0"),
    ],
)
def test_names_that_fit(authority: Authority, names: list[str], host: str) -> None:
    server = authority.server_with(authority.ca.issue_cert(*names))
    run_sync(start_tls(TLSPeer(server), authority.settings(), host, "peer:443", Deadline(None)))


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["example.org"], "a.example.org"),
        (["example.org"], "example.org.."),
        (["example.org"], "example.org.evil"),
        (["*.example.org"], "example.org"),
        (["*.example.org"], "a.b.example.org"),
        (["*.org"], "127.0.0.1"),
        (["127.0.0.1"], "127.0.0.2"),
        (["127.0.0.1"], "::1"),
        (["127.0.0.1"], "::ffff:127.0.0.1"),
        (["fe80::1"], "fe80::2%eth0"),
    ],
)
def test_names_that_do_not_fit(authority: Authority, names: list[str], host: str) -> None:
    server = authority.server_with(authority.ca.issue_cert(*names))
    with pytest.raises(CertificateError, match="mismatch, certificate is not valid for") as caught:
        run_sync(start_tls(TLSPeer(server), authority.settings(), host, "peer:443", Deadline(None)))
    assert caught.value.verify_code in (62, 64)


@pytest.mark.parametrize("name", ["example.org", "127.0.0.1"])
def test_a_common_name_is_no_name(authority: Authority, name: str) -> None:
    """RFC 9110 §4.3.4: the reference identity is compared with subjectAltName alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _plain_certificate(name, key, name, key, is_authority=False, names=[]).public_bytes(PEM)
    server = _server_with(authority, _pem_of(key) + certificate)
    with pytest.raises(CertificateError, match="mismatch, certificate is not valid for"):
        run_sync(start_tls(TLSPeer(server), TLSSettings(certificate), name, "peer:443", Deadline(None)))


def test_an_address_is_not_told_as_a_name(authority: Authority) -> None:
    names: list[str | None] = []
    server = authority.server_with(authority.ca.issue_cert("127.0.0.1", "fe80::1", "example.org"))
    server.sni_callback = lambda connection, name, context: names.append(name)
    for host in ("127.0.0.1", "fe80::1%eth0", "example.org."):
        run_sync(start_tls(TLSPeer(server), authority.settings(), host, "peer:443", Deadline(None)))
    assert names == [None, None, "example.org"]


@pytest.mark.parametrize(
    ("steps", "error", "complaint"),
    [
        ([sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")], ConnectError, "the peer may speak plain HTTP on this port"),
        ([ends()], ConnectError, "failed: the peer closed the connection"),
        ([hangs()], ConnectTimeout, "TLS handshake with example.org:443 timed out after 0.01 s"),
    ],
)
def test_a_handshake_that_goes_nowhere_is_explained(
    authority: Authority, steps: Any, error: type[Exception], complaint: str
) -> None:
    stream = ScriptedStream(steps)
    stream.attach(ThreadBackend())
    with pytest.raises(error, match=complaint):
        run_sync(start_tls(stream, authority.settings(), "example.org", "example.org:443", Deadline(0.01)))
    assert stream.is_closed


def _refused(authority: Authority, server: ssl.SSLContext, settings: TLSSettings | None = None) -> ConnectError:
    other_end = TLSPeer(server)
    with pytest.raises(ConnectError) as caught:
        run_sync(
            start_tls(other_end, settings or authority.settings(), "example.org", "example.org:443", Deadline(None))
        )
    assert other_end.is_closed
    assert str(caught.value).startswith("TLS handshake with example.org:443 failed: ")
    assert is_final(caught.value)
    return caught.value


def test_why_a_certificate_is_not_trusted_is_told_with_what_may_be_behind_it(authority: Authority) -> None:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    past, future = (now - 2 * day, now - day), (now + day, now + 2 * day)
    issue = authority.ca.issue_cert
    stranger = trustme.CA().issue_cert("example.org")
    servers = {
        9: authority.server_with(issue("example.org", not_before=future[0], not_after=future[1])),
        10: authority.server_with(issue("example.org", not_before=past[0], not_after=past[1])),
        18: _server_of(authority),
        20: _server_with(authority, stranger.private_key_pem.bytes() + stranger.cert_chain_pems[0].bytes()),
        62: authority.server_with(issue("other.example")),
    }
    said = {}
    for code, server in servers.items():
        error = _refused(authority, server)
        assert isinstance(error, CertificateError)
        assert error.verify_code == code
        assert pickle.loads(pickle.dumps(error)).verify_code == code
        said[code] = str(error).partition("the certificate is not trusted: ")[2]
    assert said == {
        9: "certificate is not yet valid, unless this machine's clock is wrong",
        10: "certificate has expired, unless this machine's clock is wrong",
        18: "self-signed certificate; verify= may be a file with this very certificate, to trust it",
        20: "unable to get local issuer certificate; its authority is none that verify= trusts, or the server leaves "
        "out a certificate in between",
        62: "Hostname mismatch, certificate is not valid for 'example.org'",
    }


def test_a_certificate_that_strictness_refuses_is_explained(authority: Authority) -> None:
    """Since Python 3.13 contexts are strict, which old private authorities do not live up to."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _plain_certificate("an old authority", root_key, "an old authority", root_key, is_authority=True)
    server = _server_of(authority, "an old authority", root_key)
    contexts = [ssl.create_default_context(cadata=root.public_bytes(serialization.Encoding.DER)) for _ in range(2)]
    contexts[0].verify_flags &= ~ssl.VERIFY_X509_STRICT
    run_sync(start_tls(TLSPeer(server), TLSSettings(contexts[0]), "example.org", "example.org:443", Deadline(None)))
    contexts[1].verify_flags |= ssl.VERIFY_X509_STRICT
    error = _refused(authority, server, TLSSettings(contexts[1]))
    assert "certificates are held to RFC 5280 since Python 3.13; to accept this one, take ssl.VERIFY_X5" in str(error)


def _plain_certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    is_authority: bool,
    names: Sequence[str] = ("example.org",),
) -> x509.Certificate:
    """Return a certificate with few of the extensions that RFC 5280 wants."""
    ends = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, subject)]
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(*ends, key.public_key(), 1, begin, begin + datetime.timedelta(days=9))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _server_of(
    authority: Authority, issuer: str = "example", issuer_key: ec.EllipticCurvePrivateKey | None = None
) -> ssl.SSLContext:
    """Return a server's context with a certificate of this issuer, or one that is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _plain_certificate("example", key, issuer, issuer_key or key, is_authority=False)
    return _server_with(authority, _pem_of(key) + certificate.public_bytes(PEM))


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _server_with(authority: Authority, pem: bytes) -> ssl.SSLContext:
    """Return a server's context that sends this certificate, and nothing above it."""
    path = authority.folder / "server.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # an old server is what this is about
def test_a_server_of_an_old_version_is_explained(authority: Authority) -> None:
    server = authority.server_with(authority.certificate)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1
    error = _refused(authority, server)
    assert not isinstance(error, CertificateError)
    assert str(error).endswith("the peer speaks no version of TLS that is allowed here, most likely none from 1.2 on")


def test_a_server_without_a_cipher_of_ours_is_explained(authority: Authority) -> None:
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-SHA")
    error = _refused(authority, authority.server, TLSSettings(context))  # which has a key of another kind
    assert str(error).endswith("alert handshake failure; no cipher is allowed on both sides")


def test_closing_waits_for_nobody(authority: Authority) -> None:
    """Not for a peer that takes nothing, and not for a thread that is at work with the connection."""
    stream, other_end = _talking(authority)
    with stream._guard:
        stream.close()
    assert other_end.is_closed


@pytest.mark.parametrize("host", ["", ".example.org", "x" * 300])
def test_a_name_that_tls_cannot_carry_is_explained(authority: Authority, host: str) -> None:
    stream = ScriptedStream([])
    with pytest.raises(ConnectError, match="TLS with peer:443 could not begin"):
        run_sync(start_tls(stream, authority.settings(), host, "peer:443", Deadline(None)))
    assert stream.is_closed
