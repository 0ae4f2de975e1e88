"""The contract of an authentication scheme: a generator that says «send this», is given the response, and says more
or stops. It knows nothing of connections, so one scheme serves every client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator

from courser_models import Request, Response


class Auth:
    """An authentication scheme; subclass it and give `auth_flow`.

    Set `requires_request_body` or `requires_response_body` where the flow looks at those: they are read before it
    sees them. A scheme that does I/O of its own gives `sync_auth_flow` and `async_auth_flow` instead.
    """

    requires_request_body = False
    requires_response_body = False

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield each request to send; what is sent back in is its response. The last response is the caller's."""
        yield request

    def sync_auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Run `auth_flow` for a sync client, reading bodies where the scheme asks for it."""
        if self.requires_request_body:
            request.read()
        flow = self.auth_flow(request)
        try:
            next_request = next(flow)
            while True:
                response = yield next_request
                if self.requires_response_body:
                    response.read()
                next_request = flow.send(response)
        except StopIteration:
            return
        finally:
            flow.close()

    async def async_auth_flow(self, request: Request) -> AsyncGenerator[Request, Response]:
        """Run `auth_flow` for an async client, reading bodies where the scheme asks for it."""
        if self.requires_request_body:
            await request.aread()
        flow = self.auth_flow(request)
        try:
            next_request = next(flow)
            while True:
                response = yield next_request
                if self.requires_response_body:
                    await response.aread()
                next_request = flow.send(response)
        except StopIteration:
            return
        finally:
            flow.close()


class FunctionAuth(Auth):
    """A scheme that is one function from a request to a request."""

    def __init__(self, func: Callable[[Request], Request]) -> None:
        self._func = func

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        yield self._func(request)
