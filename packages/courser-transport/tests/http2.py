"""What tests of HTTP/2 share: a connection to a server that the test plays frame by frame."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from courser_models import Origin, Request
from courser_transport import Deadline
from courser_transport._http2._connection import HTTP2Connection
from exchanges import collect, serving
from frames import FramePeer
from owners import NotingOwner
from worlds import PATIENCE, World

URL = "http://example.org/"


def played(handler: Callable[[FramePeer], None], settings: dict[int, int] | None = None) -> Callable[[Any], None]:
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
