"""What tests of HTTP/2 share: a connection, or a pool, and a server that the test plays frame by frame."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from courser_models import Origin, Request
from courser_transport import AsyncHTTPTransport, ConnectionPool, Deadline, HTTPTransport, create_ssl_context
from courser_transport._body import AsyncBody
from courser_transport._http2._connection import HTTP2Connection
from exchanges import collect, real, serving
from frames import FramePeer
from owners import NotingOwner
from pools import check_invariants
from serving import Certificates
from worlds import PATIENCE, World

URL = "http://example.org/"

# What plays a server on an accepted socket.
Handler = Callable[[Any], None]


def played(handler: Callable[[FramePeer], None], settings: dict[int, int] | None = None) -> Handler:
    """Return what plays a server on an accepted socket; it is greeted before `handler` begins."""

    def play(sock: Any) -> None:
        peer = FramePeer(sock)
        peer.greet(settings)
        handler(peer)

    return play


class Wire:
    """A connection, and what became of it."""

    def __init__(self, connection: HTTP2Connection, owner: NotingOwner) -> None:
        self.connection = connection
        self.owner = owner

    async def send(self, request: Request | None = None, **extensions: Any) -> Any:
        """Send a request; return its response."""
        request = request or Request("GET", URL)
        request.extensions.update(extensions)
        return await self.connection.send(request)

    async def fetch(self, request: Request | None = None, **extensions: Any) -> tuple[Any, bytes]:
        """Send a request; return its response, and the content."""
        response = await self.send(request, **extensions)
        return response, await collect(response)

    @property
    def session(self) -> Any:
        """The rules' state."""
        return self.connection._session


@asynccontextmanager
async def http2(
    world: World, handler: Callable[[FramePeer], None], settings: dict[int, int] | None = None, **limits: Any
) -> AsyncIterator[Wire]:
    """Give a connection to a server that `handler` plays; it is closed when the test is over."""
    async with serving(world, played(handler, settings)) as peer:
        stream = await world.backend.connect_tcp(peer.addresses, "example.org", Deadline(PATIENCE))
        owner = NotingOwner(world.backend, world.body, **limits)
        wire = Wire(HTTP2Connection(stream, Origin("http", "example.org", 80), owner), owner)
        try:
            yield wire
        finally:
            with contextlib.suppress(Exception):
                wire.connection.look()
            wire.connection.close()


class Client:
    """A pool and the server's address."""

    def __init__(self, pool: ConnectionPool, url: str) -> None:
        self.pool = pool
        self.url = url

    async def send(self, request: Request | None = None, **timeouts: float) -> Any:
        request = request or Request("GET", self.url)
        request.extensions["timeout"] = {"read": PATIENCE, "write": PATIENCE, **timeouts}
        return await self.pool.send(request)

    async def fetch(self, request: Request | None = None, **timeouts: float) -> bytes:
        return await collect(await self.send(request, **timeouts))


@asynccontextmanager
async def client(world: World, *handlers: Handler, http1: bool = False, **limits: Any) -> AsyncIterator[Client]:
    """Give a client for a server that the test plays, one handler a connection."""
    async with serving(world, *handlers) as peer:
        with real(world, http1=http1, http2=True, **limits) as pool:
            yield Client(pool, f"http://127.0.0.1:{peer.port}/")
            check_invariants(pool)


async def several(world: World, count: int, work: Any) -> list[Any]:
    """Do the same so many times at once; return the results."""
    tasks = [await world.beside(work) for _ in range(count)]
    return [await task.result() for task in tasks]


def serves(count: int, settings: dict[int, int] | None = None) -> Handler:
    """Answer so many requests, and wait for the program's goodbye."""

    def handler(peer: FramePeer) -> None:
        for _ in range(count):
            peer.serve_one()
        peer.until_goodbye()

    return played(handler, settings)


def tls_server(certificates: Certificates, protocols: list[str], handler: Handler) -> Handler:
    """Play `handler` on a connection over TLS, on which one of `protocols` was chosen."""

    def play(sock: Any) -> None:
        context = certificates.server_with(protocols)
        with context.wrap_socket(sock, server_side=True) as secured:
            handler(secured)

    return play


@asynccontextmanager
async def secure_client(
    world: World, certificates: Certificates, *handlers: Handler, http1: bool = True, http2: bool = True, **limits: Any
) -> AsyncIterator[Client]:
    context = create_ssl_context(certificates.file, http2=http2)
    async with serving(world, *handlers) as peer:
        with real(world, context, http1=http1, http2=http2, **limits) as pool:
            yield Client(pool, f"https://127.0.0.1:{peer.port}/")
            check_invariants(pool)


class Transport:
    """A transport of this world's colour, whose connections are made as a client's are."""

    def __init__(self, world: World, url: str, **settings: Any) -> None:
        self.url = url
        kind = AsyncHTTPTransport if world.body is AsyncBody else HTTPTransport
        self.transport: Any = kind(trust_env=False, **settings)

    async def send(self, method: str = "GET", **arguments: Any) -> Any:
        request = Request(method, self.url, extensions={"timeout": {"read": 5.0}}, **arguments)
        if isinstance(self.transport, AsyncHTTPTransport):
            return await self.transport.handle_async_request(request)
        return self.transport.handle_request(request)


@asynccontextmanager
async def over_tls(
    world: World,
    certificates: Certificates,
    *handlers: Handler,
    protocols: Sequence[str] = ("h2", "http/1.1"),
    **settings: Any,
) -> AsyncIterator[Transport]:
    """Give a transport, and a server that chooses among `protocols` and plays a handler on each connection."""
    async with serving(world, *[tls_server(certificates, list(protocols), handler) for handler in handlers]) as peer:
        it = Transport(world, f"https://127.0.0.1:{peer.port}/", **{"verify": str(certificates.file), **settings})
        try:
            yield it
        finally:
            if isinstance(it.transport, AsyncHTTPTransport):
                await it.transport.aclose()
            else:
                it.transport.close()
