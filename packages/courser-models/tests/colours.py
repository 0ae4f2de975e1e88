"""The two colours of a body, with one face: a test written once reads it as a sync and as an async program."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from courser_models import AsyncByteStream, Response, SyncByteStream

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


class SyncChunks(SyncByteStream):
    """A stream of chunks that counts how often it is closed, and may fail at its end."""

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
    """How a sync program uses a response."""

    chunks = SyncChunks
    other_chunks = AsyncChunks

    def read(self, response: Response) -> bytes:
        return response.read()

    def close(self, response: Response) -> None:
        response.close()

    def pieces(self, response: Response, kind: str, *arguments: Any) -> list[Any]:
        return list(getattr(response, f"iter_{kind}")(*arguments))

    def first_piece(self, response: Response, kind: str, *arguments: Any) -> Any:
        """Return the first piece and give up the rest, as a program that leaves its loop does."""
        pieces = getattr(response, f"iter_{kind}")(*arguments)
        try:
            return next(pieces)
        finally:
            pieces.close()


class AsyncColour:
    """How an async program uses a response."""

    chunks = AsyncChunks
    other_chunks = SyncChunks

    def read(self, response: Response) -> bytes:
        return run(response.aread())

    def close(self, response: Response) -> None:
        run(response.aclose())

    def pieces(self, response: Response, kind: str, *arguments: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [piece async for piece in getattr(response, f"aiter_{kind}")(*arguments)]

        return run(collect())

    def first_piece(self, response: Response, kind: str, *arguments: Any) -> Any:
        """Return the first piece and give up the rest, as a program that leaves its loop does."""

        async def first() -> Any:
            pieces = getattr(response, f"aiter_{kind}")(*arguments)
            try:
                return await anext(pieces)
            finally:
                await pieces.aclose()

        return run(first())


in_both_colours = pytest.mark.parametrize("colour", [SyncColour(), AsyncColour()], ids=["sync", "async"])
