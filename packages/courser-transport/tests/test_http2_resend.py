"""Requests over HTTP/2 that are sent again by themselves, elsewhere or otherwise, and those that are not."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import pytest

from courser_models import Request
from courser_transport import RemoteProtocolError, create_ssl_context
from exchanges import Body, collect
from frames import FramePeer
from http2 import Handler, client, over_tls, played, serves, several
from serving import Certificates
from worlds import World, in_every_world

PROTOCOL_ERROR, REFUSED_STREAM, HTTP_1_1_REQUIRED = 1, 7, 13


@in_every_world
async def test_streams_that_were_opened_before_the_server_said_how_few_it_takes_are_sent_again(world: World) -> None:
    """Nobody knew better: what is refused waits for its turn, and all on the one connection."""
    burst, allowed = 10, 2

    def handler(sock: Any) -> None:
        peer = FramePeer(sock)
        assert peer._take(24)
        streams = [peer.request()[0] for _ in range(burst)]
        peer.send(4, 0, 0)
        peer.settings(max_concurrent_streams=allowed)
        for stream in streams[allowed:]:
            peer.reset(stream, REFUSED_STREAM)
        for stream in streams[:allowed]:
            peer.answer(stream)
        under_way = 0
        for _ in range(burst - allowed):
            stream, _, _ = peer.request()
            under_way += 1
            assert under_way <= allowed
            peer.answer(stream)
            under_way -= 1
        peer.until_goodbye()

    async with client(world, handler, max_connections=1) as it:
        content = b"content"
        answers = await several(world, burst, lambda: it.fetch(Request("POST", it.url, content=content)))
        assert answers == [b"hello"] * burst
        assert it.pool.stats().connections_made == 1


def goes_without_a_word(peer: FramePeer) -> None:
    """Serve one, and be gone when the next comes."""
    peer.serve_one()
    peer.request()
    peer.leave()


@in_every_world
async def test_a_connection_that_ended_under_an_idempotent_request_is_replaced(world: World) -> None:
    async with client(world, played(goes_without_a_word), serves(1)) as it:
        await it.fetch()
        assert await it.fetch() == b"hello"
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_what_may_have_been_acted_on_is_not_sent_again(world: World) -> None:
    async with client(world, played(goes_without_a_word), serves(1)) as it:
        await it.fetch()
        with pytest.raises(RemoteProtocolError, match="closed the connection before its response was complete"):
            await it.fetch(Request("POST", it.url, content=b"an order"))
        assert await it.fetch() == b"hello"


@in_every_world
async def test_a_connection_that_was_closed_while_idle_is_not_used_again(world: World) -> None:
    def closes(peer: FramePeer) -> None:
        peer.serve_one()
        peer.leave()

    async with client(world, played(closes), serves(1)) as it:
        await it.fetch()
        await world.until(lambda: it.pool.look_at_idle() or not it.pool.open)
        assert await it.fetch(Request("POST", it.url, content=b"an order")) == b"hello"


@in_every_world
async def test_a_stream_that_broke_the_rules_is_not_sent_again(world: World) -> None:
    heard: list[int] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        heard.append(stream)
        peer.reset(stream, PROTOCOL_ERROR)
        peer.until_goodbye()

    async with client(world, played(handler)) as it:
        with pytest.raises(RemoteProtocolError, match="PROTOCOL_ERROR"):
            await it.fetch()
    assert heard == [1]


@in_every_world
async def test_when_stream_numbers_run_out_another_connection_is_made(world: World) -> None:
    def last_but_one(peer: FramePeer) -> None:
        assert [peer.serve_one() for _ in range(3)] == [1, 2**31 - 3, 2**31 - 1]
        peer.until_goodbye()

    async with client(world, played(last_but_one), serves(2)) as it:
        await it.fetch()
        [connection] = it.pool._connections
        connection._session.next_id = 2**31 - 3  # type: ignore[attr-defined]
        for _ in range(4):
            assert await it.fetch() == b"hello"
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_a_burst_is_served_by_one_connection_after_the_other(world: World) -> None:
    """Each serves one request, and says goodbye to the others; that is no refusal, however often."""
    burst = 15

    def one_of(count: int) -> Handler:
        def handler(peer: FramePeer) -> None:
            streams = [peer.request()[0] for _ in range(count)]
            peer.goodbye(streams[0])
            peer.answer(streams[0])
            peer.until_goodbye()

        return played(handler)

    async with client(world, *[one_of(count) for count in range(burst, 0, -1)]) as it:
        content = b"content"
        answers = await several(world, burst, lambda: it.fetch(Request("POST", it.url, content=content)))
        assert answers == [b"hello"] * burst
        assert it.pool.stats().connections_made == burst


# A server that wants HTTP/1.1 after all


def answers_http1(sock: ssl.SSLSocket) -> None:
    """Answer each request on a connection on which HTTP/1.1 alone was offered."""
    assert sock.selected_alpn_protocol() == "http/1.1"
    with contextlib.suppress(OSError):
        while data := sock.recv(65536):
            body = data.partition(b"\r\n\r\n")[2]
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def wants_http1(by: str) -> Handler:
    """Refuse HTTP/2 after it was chosen, by a reset or a goodbye."""

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        if by == "reset":
            peer.reset(stream, HTTP_1_1_REQUIRED)
        else:
            peer.goodbye(0, HTTP_1_1_REQUIRED)
        peer.until_goodbye()

    return played(handler)


@pytest.mark.parametrize("by", ["reset", "goodbye"])
@in_every_world
async def test_a_server_that_wants_http1_gets_it(world: World, certificates: Certificates, by: str) -> None:
    async with over_tls(world, certificates, wants_http1(by), answers_http1, http2=True) as it:
        for content in (b"once more", b"and from now on"):
            response = await it.send("POST", content=content)
            assert response.extensions["http_version"] == b"HTTP/1.1"
            assert await collect(response) == content
        assert it.transport.pool.stats().connections_made == 2


@in_every_world
async def test_a_body_that_is_gone_is_not_sent_over_http1_but_the_next_is(
    world: World, certificates: Certificates
) -> None:
    async with over_tls(world, certificates, wants_http1("reset"), answers_http1, http2=True) as it:
        with pytest.raises(RemoteProtocolError, match="HTTP_1_1_REQUIRED"):
            await it.send("POST", content=Body(world, b"once").content)
        assert await collect(await it.send("POST", content=b"again")) == b"again"


@in_every_world
async def test_a_server_that_wants_http1_of_one_that_speaks_it_not_is_refused(
    world: World, certificates: Certificates
) -> None:
    async with over_tls(world, certificates, wants_http1("reset"), http1=False, http2=True) as it:
        with pytest.raises(RemoteProtocolError, match="HTTP_1_1_REQUIRED"):
            await it.send()


@in_every_world
async def test_a_context_of_the_users_own_offers_what_it_offers(world: World, certificates: Certificates) -> None:
    """It cannot be copied, and is not changed under way, so the wish is an error that says what helps."""
    context = create_ssl_context(str(certificates.file), trust_env=False)
    async with over_tls(world, certificates, wants_http1("reset"), verify=context, http2=True) as it:
        with pytest.raises(RemoteProtocolError, match=r"HTTP_1_1_REQUIRED.*use a client with http2=False"):
            await it.send()
