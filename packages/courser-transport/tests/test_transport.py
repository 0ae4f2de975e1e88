"""The doors: what a program that uses this package alone calls."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import courser_transport
from courser_models import Request, TransportError
from courser_transport import AsyncHTTPTransport, ConnectError, HTTPTransport, UnsupportedProtocol
from loopback import peer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def _serve(p: Any) -> threading.Thread:
    """Accept one connection and answer each request on it until the client closes it."""

    def serve() -> None:
        sock = p.accept()
        while sock.recv(65536):
            sock.sendall(OK)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_request_goes_out_and_its_response_comes_back() -> None:
    with peer() as p, HTTPTransport() as transport:
        thread = _serve(p)
        for _ in range(2):
            response = transport.handle_request(Request("GET", f"http://127.0.0.1:{p.port}/"))
            assert response.read() == b"hello"
        assert (transport.pool.open, transport.pool.idle) == (1, 1)
        transport.close()
        assert transport.pool.open == 0
        thread.join()


def test_the_same_in_an_event_loop() -> None:
    async def main() -> None:
        with peer() as p:
            thread = _serve(p)
            async with AsyncHTTPTransport() as transport:
                for _ in range(2):
                    request = Request("GET", f"http://127.0.0.1:{p.port}/")
                    response = await transport.handle_async_request(request)
                    assert await response.aread() == b"hello"
                assert (transport.pool.open, transport.pool.idle) == (1, 1)
            assert transport.pool.open == 0
            await asyncio.to_thread(thread.join)

    asyncio.run(main())


def test_connections_are_made_ahead_of_requests() -> None:
    with peer() as p, HTTPTransport() as transport:
        assert transport.warm_up(f"http://127.0.0.1:{p.port}/", 2) == 2
        assert (transport.pool.open, transport.pool.idle) == (2, 2)

    async def main() -> None:
        with peer() as p:
            async with AsyncHTTPTransport() as transport:
                assert await transport.warm_up(f"http://127.0.0.1:{p.port}/", 2) == 2
                assert (transport.pool.open, transport.pool.idle) == (2, 2)

    asyncio.run(main())


def test_each_door_takes_bodies_of_its_own_colour() -> None:
    def plain() -> Iterator[bytes]:
        yield b"x"

    async def coloured() -> AsyncIterator[bytes]:
        yield b"x"

    with HTTPTransport() as transport, pytest.raises(RuntimeError, match="a sync client cannot send an async body"):
        transport.handle_request(Request("POST", "http://a.example/", content=coloured()))

    async def main() -> None:
        async with AsyncHTTPTransport() as transport:
            with pytest.raises(RuntimeError, match="an async client cannot send a sync iterator"):
                await transport.handle_async_request(Request("POST", "http://a.example/", content=plain()))

    asyncio.run(main())


def test_a_closed_transport_sends_nothing() -> None:
    transport = HTTPTransport()
    transport.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        transport.handle_request(Request("GET", "http://a.example/"))

    async def main() -> None:
        used = AsyncHTTPTransport()
        with pytest.raises(UnsupportedProtocol):
            await used.handle_async_request(Request("GET", "ftp://a.example/"))
        for transport in (used, AsyncHTTPTransport()):
            await transport.aclose()
            await transport.aclose()
            with pytest.raises(RuntimeError, match="this client is closed"):
                await transport.handle_async_request(Request("GET", "http://a.example/"))

    asyncio.run(main())


def test_an_async_transport_without_a_loop_is_a_clear_error() -> None:
    with pytest.raises(RuntimeError, match="needs a running event loop, asyncio's or trio's"):
        _ = AsyncHTTPTransport().pool


def test_there_must_be_a_protocol_to_speak() -> None:
    for transport in (HTTPTransport, AsyncHTTPTransport):
        with pytest.raises(ValueError, match="leaves no protocol to speak"):
            transport(http1=False)


def test_files_that_are_not_there_are_told_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        HTTPTransport(verify="/nowhere/ca.pem")
    with pytest.raises(FileNotFoundError):
        AsyncHTTPTransport(cert="/nowhere/client.pem")


def test_requests_from_many_threads_share_the_pool() -> None:
    with peer() as p, HTTPTransport(limits=courser_transport.Limits(max_connections=2)) as transport:
        servers = [_serve(p) for _ in range(2)]
        bodies: list[bytes] = []

        def work() -> None:
            for _ in range(5):
                response = transport.handle_request(Request("GET", f"http://127.0.0.1:{p.port}/"))
                bodies.append(response.read())

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bodies == [b"hello"] * 40
        assert transport.pool.open == transport.pool.idle <= 2
        transport.close()
        for _ in range(2 - len(p.accepted)):  # a connection that the pool did not need
            socket.create_connection(("127.0.0.1", p.port)).close()
        for server in servers:
            server.join()


@pytest.mark.parametrize(
    "name", [name for name in courser_transport.__all__ if name.endswith(("Error", "Timeout", "Exception", "Protocol"))]
)
def test_every_error_pickles_and_keeps_its_request(name: str) -> None:
    cls = getattr(courser_transport, name)
    if not issubclass(cls, TransportError):
        return
    error = cls("what happened", request=Request("GET", "http://a.example/"))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), str(copy.request.url)) == (cls, "what happened", "http://a.example/")


def test_public_names_say_where_they_are_imported_from() -> None:
    assert HTTPTransport.__module__ == ConnectError.__module__ == "courser_transport"
    assert courser_transport.LocalProtocolError.__module__ == "courser_models"


@pytest.mark.parametrize("kind", [HTTPTransport, AsyncHTTPTransport])
def test_a_unix_socket_and_a_proxy_are_not_for_one_transport(kind: Any) -> None:
    with pytest.raises(ValueError, match="uds or proxy"):
        kind(uds="/run/server.sock", proxy="http://proxy.example")
