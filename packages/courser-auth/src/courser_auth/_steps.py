"""`SteppedAuth`: a scheme that wants more of its driver than sending requests, written once for both colours.

The one idea: the scheme is one plain generator, `_steps`. It yields the requests to send, as `auth_flow` does, and in
between *effects*: read this body, call that function, wait for another exchange. `sync_auth_flow` and
`async_auth_flow` do the effects, each in its way, and hand on the requests; what decides is in neither of them.
"""

from __future__ import annotations

import typing
from collections.abc import AsyncGenerator, Callable, Generator

from courser_models import ByteStream, Request, Response, ResponseNotRead

from ._auth import Auth


class Effect(typing.Protocol):
    """What a flow asks for: `run` does it in a thread, `arun` in an event loop, and what it returns is sent in."""

    def run(self) -> typing.Any: ...

    async def arun(self) -> typing.Any: ...


Steps = Generator[Request | Effect, typing.Any, None]


class SteppedAuth(Auth):
    """A scheme whose flow is `_steps`."""

    def _steps(self, request: Request) -> Steps:
        raise NotImplementedError(f"{type(self).__name__} must define _steps")

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield each request to send; bodies are read, functions called and others waited for as a sync client does."""
        return self._run(request)

    def sync_auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Run the flow for a sync client."""
        return self._run(request) if self._has_own_flow else super().sync_auth_flow(request)

    def async_auth_flow(self, request: Request) -> AsyncGenerator[Request, Response]:
        """Run the flow for an async client."""
        return self._arun(request) if self._has_own_flow else super().async_auth_flow(request)

    @property
    def _has_own_flow(self) -> bool:
        """Whether nobody subclassed the scheme and gave it another `auth_flow`, which then counts."""
        return type(self).auth_flow is SteppedAuth.auth_flow

    def _run(self, request: Request) -> Generator[Request, Response, None]:
        steps = self._steps(request)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Request):
                    response = yield step
                    step = steps.send(response)
                    continue
                try:
                    result = step.run()
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return
        finally:
            steps.close()

    async def _arun(self, request: Request) -> AsyncGenerator[Request, Response]:
        steps = self._steps(request)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Request):
                    response = yield step
                    step = steps.send(response)
                    continue
                try:
                    result = await step.arun()
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return
        finally:
            steps.close()


class ReadBody(typing.NamedTuple):
    """Read the body of a message into memory."""

    message: Request | Response

    def run(self) -> None:
        self.message.read()

    async def arun(self) -> None:
        await self.message.aread()


class ReadRaw(typing.NamedTuple):
    """Read the body of a response as it was sent, content codings in place, and return it; it can be read again.

    Returns None where somebody read it before, and it is no longer what was sent.
    """

    response: Response

    def run(self) -> bytes | None:
        if self.response.is_stream_consumed:
            return self._read_before()
        return self._put_back(b"".join(self.response.iter_raw()))

    async def arun(self) -> bytes | None:
        if self.response.is_stream_consumed:
            return self._read_before()
        return self._put_back(b"".join([chunk async for chunk in self.response.aiter_raw()]))

    def _read_before(self) -> bytes | None:
        try:
            return None if "content-encoding" in self.response.headers else self.response.content
        except ResponseNotRead:
            return None

    def _put_back(self, raw: bytes) -> bytes:
        self.response.stream = ByteStream(raw)
        self.response.is_stream_consumed = self.response.is_closed = False
        return raw


class Call(typing.NamedTuple):
    """Call a function, which may be async where an async client calls it, and return what it returns."""

    function: Callable[[], typing.Any]
    what: str

    def run(self) -> typing.Any:
        result = self.function()
        if hasattr(result, "__await__"):
            if hasattr(result, "close"):
                result.close()  # a coroutine that nobody awaited would complain
            raise TypeError(f"{self.what} is async, and a sync client cannot await it")
        return result

    async def arun(self) -> typing.Any:
        result = self.function()
        return await result if hasattr(result, "__await__") else result


def comes_from_elsewhere(request: Request, response: Response) -> bool:
    """Return whether a redirect led to another origin, whose challenge is none of this request's business."""
    try:
        return response.request.url.origin != request.url.origin
    except RuntimeError:
        return False  # made by hand, and by nobody else
