"""The one coroutine that every request goes through, in every world.

What it needs of its world is `_dispatch`, which hands a request to the transport; the two clients provide it.
"""

from __future__ import annotations

import enum
import time

from courser_models import Request, Response

from ._settings import Settings


class ClientState(enum.Enum):
    """Where a client is in its life."""

    UNOPENED = 1
    OPENED = 2
    CLOSED = 3


class Exchange(Settings):
    """The flow of an exchange; base of `Client` and `AsyncClient`."""

    _state = ClientState.UNOPENED

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed; it sends no more requests then."""
        return self._state is ClientState.CLOSED

    async def _exchange(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way."""
        if self._state is not ClientState.OPENED:
            self._begin()
        if "timeout" not in request.extensions:  # a request that was not built by this client
            request.extensions["timeout"] = self._timeout_by_phase.copy()
        started = time.perf_counter()
        response = await self._dispatch(request)
        response.time_from(started)
        return response

    def _begin(self) -> None:
        if self._state is ClientState.CLOSED:
            raise RuntimeError("this client is closed, and sends no more requests")
        self._state = ClientState.OPENED

    def _enter(self) -> None:
        if self._state is not ClientState.UNOPENED:
            was = "closed" if self._state is ClientState.CLOSED else "opened"
            raise RuntimeError(f"this client was {was} before; enter each client once")
        self._state = ClientState.OPENED

    async def _dispatch(self, request: Request) -> Response:
        raise NotImplementedError
