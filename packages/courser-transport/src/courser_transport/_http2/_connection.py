"""`HTTP2Connection`: a connection as the pool has it, whose exchanges share one stream of bytes.

What they do there is `Traffic`; here is how many there may be, and how the connection rests and ends.
"""

from __future__ import annotations

import time
import typing

from courser_models import Request, Response

from .._deadline import Deadline
from .._hand_over import AsyncNetworkStream, NetworkStream
from .._trace import Tracer
from ._exchange import Exchange
from ._traffic import Traffic


class HTTP2Connection(Traffic):
    """A connection that speaks HTTP/2, lent to many exchanges at once.

    Its `owner` takes it back once for each exchange that is over, and counts in `taken` how many there are. `capacity`
    is how many there may be; none, once the peer has said goodbye, the connection broke, or the limits say so.
    """

    __slots__ = ()

    multiplexes = True

    async def send(self, request: Request, deadline: Deadline | None = None, tracer: Tracer | None = None) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        `deadline` limits all of it, the body included. Raises `NetworkError`, `TimeoutException`,
        `LocalProtocolError`, `RemoteProtocolError`. The connection is given back in every case: now, or when the
        response's body has ended.
        """
        return await Exchange(self, request, deadline, tracer).run()

    @property
    def capacity(self) -> int:
        """How many exchanges it may have at once."""
        session, limits = self._session, self._limits
        if session.is_draining or self._is_closed:
            return 0
        most, age = limits.max_requests_per_connection, limits.max_connection_age
        if (most is not None and self.served + self.taken >= most) or (
            age is not None and time.monotonic() >= self.born + age
        ):
            return min(self.taken, limits.max_streams_per_connection)
        return min(session.max_streams, limits.max_streams_per_connection)

    # Found out here, and noted elsewhere; nobody sets it from outside.
    @property
    def is_reusable(self) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether there is room for another exchange."""
        return self.capacity > self.taken

    def rest(self, now: float) -> None:
        """Become idle at `now`, and note until when."""
        until = None if self._limits.keepalive_expiry is None else now + self._limits.keepalive_expiry
        if self._limits.max_connection_age is not None:
            end = self.born + self._limits.max_connection_age
            until = end if until is None else min(until, end)
        self.idle_until = until

    def is_stale(self) -> bool:
        """Return whether this idle connection has waited too long, or takes no more requests.

        What has arrived meanwhile is looked at first: a PING is answered, a goodbye is heard.
        """
        if self.idle_until is not None and time.monotonic() > self.idle_until:
            return True
        self.look()
        return not self.capacity

    def extra(self, name: str) -> typing.Any:
        """Return what the stream tells about itself."""
        return self._wire.extra(name)

    def network_stream(self, exchange: int) -> NetworkStream | AsyncNetworkStream:
        """Return the connection as HTTPX has it, for as long as it serves this exchange."""
        kind = AsyncNetworkStream if self.is_async else NetworkStream
        return kind(self._wire, self.peer, b"", lambda: None, lambda: exchange in self._session.streams)

    def close(self) -> None:
        """Close at once, with a word to the peer where that needs no waiting."""
        if not self._is_closed:
            self._is_closed = True
            self._wire.close(self._session.say_goodbye() if self._session.failure is None else b"")

    def abandon(self) -> None:
        """Give the descriptor back without a word."""
        self._is_closed = True
        self._wire.abandon()
