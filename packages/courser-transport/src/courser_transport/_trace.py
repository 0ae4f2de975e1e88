"""What happens on the wire, step by step, for whoever wants to know: the request's extensions `trace` and `timings`.

`extensions={"trace": function}`: the function takes an event's name and a dictionary about it, and may be a coroutine
function in an async client. Names are HTTPX's, `http11.send_request_headers.started`, and each step ends with
`.complete` (`return_value`) or `.failed` (`exception`). `extensions={"timings": True}` puts the seconds that each
step took into `response.extensions["timings"]`. A request without either pays two look-ups.
"""

from __future__ import annotations

import inspect
import time
import typing
from collections.abc import Awaitable, Callable

from courser_models import Request

T = typing.TypeVar("T")

# Which step of the trace is which entry of the timings.
_TIMED = {
    "pool.acquire": "pool",
    "connection.resolve": "resolve",
    "connection.connect_tcp": "connect",
    "proxy.connect": "proxy",
    "connection.connect_unix_socket": "connect",
    "connection.start_tls": "tls",
    "http11.send_request_headers": "send",
    "http11.send_request_body": "send",
    "http11.receive_response_headers": "first_byte",
    "http11.receive_response_body": "body",
    "http2.send_request_headers": "send",
    "http2.send_request_body": "send",
    "http2.receive_response_headers": "first_byte",
    "http2.receive_response_body": "body",
}


class Tracer:
    """Tells one request's `trace` function of events, and notes how long steps take."""

    __slots__ = ("_function", "_request", "timings")

    def __init__(self, request: Request, function: typing.Any, is_timed: bool) -> None:
        self._request = request
        self._function = function
        self.timings: dict[str, float] | None = {} if is_timed else None

    async def step(
        self, name: str, work: Awaitable[T], returns: bool | Callable[[T], object] = False, **info: typing.Any
    ) -> T:
        """Await `work` between the events of its beginning and its end.

        `returns` says that the end tells the value, or is a function that makes of it what is told.
        """
        started = time.monotonic()
        await self.tell(f"{name}.started", **info)
        try:
            value = await work
        except BaseException as error:
            self.note(name, started)
            # Told of a cancellation, a coroutine function could wait, and nobody would come back.
            if isinstance(error, Exception):
                await self.tell(f"{name}.failed", exception=error)
            raise
        self.note(name, started)
        told: object = None
        if returns:
            told = returns(value) if callable(returns) else value
        await self.tell(f"{name}.complete", return_value=told)
        return value

    def note(self, name: str, started: float) -> None:
        """Add the time since `started`, a reading of `time.monotonic()`, to that of this step."""
        if self.timings is not None and name in _TIMED:
            entry = _TIMED[name]
            self.timings[entry] = self.timings.get(entry, 0.0) + time.monotonic() - started

    async def tell(self, event: str, **info: typing.Any) -> None:
        """Tell the function of `event`."""
        if self._function is not None:
            outcome = self._function(event, {"request": self._request, **info})
            if inspect.isawaitable(outcome):
                await outcome


def tracer_of(request: Request) -> Tracer | None:
    """Return a tracer where the request asks for one."""
    extensions = request.extensions
    function, is_timed = extensions.get("trace"), bool(extensions.get("timings"))
    return Tracer(request, function, is_timed) if is_timed or function is not None else None
