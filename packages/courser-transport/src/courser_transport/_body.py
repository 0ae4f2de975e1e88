"""The body of a response on its way from a connection to the caller, and its two doors.

The body owns its connection from the head of the response on. Whatever way it ends, read to the last byte, given up,
broken, it gives the connection back exactly once, at that moment, and synchronously.
"""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Iterator

from courser_models import AsyncByteStream, Request, RequestError, SyncByteStream

from ._sync import run_sync

if typing.TYPE_CHECKING:
    from ._http1._framing import BodyReader


class BodySource(typing.Protocol):
    """What a body needs of its connection."""

    async def read_body(self, timeout: float | None) -> bytes:
        """Return what has arrived; `b""` is the peer's goodbye."""
        ...

    def finished(self, is_clean: bool) -> None:
        """Take the connection back; `is_clean` says that the response was read to its end and nothing came after."""
        ...

    @property
    def peer(self) -> str:
        """The peer's name for errors."""
        ...


class ResponseBody:
    """One response's body.

    `data` has arrived already. Without a `reader` it is all of the body, and the connection was given back before.
    """

    __slots__ = ("_data", "_reader", "_request", "_source", "_timeout")

    def __init__(
        self,
        data: bytes,
        source: BodySource | None = None,
        reader: BodyReader | None = None,
        request: Request | None = None,
        timeout: float | None = None,
    ) -> None:
        self._data = data
        self._source = source
        self._reader = reader
        self._request = request
        self._timeout = timeout

    async def next_chunk(self) -> bytes:
        """Return the next content, or `b""` at the end; by then the connection was given back.

        Raises `ReadTimeout`, `ReadError`, `RemoteProtocolError`; the connection is closed then.
        """
        source, reader = self._source, self._reader
        if source is None or reader is None:
            data, self._data = self._data, b""
            return data
        try:
            while True:
                if self._data:
                    data, self._data = self._data, b""
                else:
                    data = await source.read_body(self._timeout)
                if data:
                    content = reader.feed(data)
                else:
                    reader.end(source.peer)
                    content = b""
                if reader.is_done:
                    self._source = None
                    source.finished(is_clean=bool(data) and not reader.excess)
                    return content
                if content:
                    return content
        except BaseException as error:
            self.finish()
            if isinstance(error, RequestError) and self._request is not None:
                error.request = self._request
            raise

    async def collect(self) -> bytes:
        """Return all that is left of the body."""
        chunks = []
        while chunk := await self.next_chunk():
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def finish(self) -> None:
        """Stop reading here; bytes of the body that were not read mean that the connection is closed."""
        source, self._source = self._source, None
        self._data = b""
        if source is not None:
            source.finished(is_clean=False)


class SyncBody(ResponseBody, SyncByteStream):
    """A body that is iterated."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        while chunk := run_sync(self.next_chunk()):
            yield chunk

    def read_all(self) -> bytes:
        if self._source is None:
            data, self._data = self._data, b""
            return data
        return run_sync(self.collect())

    def close(self) -> None:
        if self._source is not None:
            self.finish()


class AsyncBody(ResponseBody, AsyncByteStream):
    """A body that is iterated with `async for`."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.next_chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aread_all(self) -> bytes:
        if self._source is None:
            data, self._data = self._data, b""
            return data
        return await self.collect()

    async def aclose(self) -> None:
        if self._source is not None:
            self.finish()
