"""`MockTransport`: a function from request to response in the place of a network."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from courser_models import AsyncBaseTransport, BaseTransport, Request, Response

Handler = Callable[[Request], Response | Awaitable[Response]]


class MockTransport(AsyncBaseTransport, BaseTransport):
    """Answers each request with what `handler` makes of it; for tests, in both clients.

    `handler` takes the request, whose body has been read, and returns a response; in an async client it may be a
    coroutine function. What it raises is what the client raises. Raises `TypeError` where it returns something else.

    >>> from courser_models import Request, Response
    >>> transport = MockTransport(lambda request: Response(200, json={"path": request.url.path}))
    >>> transport.handle_request(Request("GET", "https://example.org/a")).json()
    {'path': '/a'}
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def handle_request(self, request: Request) -> Response:
        """Return what the handler returns for `request`."""
        request.read()
        answer = self.handler(request)
        if inspect.iscoroutine(answer):
            answer.close()  # it will not be awaited, and need not warn of that
        return self._checked(answer, "a response, and no coroutine, in a sync client")

    async def handle_async_request(self, request: Request) -> Response:
        """Return what the handler returns for `request`, after awaiting it where that is to be done."""
        await request.aread()
        answer = self.handler(request)
        if inspect.isawaitable(answer):
            answer = await answer
        return self._checked(answer, "a response")

    def _checked(self, answer: object, wanted: str) -> Response:
        if not isinstance(answer, Response):
            name = getattr(self.handler, "__qualname__", repr(self.handler))
            raise TypeError(f"the handler of a MockTransport returns {wanted}; {name} gave {type(answer).__name__}")
        return answer
