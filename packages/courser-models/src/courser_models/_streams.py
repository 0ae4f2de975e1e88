"""Byte streams: where the body of a message comes from.

A stream is iterated, synchronously or asynchronously, and closed. `read_all` and `aread_all` join what is left; a
transport's own streams override them with something that takes fewer steps.

Files make a third kind. Reading one blocks, and nothing here knows an event loop, so a `BlockingByteStream` says so: an
async transport iterates `stream.aiter_with(in_thread)` in place of the stream itself, where `in_thread(read)` calls
`read` in a worker thread and gives its result to who awaits it.
"""

from __future__ import annotations

import io
import os
import stat
import typing
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator

from ._exceptions import StreamClosed, StreamConsumed

InThread = Callable[[Callable[[], bytes]], Awaitable[bytes]]

FILE_READ_SIZE = 65536


class SyncByteStream:
    """A body that is read by iterating; subclass it and give `__iter__`, and `close` where needed."""

    @property
    def is_replayable(self) -> bool:
        """Whether it would give the same bytes from its beginning if it were read (again) now."""
        return False

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def close(self) -> None:
        """Release what the stream holds; safe to call any number of times."""

    def read_all(self) -> bytes:
        """Return everything that is left, joined."""
        return b"".join(self)


class AsyncByteStream:
    """A body that is read by `async for`; subclass it and give `__aiter__`, and `aclose` where needed."""

    @property
    def is_replayable(self) -> bool:
        """Whether it would give the same bytes from its beginning if it were read (again) now."""
        return False

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

    @property
    def is_replayable(self) -> bool:
        """True: it is in memory."""
        return True

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


class BlockingByteStream(AsyncByteStream):
    """A body for async programs that is made, at least in part, by calls that block; subclass it and give `aiter_with`.

    A sync program may read it too where it is a `SyncByteStream` besides. What knows only `async for` reads it in
    place, and the event loop waits meanwhile.
    """

    def aiter_with(self, in_thread: InThread) -> AsyncIterator[bytes]:
        """Return the chunks, each blocking call made by way of `in_thread`, such as `anyio.to_thread.run_sync`."""
        raise NotImplementedError(f"{type(self).__name__} must define aiter_with")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.aiter_with(_in_place)


async def _in_place(read: Callable[[], bytes]) -> bytes:
    return read()


class IteratorByteStream(SyncByteStream):
    """A body from an iterable of bytes; a generator can be read once only."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self._is_consumed = False
        self._reads_once = iter(stream) is stream

    @property
    def is_replayable(self) -> bool:
        """Whether it is a collection, or a generator that nobody has begun to read."""
        return not (self._reads_once and self._is_consumed)

    def __iter__(self) -> Iterator[bytes]:
        if self._is_consumed and self._reads_once:
            raise StreamConsumed()
        self._is_consumed = True
        yield from self._stream

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

    @property
    def is_replayable(self) -> bool:
        """Whether it is a collection, or a generator that nobody has begun to read."""
        return not (self._reads_once and self._is_consumed)

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


class FileByteStream(BlockingByteStream, SyncByteStream):
    """A body from a binary file, from where it stands or from its start; leaves it open.

    It can be read again, from the same place, if the file can seek.
    """

    def __init__(self, file: typing.Any, from_start: bool = False) -> None:
        self._file = file
        self._is_consumed = False
        self._start, self.length = _extent(file, from_start)

    length: int | None
    """How many bytes it has, or None where nobody can tell."""

    @property
    def is_replayable(self) -> bool:
        """Whether the file can seek, or nobody has begun to read it."""
        return self._start is not None or not self._is_consumed

    def __iter__(self) -> Iterator[bytes]:
        self._rewind()
        while chunk := self._read():
            yield chunk

    async def aiter_with(self, in_thread: InThread) -> AsyncIterator[bytes]:
        # A file in memory keeps nobody waiting.
        call = _in_place if isinstance(self._file, io.BytesIO) else in_thread
        chunk = await call(self._read_first)
        while chunk:
            yield chunk
            chunk = await call(self._read)

    def _rewind(self) -> None:
        if self._start is not None:
            self._file.seek(self._start)
        elif self._is_consumed:
            raise StreamConsumed()
        self._is_consumed = True

    def _read(self) -> bytes:
        return typing.cast(bytes, self._file.read(FILE_READ_SIZE))  # what else it gives, the transport refuses

    def _read_first(self) -> bytes:
        self._rewind()
        return self._read()


class AsyncFileByteStream(AsyncByteStream):
    """A body from a file whose `read` is `async def`, from where it stands; leaves it open."""

    def __init__(self, file: typing.Any) -> None:
        self._file = file
        self._is_consumed = False
        self._start: int | None = None

    @property
    def is_replayable(self) -> bool:
        """Whether the file can seek, or nobody has begun to read it."""
        return self._start is not None or not self._is_consumed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await self._rewind()
        while chunk := await self._file.read(FILE_READ_SIZE):
            yield chunk

    async def _rewind(self) -> None:
        if self._start is not None:
            await self._file.seek(self._start)
        elif self._is_consumed:
            raise StreamConsumed()
        elif hasattr(self._file, "seek") and hasattr(self._file, "tell"):
            try:
                self._start = await self._file.tell()
            except OSError:
                pass  # a pipe
        self._is_consumed = True


def is_async_file(content: object) -> bool:
    """Return whether `content` has a `read` that must be awaited."""
    read = getattr(content, "read", None)
    if read is None:
        return False
    import inspect

    return inspect.iscoroutinefunction(read) or isinstance(content, AsyncIterable)


def _extent(file: typing.Any, from_start: bool) -> tuple[int | None, int | None]:
    """Return where the content of an open file begins and how long it is; None for what nobody can tell."""
    try:
        position = int(file.tell())
        if isinstance(file, (io.FileIO, io.BufferedReader, io.BufferedRandom)):
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return None, None  # a device tells a position and has no end
            end = status.st_size
        else:
            # Not by `fileno`: that of an unpacking file belongs to the packed one.
            end = int(file.seek(0, os.SEEK_END))
            file.seek(position)
    except (AttributeError, OSError, TypeError, ValueError):
        return None, None
    start = 0 if from_start else position
    return start, max(end - start, 0)


class UnattachedStream(SyncByteStream, AsyncByteStream):
    """What a message has instead of its stream after it was pickled."""

    def __iter__(self) -> Iterator[bytes]:
        raise StreamClosed("the stream of a message does not survive pickling; read it before")

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise StreamClosed("the stream of a message does not survive pickling; read it before")
