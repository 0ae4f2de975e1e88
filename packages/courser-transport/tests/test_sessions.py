"""Sessions: the second handshake is shorter, and never skips a check that could have come out otherwise."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from authorities import Authority, TLSPeer
from courser_models import Request
from courser_transport import CertificateError, ConnectionPool, Deadline, Limits, run_sync
from courser_transport._connect import Connector
from courser_transport._tls import TLSSettings, TLSStream, _sessions, start_tls
from exchanges import collect
from serving import Certificates, serving
from worlds import World, in_every_world

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def connect(
    settings: TLSSettings,
    server: ssl.SSLContext,
    name: str = "example.org",
    peer: str = "",
    says: bytes = b"hello",
    way: str = "",
) -> TLSStream:
    """Shake hands, and hear what a server says, its tickets included; the connection is closed afterwards."""
    other_end = TLSPeer(server)
    stream = run_sync(start_tls(other_end, settings, name, peer or f"{name}:443", Deadline(None), way=way))
    other_end.say(says)
    assert run_sync(stream.read(100, None)) == says
    stream.close()
    return stream


def shake_hands(settings: TLSSettings, other_end: TLSPeer) -> TLSStream:
    return run_sync(start_tls(other_end, settings, "example.org", "example.org:443", Deadline(None)))


def is_resumed(stream: TLSStream) -> bool:
    return bool(stream.extra("ssl_object").session_reused)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_second_connection_resumes_the_session_of_the_first(authority: Authority, version: ssl.TLSVersion) -> None:
    settings, server = authority.settings(), authority.server_with(authority.certificate, version)
    assert [is_resumed(connect(settings, server)) for _ in range(4)] == [False, True, True, True]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_need_not_be_closed(authority: Authority, version: ssl.TLSVersion) -> None:
    settings, server = authority.settings(), authority.server_with(authority.certificate, version)
    other_end = TLSPeer(server)
    first = shake_hands(settings, other_end)
    other_end.say(b"hello")
    run_sync(first.read(100, None))
    assert is_resumed(connect(settings, server))
    other_end.say(b"more")
    assert run_sync(first.read(100, None)) == b"more"


def test_a_ticket_of_tls_1_3_is_used_once(authority: Authority) -> None:
    settings = authority.settings()
    server = authority.server_with(authority.certificate, ssl.TLSVersion.TLSv1_3)
    connect(settings, server)
    at_once = [shake_hands(settings, TLSPeer(server)) for _ in range(3)]
    assert [is_resumed(stream) for stream in at_once] == [True, False, False]


def test_a_session_of_tls_1_2_serves_several(authority: Authority) -> None:
    settings = authority.settings()
    server = authority.server_with(authority.certificate, ssl.TLSVersion.TLSv1_2)
    connect(settings, server)
    at_once = [shake_hands(settings, TLSPeer(server)) for _ in range(3)]
    assert [is_resumed(stream) for stream in at_once] == [True, True, True]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_has_forgotten_is_shaken_hands_with_anew(authority: Authority, version: ssl.TLSVersion) -> None:
    settings = authority.settings()
    before, after = (authority.server_with(authority.certificate, version) for _ in range(2))
    connect(settings, before)
    assert [is_resumed(connect(settings, after)) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "change",
    ["context", "name", "peer", "way", "pins", "client certificate", "no verification"],
)
def test_nothing_is_resumed_across(authority: Authority, version: ssl.TLSVersion, change: str) -> None:
    certificate = authority.ca.issue_cert("example.org", "other.example")
    server = authority.server_with(certificate, version)
    settings = authority.settings()
    connect(settings, server)
    other, name, peer, way = settings, "example.org", "", ""
    if change == "context":
        other = authority.settings(http2=True)
    elif change == "pins":
        other = authority.settings(pins={"example.org": _fingerprint(certificate)})
    elif change == "client certificate":
        other = authority.settings(cert=authority.certificate_file)
    elif change == "no verification":
        other = TLSSettings(verify=False)
    elif change == "name":
        name = "other.example"
        peer = "example.org:443"
    elif change == "way":
        way = "http://proxy.example"
    else:
        peer = "example.org:444"
    assert not is_resumed(connect(other, server, name, peer, way=way))


def _fingerprint(certificate: trustme.LeafCert) -> str:
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode("ascii"))
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("version", VERSIONS)
def test_pins_are_compared_with_what_a_resumed_session_says(
    authority: Authority, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _fingerprint(authority.certificate)
    settings = authority.settings(pins={"example.org": shown})
    server = authority.server_with(authority.certificate, version)
    connect(settings, server)
    assert is_resumed(connect(settings, server))
    monkeypatch.setattr(settings, "_pins", authority.settings(pins={"example.org": "00" * 32})._pins)
    with pytest.raises(CertificateError, match=f"it shows the certificate {shown}"):
        connect(settings, server)


def test_a_context_that_others_may_change_resumes_nothing(authority: Authority) -> None:
    """Whoever gave it may have made it stricter since, and a resumed session would not notice."""
    settings = TLSSettings(authority.client())
    assert [is_resumed(connect(settings, authority.server)) for _ in range(3)] == [False, False, False]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_outlives_the_certificate(authority: Authority, version: ssl.TLSVersion) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=600)
    server = authority.server_with(authority.ca.issue_cert("example.org", not_after=soon), version)
    settings = authority.settings()
    connect(settings, server)
    assert is_resumed(connect(settings, server))
    with _later(601):
        assert not is_resumed(connect(settings, server))


@pytest.mark.parametrize("version", VERSIONS)
def test_no_chain_of_sessions_goes_on_for_more_than_an_hour(authority: Authority, version: ssl.TLSVersion) -> None:
    settings, server = authority.settings(), authority.server_with(authority.certificate, version)
    connect(settings, server)
    with _later(1800):
        assert is_resumed(connect(settings, server))
    with _later(3590):
        assert is_resumed(connect(settings, server))
    with _later(3610):
        assert not is_resumed(connect(settings, server))
    with _later(3620):
        assert is_resumed(connect(settings, server))


class _later:
    """The clocks of sessions go ahead by so many seconds; OpenSSL's own stays."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        ahead = self._seconds

        class Clock:
            monotonic: Callable[[], float] = staticmethod(lambda: time.monotonic() + ahead)
            time: Callable[[], float] = staticmethod(lambda: time.time() + ahead)

        self._patch.setattr(_sessions, "time", Clock)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def test_only_so_many_peers_are_remembered(authority: Authority) -> None:
    settings = authority.settings()
    for number in range(70):
        connect(settings, authority.server, peer=f"example.org:{number}")
    assert settings.sessions is not None
    assert len(settings.sessions._kept) == 64
    assert not is_resumed(connect(settings, authority.server, peer="example.org:0"))
    assert is_resumed(connect(settings, authority.server, peer="example.org:69"))


def test_a_connection_that_is_at_work_is_not_asked_for_its_session(authority: Authority) -> None:
    settings, server = authority.settings(), authority.server
    stream = connect(settings, server)
    with stream._guard:
        assert not is_resumed(connect(settings, server))
    assert is_resumed(connect(settings, server))


def test_many_threads_may_resume_at_once(authority: Authority) -> None:
    settings, server = authority.settings(), authority.server
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                connect(settings, server)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@in_every_world
async def test_a_pool_s_second_connection_resumes_the_first_s_session(world: World, certificates: Certificates) -> None:
    with serving(certificates.server) as server:
        connector = Connector(world.backend, TLSSettings(certificates.file))
        pool = ConnectionPool(world.backend, connector, Limits(max_keepalive_connections=0), world.body)
        resumed: list[Any] = []
        for _ in range(3):
            response = await pool.send(Request("GET", f"{server.url}/half", extensions={"timeout": {}}))
            resumed.append(response.extensions["network_stream"].get_extra_info("ssl_object").session_reused)
            response.stream.finish()  # type: ignore[union-attr]
        assert resumed == [False, True, True]
        assert await collect(await pool.send(Request("GET", f"{server.url}/"))) == b"hello"
        pool.close()
