"""TLS as one pump: against OpenSSL in the test's own hands, over memory and over sockets."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from courser_transport import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    create_ssl_context,
    run_sync,
)
from courser_transport._backends.threads import ThreadBackend
from courser_transport._deadline import Deadline
from courser_transport._tls import TLSStream, shared_ssl_context, start_tls
from courser_transport.testing import ScriptedStream, ends, hangs, sends


class Authority:
    """A certificate authority, and what servers and clients of it use."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self.ca.issue_cert("example.org")
        certificate.configure_cert(self.server)
        self.certificate_file = str(folder / "client.pem")
        certificate.private_key_and_cert_chain_pem.write_to_path(self.certificate_file)

    def client(self) -> ssl.SSLContext:
        return create_ssl_context(verify=self.file)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


class TLSPeer:
    """A stream whose other end is an OpenSSL server in memory; `say` is what it says after the handshake."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.heard = b""
        self.is_closed = False
        self.has_gone = False
        self.most_at_once = 1 << 20

    def say(self, data: bytes) -> None:
        self.tls.write(data)

    def goodbye(self) -> None:
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.has_gone = True

    async def write(self, data: bytes, timeout: float | None) -> None:
        self._incoming.write(data)
        try:
            if not self.tls.version() or not self.tls.cipher():
                self.tls.do_handshake()
            while True:
                self.heard += self.tls.read(65536)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass

    def take(self) -> bytes | None:
        if self._outgoing.pending:
            return self._outgoing.read(self.most_at_once)
        return b"" if self.has_gone else None

    async def read(self, limit: int, timeout: float | None) -> bytes:
        data = self.take()
        if data is None:
            raise ReadTimeout("nothing to read")
        return data

    def is_readable(self) -> bool:
        return bool(self._outgoing.pending) or self.has_gone

    def close(self, farewell: bytes = b"") -> None:
        self.is_closed = True
        self._incoming.write(farewell)

    def extra(self, name: str) -> Any:
        return None


def _talking(authority: Authority) -> tuple[TLSStream, TLSPeer]:
    other_end = TLSPeer(authority.server)
    stream = run_sync(start_tls(other_end, authority.client, "example.org", "example.org:443", Deadline(None)))
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
        run_sync(start_tls(other_end, authority.client, "evil.org", "evil.org:443", Deadline(None)))
    assert str(caught.value) == (
        "TLS handshake with evil.org:443 failed: the certificate is not trusted: "
        "Hostname mismatch, certificate is not valid for 'evil.org'"
    )
    assert other_end.is_closed


def test_the_authority_must_be_known(authority: Authority) -> None:
    other_end = TLSPeer(authority.server)
    with pytest.raises(ConnectError, match="the certificate is not trusted: unable to get local issuer certificate"):
        run_sync(start_tls(other_end, create_ssl_context, "example.org", "example.org:443", Deadline(None)))


def test_without_verification_anybody_will_do(authority: Authority) -> None:
    other_end = TLSPeer(authority.server)
    context = create_ssl_context(verify=False)
    run_sync(start_tls(other_end, lambda: context, "evil.org", "evil.org:443", Deadline(None)))


@pytest.mark.parametrize("host", ["example.org.", "example.org"])
def test_a_final_dot_is_no_part_of_the_name(authority: Authority, host: str) -> None:
    run_sync(start_tls(TLSPeer(authority.server), authority.client, host, "example.org:443", Deadline(None)))


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
        run_sync(start_tls(stream, authority.client, "example.org", "example.org:443", Deadline(0.01)))
    assert stream.is_closed


@pytest.mark.parametrize("host", ["", ".example.org", "x" * 300])
def test_a_name_that_tls_cannot_carry_is_explained(authority: Authority, host: str) -> None:
    stream = ScriptedStream([])
    with pytest.raises(ConnectError, match="TLS with peer:443 could not begin"):
        run_sync(start_tls(stream, authority.client, host, "peer:443", Deadline(None)))
    assert stream.is_closed


def test_contexts_are_strict_by_default() -> None:
    context = create_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_authorities_come_from_the_environment_if_it_is_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = len(create_ssl_context().get_ca_certs())
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert len(create_ssl_context().get_ca_certs()) == 1
    assert len(create_ssl_context(trust_env=False).get_ca_certs()) == everybody > 1


def test_a_folder_of_authorities_will_do(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert create_ssl_context(verify=str(tmp_path)).verify_mode is ssl.CERT_REQUIRED
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert create_ssl_context().get_ca_certs() == []


def test_secrets_are_logged_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "keys")
    monkeypatch.setenv("SSLKEYLOGFILE", file)
    assert create_ssl_context().keylog_filename == file
    assert create_ssl_context(verify=False).keylog_filename == file
    assert create_ssl_context(trust_env=False).keylog_filename is None


def test_files_that_are_not_there_are_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"verify='/nowhere/ca\.pem'"):
        create_ssl_context(verify="/nowhere/ca.pem")


def test_a_client_certificate_is_loaded(authority: Authority) -> None:
    file = authority.certificate_file
    for cert in (file, (file, file), (file, file, None)):
        create_ssl_context(verify=False, cert=cert)
    with pytest.raises(FileNotFoundError):
        create_ssl_context(cert="/nowhere/client.pem")


def test_equal_settings_share_a_context_and_others_do_not(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared = shared_ssl_context(True, None, True)
    assert shared_ssl_context(True, None, True) is shared
    assert shared_ssl_context(False, None, True) is not shared
    assert shared_ssl_context(True, authority.certificate_file, True) is not shared
    assert shared_ssl_context(authority.file, None, True) is shared_ssl_context(authority.file, None, True)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert shared_ssl_context(True, None, True) is not shared


def test_a_file_that_changed_is_read_again(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(Path(authority.file).read_bytes())
    before = shared_ssl_context(str(file), None, True)
    trustme.CA().cert_pem.write_to_path(str(file), append=True)
    import os

    os.utime(file, ns=(1, 1))
    after = shared_ssl_context(str(file), None, True)
    assert (len(before.get_ca_certs()), len(after.get_ca_certs())) == (1, 2)


def test_a_context_that_is_given_is_used_as_it_is(authority: Authority) -> None:
    context = authority.client()
    assert create_ssl_context(context) is context
    assert shared_ssl_context(context, None, True) is context
    with pytest.raises(ValueError, match="belongs into the SSLContext that is given"):
        shared_ssl_context(context, authority.certificate_file, True)
