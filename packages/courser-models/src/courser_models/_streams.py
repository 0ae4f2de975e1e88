"""Byte streams: where the body of a message comes from.

A stream is iterated, synchronously or asynchronously, and closed. `read_all` and `aread_all` join what is left; a
transport's own streams override them with something that takes fewer steps.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from ._exceptions import StreamClosed, StreamConsumed

FILE_READ_SIZE = 65536


class SyncByteStream:
    """A body that is read by iterating; subclass it and give `__iter__`, and `close` where needed."""

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def close(self) -> None:
        """Release what the stream holds; safe to call any number of times."""

    def read_all(self) -> bytes:
        """Return everything that is left, joined."""
        return b"".join(self)


class AsyncByteStream:
    """A body that is read by `async for`; subclass it and give `__aiter__`, and `aclose` where needed."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError(f"{type(self).__name__} must define __aiter__")

    async def aclose(self) -> None:
        """Release what the stream holds; safe to call any number of times."""

    async def aread_all(self) -> bytes:
        """Return everything that is left, joined."""
        return b"".join([chunk async for chunk in self])


class ByteStream(SyncByteStream, AsyncByteStream):
    """A body that is in memory as a whole; can be read any number of times, in both ways."""

    __slots__ = ("_content",)

    def __init__(self, stream: bytes) -> None:
        self._content = stream

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content

    def read_all(self) -> bytes:
        return self._content

    async def aread_all(self) -> bytes:
        return self._content


class IteratorByteStream(SyncByteStream):
    """A body from an iterable of bytes, or from a binary file; a generator can be read once only."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self._is_consumed = False
        self._reads_once = iter(stream) is stream and not hasattr(stream, "read")

    def __iter__(self) -> Iterator[bytes]:
        if self._is_consumed and self._reads_once:
            raise StreamConsumed()
        self._is_consumed = True
        read = getattr(self._stream, "read", None)
        if read is None:
            yield from self._stream
            return
        while chunk := read(FILE_READ_SIZE):
            yield chunk

    def close(self) -> None:
        # Ends a generator that was given up half-way, so that its `finally` runs now and not in some later collection.
        close = getattr(self._stream, "close", None)
        if self._reads_once and close is not None:
            close()


class AsyncIteratorByteStream(AsyncByteStream):
    """A body from an async iterable of bytes; an async generator can be read once only."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream
        self._is_consumed = False
        self._reads_once = stream.__aiter__() is stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_consumed and self._reads_once:
            raise StreamConsumed()
        self._is_consumed = True
        try:
            async for chunk in self._stream:
                yield chunk
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if self._reads_once and close is not None:
            await close()


class UnattachedStream(SyncByteStream, AsyncByteStream):
    """What a message has instead of its stream after it was pickled."""

    def __iter__(self) -> Iterator[bytes]:
        raise StreamClosed("the stream of a message does not survive pickling; read it before")

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise StreamClosed("the stream of a message does not survive pickling; read it before")
