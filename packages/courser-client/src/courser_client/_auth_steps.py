"""A scheme on its way through an exchange: the generator contract of HTTPX, walked in either colour."""

from __future__ import annotations

from courser_auth import Auth
from courser_models import Request, Response


class SyncSteps:
    """Walks `sync_auth_flow`."""

    def __init__(self, scheme: Auth, request: Request) -> None:
        self._flow = scheme.sync_auth_flow(request)

    async def first(self) -> Request:
        """Return the first request to send."""
        return next(self._flow)

    async def next(self, response: Response) -> Request | None:
        """Return what to send after `response`; None where that is the answer."""
        try:
            return self._flow.send(response)
        except StopIteration:
            return None

    async def end(self) -> None:
        """Leave the flow."""
        self._flow.close()


class AsyncSteps:
    """Walks `async_auth_flow`."""

    def __init__(self, scheme: Auth, request: Request) -> None:
        self._flow = scheme.async_auth_flow(request)

    async def first(self) -> Request:
        """Return the first request to send."""
        return await anext(self._flow)

    async def next(self, response: Response) -> Request | None:
        """Return what to send after `response`; None where that is the answer."""
        try:
            return await self._flow.asend(response)
        except StopAsyncIteration:
            return None

    async def end(self) -> None:
        """Leave the flow."""
        await self._flow.aclose()
