"""One program, both clients.

A program is an `async def` that takes a client and uses it as an `AsyncClient`:

    async def greeting(client: courser.AsyncClient) -> str:
        return (await client.get("http://127.0.0.1:8000/")).text

`Asyncio` and `Trio` run it with an `AsyncClient` under `asyncio.run` and `trio.run`. `Threads` runs it with a `Client`
behind a thin disguise whose methods are coroutines that never wait, so the program runs in the calling thread, without
any loop.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar, cast

import trio

import courser

from .watch import watched

T = TypeVar("T")
Program = Callable[[courser.AsyncClient], Coroutine[Any, Any, T]]


class World(Protocol):
    """Where a program runs."""

    name: str

    def run(self, program: Program[T], **settings: Any) -> T:
        """Run the program with a client of these settings; the client is closed afterwards."""

    def fetch(self, method: str, url: str, *, settings: dict[str, Any] | None = None, **arguments: Any) -> Any:
        """Make one request with a client of its own and return the response, read."""

    def pieces(self, *parts: bytes) -> Iterable[bytes] | AsyncIterator[bytes]:
        """Return the parts as the kind of generator that this world's client sends."""

    async def until(self, event: threading.Event) -> None:
        """Wait for an event that a server sets."""


class Threads:
    """The world of `Client`."""

    name = "threads"

    def run(self, program: Program[T], **settings: Any) -> T:
        with courser.Client(**settings) as client:
            # The disguise has the methods that programs use, and nothing else of the class.
            return finish(program(cast(courser.AsyncClient, DisguisedClient(client))))

    def fetch(self, method: str, url: str, *, settings: dict[str, Any] | None = None, **arguments: Any) -> Any:
        with courser.Client(**(settings or {})) as client:
            return watched(lambda: client.request(method, url, **arguments))

    def pieces(self, *parts: bytes) -> Iterator[bytes]:
        yield from parts

    async def until(self, event: threading.Event) -> None:
        _require(event.wait(PATIENCE))


class Loop:
    """A world of `AsyncClient`; `run` is what differs."""

    name: str

    def run(self, program: Program[T], **settings: Any) -> T:
        raise NotImplementedError

    def fetch(self, method: str, url: str, *, settings: dict[str, Any] | None = None, **arguments: Any) -> Any:
        async def program(client: courser.AsyncClient) -> courser.Response:
            return await client.request(method, url, **arguments)

        return self.run(program, **(settings or {}))

    async def pieces(self, *parts: bytes) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def until(self, event: threading.Event) -> None:
        raise NotImplementedError


class Asyncio(Loop):
    """`AsyncClient` under asyncio."""

    name = "asyncio"

    def run(self, program: Program[T], **settings: Any) -> T:
        return watched(lambda: asyncio.run(_with_client(program, settings)))

    async def until(self, event: threading.Event) -> None:
        _require(await asyncio.to_thread(event.wait, PATIENCE))


class Trio(Loop):
    """`AsyncClient` under trio."""

    name = "trio"

    def run(self, program: Program[T], **settings: Any) -> T:
        return watched(lambda: trio.run(_with_client, program, settings))

    async def until(self, event: threading.Event) -> None:
        _require(await trio.to_thread.run_sync(event.wait, PATIENCE))


async def _with_client(program: Program[T], settings: dict[str, Any]) -> T:
    async with courser.AsyncClient(**settings) as client:
        return await program(client)


class DisguisedClient:
    """A `Client` with the face of an `AsyncClient`."""

    def __init__(self, client: courser.Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return _as_coroutine(getattr(self._client, RENAMED.get(name, name)))

    def build_request(self, *arguments: Any, **keywords: Any) -> courser.Request:
        return self._client.build_request(*arguments, **keywords)

    async def send(self, request: courser.Request, *, stream: bool = False) -> Any:
        response = self._client.send(request, stream=stream)
        return DisguisedResponse(response) if stream else response

    @asynccontextmanager
    async def stream(self, *arguments: Any, **keywords: Any) -> AsyncIterator["DisguisedResponse"]:
        with self._client.stream(*arguments, **keywords) as response:
            yield DisguisedResponse(response)


class DisguisedResponse:
    """A streamed `Response` of a `Client`, with the methods that one of an `AsyncClient` is read by."""

    def __init__(self, response: courser.Response) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        if name in RENAMED:
            return _as_coroutine(getattr(self._response, RENAMED[name]))
        if name.startswith("aiter_"):
            return _as_async_iterator(getattr(self._response, name.removeprefix("a")))
        return getattr(self._response, name)


RENAMED = {"aread": "read", "aclose": "close"}
PATIENCE = 10.0


def _as_coroutine(function: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    async def call(*arguments: Any, **keywords: Any) -> T:
        return function(*arguments, **keywords)

    return call


def _as_async_iterator(function: Callable[..., Iterable[T]]) -> Callable[..., AsyncIterator[T]]:
    async def call(*arguments: Any, **keywords: Any) -> AsyncIterator[T]:
        for item in function(*arguments, **keywords):
            yield item

    return call


def finish(program: Coroutine[Any, Any, T]) -> T:
    """Run a program that never waits, and return its result."""
    try:
        program.send(None)
    except StopIteration as finished:
        return cast(T, finished.value)
    program.close()
    raise RuntimeError("a program for both clients may await its client and its world, nothing else")


def _require(happened: bool) -> None:
    if not happened:
        raise TimeoutError(f"the server did not come so far within {PATIENCE} s")
