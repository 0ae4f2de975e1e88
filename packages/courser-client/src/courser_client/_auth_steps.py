"""A scheme on its way through an exchange: the generator contract of HTTPX, walked in either colour."""

from __future__ import annotations

from courser_auth import Auth
from courser_models import Request, Response


class SyncSteps:
    """Walks `sync_auth_flow`."""

    def __init__(self, scheme: Auth, request: Request) -> None:
        self._scheme = scheme
        self._flow = scheme.sync_auth_flow(request)

    async def first(self) -> Request:
        """Return the first request to send."""
        for request in self._flow:
            return request
        raise no_request(self._scheme)

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
        self._scheme = scheme
        self._flow = scheme.async_auth_flow(request)

    async def first(self) -> Request:
        """Return the first request to send."""
        async for request in self._flow:
            return request
        raise no_request(self._scheme)

    async def next(self, response: Response) -> Request | None:
        """Return what to send after `response`; None where that is the answer."""
        try:
            return await self._flow.asend(response)
        except StopAsyncIteration:
            return None

    async def end(self) -> None:
        """Leave the flow."""
        await self._flow.aclose()


def no_request(scheme: Auth) -> RuntimeError:
    """Return what a flow that ends before it begins is told."""
    return RuntimeError(f"the flow of {type(scheme).__name__} ended without a request; it has to yield one at least")
