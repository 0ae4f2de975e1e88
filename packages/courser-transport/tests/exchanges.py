"""What tests of whole exchanges share: a connection or a pool on a script, a pool on real sockets, peers in threads."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from courser_models import ByteStream, Origin, Request
from courser_transport import ConnectionPool, Limits
from courser_transport._body import AsyncBody
from courser_transport._connect import Connector
from courser_transport._http1._connection import HTTP1Connection
from courser_transport._tls import TLSSettings
from courser_transport.testing import ScriptedBackend, ScriptedStream, Step
from loopback import Peer, peer
from owners import NotingOwner
from worlds import World

URL = "http://example.org/"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Wire:
    """A connection on a script, and what became of it."""

    def __init__(self, world: World, *steps: Step, **limits: Any) -> None:
        self.stream = ScriptedStream(steps)
        self.stream.attach(world.backend)
        self.owner = NotingOwner(world.backend, world.body, **limits)
        self.released = self.owner.released
        self.connection = HTTP1Connection(self.stream, Origin("http", "example.org", 80), self.owner)

    @property
    def sent(self) -> bytes:
        """All that was written."""
        return b"".join(self.stream.written)

    async def fetch(self, request: Request | None = None) -> tuple[Any, bytes]:
        response = await self.connection.send(request or Request("GET", URL))
        return response, await collect(response)


async def collect(response: Any) -> bytes:
    """Read a response's body in the colour it has."""
    return await response.aread() if isinstance(response.stream, AsyncBody) else response.read()


async def give_up(response: Any) -> None:
    """Close a response in the colour it has."""
    if isinstance(response.stream, AsyncBody):
        await response.aclose()
    elif isinstance(response.stream, ByteStream):
        response.stream.close()
    else:
        response.close()


class Body:
    """A generator in the colour that a world sends; it notes how often it was asked, and that it was closed."""

    def __init__(self, world: World, *parts: Any) -> None:
        self._parts = parts
        self.asked = 0
        self.closed = 0
        self.content: Any = self._coloured() if world.body is AsyncBody else self._plain()

    def _plain(self) -> Iterator[Any]:
        try:
            for part in self._parts:
                self.asked += 1
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.closed += 1

    async def _coloured(self) -> AsyncIterator[Any]:
        try:
            for part in self._parts:
                self.asked += 1
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            self.closed += 1


@contextmanager
def scripted(
    world: World, *scripts: list[Step] | Exception, retries: int = 0, **limits: Any
) -> Iterator[tuple[ConnectionPool, ScriptedBackend]]:
    """Give a pool whose connections follow scripts, and its network."""
    streams = [script if isinstance(script, Exception) else ScriptedStream(script) for script in scripts]
    backend = ScriptedBackend(streams, world.backend)
    pool = ConnectionPool(backend, Connector(backend, TLSSettings(), retries), Limits(**limits), world.body)
    try:
        yield pool, backend
    finally:
        pool.abandon()


@contextmanager
def real(
    world: World, context: Any = None, retries: int = 0, http1: bool = True, http2: bool = False, **limits: Any
) -> Iterator[ConnectionPool]:
    """Give a pool on the sockets of this world; `context` is for https."""
    connector = Connector(world.backend, TLSSettings(True if context is None else context), retries)
    pool = ConnectionPool(world.backend, connector, Limits(**limits), world.body, http1, http2)
    try:
        yield pool
    finally:
        pool.close()


@asynccontextmanager
async def serving(world: World, *handlers: Callable[[Any], None]) -> AsyncIterator[Peer]:
    """Give a peer that plays `handlers`, one for each connection in turn, in a thread; what fails there fails here."""
    failures: list[BaseException] = []
    with peer() as it:

        def play() -> None:
            try:
                for handler in handlers:
                    handler(it.accept())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        yield it
        # Not by joining: a loop that waits in a call cannot close its connections, which the peer may wait for.
        await world.until(lambda: not thread.is_alive())
    if failures:
        raise failures[0]


def hear(sock: Any, end: bytes = b"\r\n\r\n") -> bytes:
    """Receive until `end` has come; return all that came."""
    heard = b""
    while end not in heard:
        data = sock.recv(65536)
        assert data, f"the program went away, and {end!r} has not come"
        heard += data
    return heard


def until_goodbye(sock: Any) -> bytes:
    """Receive until the program closes the connection, however it does so."""
    heard = b""
    try:
        while data := sock.recv(65536):
            heard += data
    except ConnectionError:
        pass
    return heard
