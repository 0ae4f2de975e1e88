"""One program for both clients: what is asked of `colour` is asked of `Client` or `AsyncClient`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from courser_client import AsyncClient, Client
from courser_models import AsyncBaseTransport, AsyncByteStream, BaseTransport, Request, Response, SyncByteStream

Answer = Callable[[Request], Response]


def ok(request: Request) -> Response:
    return Response(200, text="hello", request=request)


class SyncRecorder(BaseTransport):
    """A transport in memory: notes what it is asked, and answers with a function."""

    def __init__(self, answer: Answer = ok) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.events: list[str] = []

    def handle_request(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answer(request)

    def __enter__(self) -> "SyncRecorder":
        self.events.append("entered")
        return self

    def close(self) -> None:
        self.events.append("closed")


class AsyncRecorder(AsyncBaseTransport):
    """`SyncRecorder`, in the other colour."""

    def __init__(self, answer: Answer = ok) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.events: list[str] = []

    async def handle_async_request(self, request: Request) -> Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        return self.answer(request)

    async def __aenter__(self) -> "AsyncRecorder":
        self.events.append("entered")
        return self

    async def aclose(self) -> None:
        self.events.append("closed")


class SyncChunks(SyncByteStream):
    """A body of chunks that counts how often it is closed, and may fail at its end."""

    def __init__(self, chunks: Iterable[bytes], error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = list(chunks), error, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


class AsyncChunks(AsyncByteStream):
    """`SyncChunks`, in the other colour."""

    def __init__(self, chunks: Iterable[bytes], error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = list(chunks), error, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        self.closed += 1


class SyncColour:
    """How a program with threads uses its client."""

    client = Client
    transport = SyncRecorder
    chunks = SyncChunks

    def call(self, method: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        return method(*arguments, **keywords)

    def close(self, client: Any) -> None:
        client.close()

    def read(self, response: Response) -> bytes:
        return response.read()

    def request_body(self, request: Request) -> bytes:
        """Take a request's body as a transport of this colour does."""
        return b"".join(request.stream)  # type: ignore[arg-type]  # a sync stream here

    def generator(self, chunks: Iterable[bytes]) -> Any:
        return (chunk for chunk in chunks)

    @contextlib.contextmanager
    def block(self, context: Any) -> Iterator[Any]:
        """Enter a context of the client's colour."""
        with context as entered:
            yield entered


class AsyncColour:
    """How a program with an event loop uses its client; all of one test happens in one loop."""

    client = AsyncClient
    transport = AsyncRecorder
    chunks = AsyncChunks

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner

    def call(self, method: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        async def awaited() -> Any:
            return await method(*arguments, **keywords)

        return self.runner.run(awaited())

    def close(self, client: Any) -> None:
        self.call(client.aclose)

    def read(self, response: Response) -> bytes:
        return self.call(response.aread)

    def request_body(self, request: Request) -> bytes:
        """Take a request's body as a transport of this colour does, in a loop of its own."""
        with ThreadPoolExecutor() as pool:  # the loop of the test runs already
            return pool.submit(asyncio.run, _collected(request.stream)).result()

    def generator(self, chunks: Iterable[bytes]) -> Any:
        async def generate() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return generate()

    @contextlib.contextmanager
    def block(self, context: Any) -> Iterator[Any]:
        """Enter a context of the client's colour."""
        entered = self.call(context.__aenter__)
        try:
            yield entered
        except BaseException as error:
            if not self.call(context.__aexit__, type(error), error, error.__traceback__):
                raise
        else:
            self.call(context.__aexit__, None, None, None)


async def _collected(stream: Any) -> bytes:
    return b"".join([chunk async for chunk in stream])


Colour = SyncColour | AsyncColour
