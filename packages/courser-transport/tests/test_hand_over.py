"""Connections that speak another protocol from now on: after 101, and after CONNECT."""

from __future__ import annotations

import gc
import ssl
from typing import Any

import pytest
import trustme

from courser_models import Request, Response
from courser_transport import ReadError, ReadTimeout, RemoteProtocolError, WriteError, create_ssl_context
from courser_transport._hand_over import AsyncNetworkStream, NetworkStream
from courser_transport.testing import expects, hears, sends
from exchanges import OK, URL, Wire, collect, give_up, hear, real, scripted, serving, until_goodbye
from worlds import PATIENCE, World, in_every_world

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def _upgrade(url: str = URL) -> Request:
    return Request("GET", url, headers={"Connection": "upgrade", "Upgrade": "echo"})


class Line:
    """A network stream, used in the colour it has."""

    def __init__(self, response: Response) -> None:
        self.stream: Any = response.extensions["network_stream"]
        self._is_async = isinstance(self.stream, AsyncNetworkStream)
        assert self._is_async or isinstance(self.stream, NetworkStream)

    async def read(self, most: int, timeout: float | None = None) -> bytes:
        return await self.stream.read(most, timeout) if self._is_async else self.stream.read(most, timeout)

    async def write(self, data: bytes) -> None:
        done = self.stream.write(data, timeout=PATIENCE)
        if self._is_async:
            await done

    async def start_tls(self, context: ssl.SSLContext, name: str | None) -> None:
        begun = self.stream.start_tls(context, server_hostname=name, timeout=PATIENCE)
        self.stream = await begun if self._is_async else begun

    async def close(self) -> None:
        if self._is_async:
            await self.stream.aclose()
        else:
            self.stream.close()


@in_every_world
async def test_an_upgrade_hands_the_connection_over_with_what_came_along(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(SWITCH + b"leading"), hears(b"ping"), sends(b"pong"))
    response = await wire.connection.send(_upgrade())
    assert response.status_code == 101
    line = Line(response)
    assert line.stream.get_extra_info("is_readable")
    assert (await line.read(4), await line.read(4)) == (b"lead", b"ing")
    assert not line.stream.get_extra_info("is_readable")
    await line.write(b"ping")
    assert (await line.read(2), await line.read(65536)) == (b"po", b"ng")
    assert wire.released == []
    await line.close()


@in_every_world
async def test_closing_gives_the_place_back_once(world: World) -> None:
    for leave in ((Line.close,), (Line.close, Line.close), (give_up,), (Line.close, give_up), (give_up, Line.close)):
        wire = Wire(world, expects(b"GET"), sends(SWITCH))
        response = await wire.connection.send(_upgrade())
        line = Line(response)
        for way in leave:
            await (way(response) if way is give_up else way(line))
        assert wire.released == [False]
        del response, line
        gc.collect()
        assert (wire.released, wire.owner.dropped) == ([False], 0)


@in_every_world
async def test_the_stream_may_outlive_the_response(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(SWITCH), sends(b"news"))
    line = Line(await wire.connection.send(_upgrade()))
    gc.collect()
    assert not wire.stream.is_closed
    assert await line.read(100) == b"news"
    await line.close()
    assert wire.released == [False]


@in_every_world
async def test_a_stream_that_was_given_away_and_closed_says_that_it_was(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(SWITCH))
    response = await wire.connection.send(_upgrade())
    line = Line(response)
    await give_up(response)

    with pytest.raises(ReadError, match=r"the connection to example\.org:80 was closed by this program"):
        await line.read(10)
    with pytest.raises(WriteError, match="was closed by this program"):
        await line.write(b"anybody?")


@in_every_world
async def test_a_response_that_is_dropped_gives_the_place_back_with_a_warning(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(SWITCH))
    response = await wire.connection.send(_upgrade())
    with pytest.warns(ResourceWarning, match="was dropped before it was read or closed"):
        del response
    assert wire.owner.dropped == 1


@in_every_world
async def test_the_stream_of_a_response_that_is_over_leaves_the_next_one_alone(world: World) -> None:
    script = [sends(OK), expects(b"GET"), sends(OK[:-3]), hears(b"GET"), sends(OK[-3:])]
    with scripted(world, script) as (pool, _):
        first = await pool.send(Request("GET", URL))
        await collect(first)
        second = await pool.send(Request("GET", URL))
        line = Line(first)
        assert first.extensions["network_stream"].get_extra_info("is_readable") is False
        with pytest.raises(RuntimeError, match=r"the response is over, and its connection to example\.org:80 may"):
            await line.read(100)
        with pytest.raises(RuntimeError, match="the response is over"):
            await line.write(b"GET")
        await line.close()
        assert (pool.open, pool.lent) == (1, 1)
        await Line(second).write(b"GET")
        assert await collect(second) == b"hello"


@in_every_world
async def test_the_place_in_the_pool_is_taken_until_the_stream_is_closed(world: World) -> None:
    with scripted(world, [expects(b"GET"), sends(SWITCH)], [sends(OK)], max_connections=1) as (pool, backend):
        response = await pool.send(_upgrade())
        assert (pool.open, pool.lent) == (1, 1)

        async def fetch() -> bytes:
            return await collect(await pool.send(Request("GET", URL)))

        task = await world.beside(fetch)
        await world.until(lambda: pool.waiting == 1)
        await Line(response).close()
        assert await task.result() == b"hello"
        assert (pool.open, pool.idle) == (1, 1)
        assert len(backend.connected) == 2


@in_every_world
async def test_connect_asks_for_an_authority_and_hands_the_tunnel_over(world: World) -> None:
    wire = Wire(world, expects(b"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n"), sends(CONNECTED))
    request = Request("CONNECT", "http://b.example:443", headers={"Host": "b.example:443"})
    response = await wire.connection.send(request)
    assert response.status_code == 200
    await Line(response).close()
    assert wire.released == [False]


@in_every_world
async def test_a_length_means_nothing_in_an_answer_to_connect(world: World) -> None:
    wire = Wire(world, expects(b"CONNECT"), sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
    line = Line(await wire.connection.send(Request("CONNECT", URL)))
    assert await line.read(100) == b"hello"
    await line.close()


@in_every_world
async def test_a_connect_that_is_refused_is_an_ordinary_response(world: World) -> None:
    wire = Wire(world, expects(b"CONNECT"), sends(b"HTTP/1.1 407 Who\r\nContent-Length: 5\r\n\r\nhello"))
    response, body = await wire.fetch(Request("CONNECT", URL))
    assert (response.status_code, body) == (407, b"hello")
    assert wire.released == [True]


@in_every_world
async def test_an_upgrade_that_is_declined_is_an_ordinary_response(world: World) -> None:
    wire = Wire(world, expects(b"GET"), sends(OK))
    assert (await wire.fetch(_upgrade()))[1] == b"hello"
    assert wire.released == [True]


@in_every_world
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
async def test_nobody_switches_protocols_unasked(world: World, interim: bytes) -> None:
    wire = Wire(world, expects(b"GET"), sends(interim + SWITCH))
    with pytest.raises(RemoteProtocolError, match="and the request did not ask for another"):
        await wire.fetch()
    assert wire.released == [False]


@in_every_world
async def test_the_target_can_be_said(world: World) -> None:
    wire = Wire(world, expects(b"OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n"), sends(OK))
    await wire.fetch(Request("OPTIONS", URL, extensions={"target": b"*"}))
    wire = Wire(world, expects(b"CONNECT c.example:1 HTTP/1.1\r\n"), sends(CONNECTED))
    response = await wire.connection.send(Request("CONNECT", URL, extensions={"target": b"c.example:1"}))
    await give_up(response)


# Over real sockets


def _listen(sock: Any) -> None:
    """Switch to a protocol of one echo."""
    hear(sock)
    sock.sendall(SWITCH + b"welcome")
    sock.sendall(hear(sock, b"."))
    assert until_goodbye(sock) == b""


@in_every_world
async def test_bytes_go_both_ways_over_a_real_connection(world: World) -> None:
    async with serving(world, _listen) as p:
        with real(world) as pool:
            line = Line(await pool.send(_upgrade(f"http://127.0.0.1:{p.port}/")))
            info = line.stream.get_extra_info
            assert await line.read(7) == b"welcome"
            with pytest.raises(ReadTimeout):
                await line.read(100, 0.01)
            await line.write(b"ping.")
            assert await line.read(100, PATIENCE) == b"ping."
            assert info("server_addr") == ("127.0.0.1", p.port)
            assert info("client_addr") == p.accepted[0].getpeername()
            assert info("socket").getpeername() == info("server_addr")
            assert (info("ssl_object"), info("unheard-of")) == (None, None)
            assert pool.lent == 1
            await line.close()
            assert pool.open == 0


@in_every_world
async def test_a_tunnel_can_have_tls_in_it(world: World) -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), create_ssl_context()
    authority.issue_cert("b.example").configure_cert(server)
    authority.configure_trust(client)

    def tunnel(sock: Any) -> None:
        hear(sock)
        sock.sendall(CONNECTED)
        inner = server.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        inner.sendall(hear(inner, b"."))
        assert until_goodbye(inner) == b""
        inner.close()

    async with serving(world, tunnel) as p:
        with real(world) as pool:
            request = Request("CONNECT", f"http://127.0.0.1:{p.port}", extensions={"target": b"b.example:443"})
            line = Line(await pool.send(request))
            await line.start_tls(client, "b.example")
            await line.write(b"secret.")
            assert await line.read(100, PATIENCE) == b"secret."
            assert line.stream.get_extra_info("ssl_object").version() == "TLSv1.3"
            assert pool.lent == 1
            await line.close()
            assert pool.open == 0
