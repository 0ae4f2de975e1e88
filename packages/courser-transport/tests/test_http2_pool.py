"""Pools whose connections are shared: one to an origin, more when its streams are used up, and requests sent again."""

from __future__ import annotations

import contextlib
import queue
import ssl
from typing import Any

import pytest

from courser_models import Request
from courser_transport import ConnectError, PoolTimeout, RemoteProtocolError
from exchanges import Body, collect
from frames import RST_STREAM, FramePeer
from http2 import client, played, secure_client, serves, several, tls_server
from serving import Certificates
from worlds import PATIENCE, World, in_event_loops, in_every_world


@in_every_world
async def test_a_cold_burst_shares_one_connection(world: World) -> None:
    async with client(world, serves(30)) as it:
        assert await several(world, 30, it.fetch) == [b"hello"] * 30
        stats = it.pool.stats()
        assert (stats.connections_made, stats.idle, stats.streams) == (1, 1, 0)


@in_every_world
async def test_another_connection_is_made_when_the_streams_are_used_up(world: World) -> None:
    def first(peer: FramePeer) -> None:
        peer.serve_one()
        held.extend([peer, *[peer.request()[0] for _ in range(2)]])

    def second(peer: FramePeer) -> None:
        for stream in [peer.request()[0] for _ in range(2)]:
            peer.answer(stream)
        before, *streams = held
        for stream in streams:
            before.answer(stream)
        peer.until_goodbye()

    held: list[Any] = []
    async with client(world, played(first, {3: 2}), played(second, {3: 2})) as it:
        assert await it.fetch() == b"hello"
        assert await several(world, 4, it.fetch) == [b"hello"] * 4
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_who_finds_no_stream_and_no_place_waits_for_a_stream(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        held, _, _ = peer.request()
        peer.head(held)
        assert goes_on.get(timeout=PATIENCE)
        peer.data(held, b"hello", ends=True)
        for _ in range(7):
            peer.serve_one()
        peer.until_goodbye()

    goes_on: queue.Queue[bool] = queue.Queue()
    async with client(world, played(handler, {3: 1}), max_connections=1) as it:
        assert await it.fetch() == b"hello"
        held = await it.send()
        with pytest.raises(PoolTimeout):
            await it.send(pool=0.05)
        waiting = await world.beside(it.fetch)
        await world.until(lambda: it.pool.waiting == 1)
        goes_on.put(True)
        await collect(held)
        assert await waiting.result() == b"hello"
        await several(world, 6, it.fetch)
        assert it.pool.stats().connections_made == 1


@in_every_world
async def test_more_streams_serve_those_who_wait(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        first, _, _ = peer.request()
        peer.settings(max_concurrent_streams=3)
        for stream in [peer.request()[0] for _ in range(2)]:
            peer.answer(stream)
        peer.answer(first)
        peer.until_goodbye()

    async with client(world, played(handler, {3: 1}), max_connections=1) as it:
        await it.fetch()
        assert await several(world, 3, it.fetch) == [b"hello"] * 3


@in_every_world
async def test_fewer_streams_than_are_under_way_end_nobody(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        streams = [peer.request()[0] for _ in range(3)]
        peer.settings(max_concurrent_streams=1)
        for stream in streams:
            peer.answer(stream)
        peer.serve_one()
        peer.until_goodbye()

    async with client(world, played(handler), max_connections=1) as it:
        assert await several(world, 3, it.fetch) == [b"hello"] * 3
        assert await it.fetch() == b"hello"
        assert it.pool.stats().connections_made == 1


@in_every_world
@pytest.mark.parametrize("last", [0, 1])
async def test_what_a_goodbye_leaves_unprocessed_is_sent_again(world: World, last: int) -> None:
    def ends(peer: FramePeer) -> None:
        for _ in range(5):
            peer.request()
        peer.goodbye(last)
        if last:
            peer.answer(last)
        peer.until_goodbye()

    async with client(world, played(ends), serves(5 - last)) as it:
        content = b"content"
        answers = await several(world, 5, lambda: it.fetch(Request("POST", it.url, content=content)))
        assert answers == [b"hello"] * 5
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_what_was_refused_is_sent_again_on_the_same_connection(world: World) -> None:
    def refuses(peer: FramePeer) -> None:
        for _ in range(3):
            stream, _, _ = peer.request()
            peer.reset(stream, 7)
        peer.serve_one()
        peer.until_goodbye()

    async with client(world, played(refuses)) as it:
        assert await it.fetch(Request("POST", it.url, content=b"content")) == b"hello"
        assert it.pool.stats().connections_made == 1


@in_every_world
async def test_a_body_that_cannot_be_produced_again_is_not_sent_again(world: World) -> None:
    def refuses(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.content(stream)
        peer.reset(stream, 7)
        peer.until_goodbye()

    async with client(world, played(refuses)) as it:
        body = Body(world, b"once")
        with pytest.raises(RemoteProtocolError, match="REFUSED_STREAM") as caught:
            await it.fetch(Request("POST", it.url, content=body.content))
        assert caught.value.request.method == "POST"


@in_every_world
async def test_a_server_that_refuses_for_ever_is_not_asked_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("courser_transport._sending._LONGEST_PAUSE", 0.01)
    heard: list[int] = []

    def refuses(peer: FramePeer) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                stream, _, _ = peer.request()
                heard.append(stream)
                peer.reset(stream, 7)

    async with client(world, played(refuses)) as it:
        with pytest.raises(RemoteProtocolError, match="REFUSED_STREAM"):
            await it.fetch()
    assert len(heard) == 9


@in_every_world
async def test_a_connection_that_said_goodbye_while_idle_is_not_used_again(world: World) -> None:
    def ends(peer: FramePeer) -> None:
        peer.serve_one()
        peer.goodbye(1)
        peer.until_goodbye()

    async with client(world, played(ends), serves(1)) as it:
        await it.fetch()
        await world.until(lambda: it.pool.look_at_idle() or not it.pool.open)
        assert await it.fetch(Request("POST", it.url, content=b"x")) == b"hello"


@in_every_world
async def test_a_goodbye_lets_what_runs_end_and_new_requests_go_elsewhere(world: World) -> None:
    done: queue.Queue[bool] = queue.Queue()

    def drains(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.goodbye(stream)
        peer.data(stream, b"first ")
        assert done.get(timeout=PATIENCE)
        peer.data(stream, b"last", ends=True)
        peer.until_goodbye()

    async with client(world, played(drains), serves(1)) as it:
        slow = await it.send()
        [connection] = it.pool._connections
        await world.until(lambda: connection.look() or not connection.capacity)  # type: ignore[attr-defined]
        other = await world.beside(it.fetch)
        await world.until(lambda: it.pool.stats().connections_made == 2)
        done.put(True)
        assert await collect(slow) == b"first last"
        assert await other.result() == b"hello"


@in_every_world
async def test_a_worn_connection_takes_no_more(world: World) -> None:
    async with client(world, serves(3), serves(2), max_requests_per_connection=3) as it:
        for _ in range(5):
            assert await it.fetch() == b"hello"
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_a_connection_that_has_grown_old_lets_what_runs_end_and_takes_no_more(world: World) -> None:
    held: list[Any] = []

    def first(peer: FramePeer) -> None:
        held.extend([peer, peer.request()[0]])

    def second(peer: FramePeer) -> None:
        peer.serve_one()
        before, stream = held
        before.answer(stream)
        peer.until_goodbye()

    async with client(world, played(first), played(second), max_connection_age=1000.0) as it:
        running = await world.beside(it.fetch)
        await world.until(lambda: len(held) == 2)
        [connection] = it.pool._connections
        connection.born -= 2000.0  # type: ignore[attr-defined]
        assert await it.fetch() == b"hello"
        assert await running.result() == b"hello"
        assert it.pool.stats().connections_made == 2


@in_every_world
async def test_a_server_that_takes_no_more_streams_for_a_while_is_waited_for(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        slow, _, _ = peer.request()
        peer.settings(max_concurrent_streams=0)
        peer.head(slow)
        assert goes_on.get(timeout=PATIENCE)
        peer.settings(max_concurrent_streams=5)
        peer.serve_one()
        peer.data(slow, b"hello", ends=True)
        peer.until_goodbye()

    goes_on: queue.Queue[bool] = queue.Queue()
    async with client(world, played(handler), max_connections=1) as it:
        slow = await it.send()
        reading = await world.beside(lambda: collect(slow))
        waiting = await world.beside(it.fetch)
        await world.until(lambda: it.pool.waiting == 1)
        goes_on.put(True)
        assert await waiting.result() == b"hello"
        assert await reading.result() == b"hello"


@in_every_world
async def test_a_peer_that_speaks_http1_is_told_apart(world: World) -> None:
    def speaks_http1(sock: Any) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sock.recv(65536):
                pass

    async with client(world, speaks_http1) as it:
        with pytest.raises(RemoteProtocolError, match=r"speaks HTTP/1\.1, and HTTP/2 was asked for"):
            await it.fetch()


@in_every_world
async def test_a_dropped_response_gives_its_stream_back(world: World) -> None:
    heard: list[int] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        heard.append(peer.expect(RST_STREAM).stream)
        peer.serve_one()
        peer.until_goodbye()

    async with client(world, played(handler)) as it:
        response = await it.send()
        with pytest.warns(ResourceWarning, match="was dropped before it was read or closed"):
            del response
        await world.until(lambda: bool(heard))
        assert await it.fetch() == b"hello"
        assert it.pool.stats().streams == 0


@in_event_loops
async def test_cancelling_anywhere_loses_neither_stream_nor_place(world: World) -> None:
    """The same exchange, cancelled after one turn, after two, and so on."""
    rounds = 60

    def handler(peer: FramePeer) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                stream, _, _ = peer.request()
                peer.head(stream)
                peer.data(stream, b"he")
                peer.data(stream, b"llo", ends=True)

    async with client(world, *[played(handler)] * 1, max_connections=1) as it:
        await it.fetch()
        for turns in range(rounds):
            task = await world.beside(it.fetch)
            for _ in range(turns // 3):
                await world.turn()
            task.cancel()
            await task.ended()
        assert await it.fetch() == b"hello"
        stats = it.pool.stats()
        assert (stats.streams, stats.idle, stats.connections_made) == (0, 1, 1)
        [connection] = it.pool._connections
        session = connection._session  # type: ignore[attr-defined]
        assert not session.streams
        assert session._receive_window + session._unreturned == 24 * 1024 * 1024


# Over TLS, where the server chooses


def answers_http1(sock: ssl.SSLSocket) -> None:
    while sock.recv(65536):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@in_every_world
async def test_a_server_that_chooses_http2_is_shared(world: World, certificates: Certificates) -> None:
    server = tls_server(certificates, ["h2", "http/1.1"], serves(10))
    async with secure_client(world, certificates, server) as it:
        assert await several(world, 10, it.fetch) == [b"hello"] * 10
        assert it.pool.stats().connections_made == 1


@in_every_world
async def test_a_server_that_chooses_http1_is_waited_for_once(world: World, certificates: Certificates) -> None:
    server = tls_server(certificates, ["http/1.1"], answers_http1)
    async with secure_client(world, certificates, server, max_connections=1) as it:
        tasks = [await world.beside(it.send) for _ in range(4)]
        for task in tasks:
            response = await task.result()
            assert response.extensions["http_version"] == b"HTTP/1.1"
            await collect(response)
        assert len(it.pool._http1_origins) == 1


@in_every_world
async def test_http2_alone_needs_a_server_that_speaks_it(world: World, certificates: Certificates) -> None:
    def gone(sock: ssl.SSLSocket) -> None:
        with contextlib.suppress(OSError):
            sock.recv(1)

    server = tls_server(certificates, ["http/1.1"], gone)
    async with secure_client(world, certificates, server, http1=False) as it:
        with pytest.raises(ConnectError, match="does not speak HTTP/2, and http1=False leaves nothing else"):
            await it.fetch()
        assert it.pool.open == 0


@in_every_world
async def test_those_who_wait_for_the_first_try_for_themselves_when_it_fails(
    world: World, certificates: Certificates
) -> None:
    def fails(sock: Any) -> None:
        sock.close()

    server = tls_server(certificates, ["h2"], serves(4))
    async with secure_client(world, certificates, fails, server, max_connections=1) as it:
        tasks = [await world.beside(it.fetch) for _ in range(5)]
        outcomes = []
        for task in tasks:
            try:
                outcomes.append(await task.result())
            except ConnectError:
                outcomes.append(None)
        assert outcomes.count(b"hello") == 4
