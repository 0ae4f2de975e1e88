"""The body of a response on its way from a connection to the caller, and its two doors.

The body owns its connection from the head of the response on. Whatever way it ends, read to the last byte, given up,
broken, dropped, it gives the connection back exactly once, at that moment, and synchronously. (A body that came
together with its head never gets here: it is a `ByteStream`.)
"""

from __future__ import annotations

import sys
import time
import types
import typing
import warnings
from collections.abc import AsyncIterator, Iterator

from courser_models import AsyncByteStream, Headers, Request, RequestError, StreamClosed, SyncByteStream

from ._resend import is_of_body
from ._sync import run_sync

if typing.TYPE_CHECKING:
    from ._http1._framing import BodyReader
    from ._trace import Tracer

_OURS = {"courser", "courser_client", "courser_models", "courser_transport", "contextlib"}


class BodySource(typing.Protocol):
    """What a body needs of its connection."""

    protocol: str
    """What the steps of a trace begin with: `http11`, `http2`."""

    @property
    def about(self) -> dict[str, typing.Any]:
        """What the steps of a trace tell besides."""
        ...

    async def read_body(self, timeout: float | None, limit: int | None) -> bytes:
        """Return what has arrived, `limit` bytes at most where the rest can be left; `b""` is the peer's goodbye."""
        ...

    async def finish_sending(self) -> None:
        """Send the rest of a request's body whose response has been read to its end."""
        ...

    async def stop_sending(self) -> None:
        """End a request's body that is still on its way."""
        ...

    def finished(self, exchange: int, is_clean: bool) -> None:
        """Take the connection back; `is_clean` says that the response was read to its end and nothing came after."""
        ...

    def dropped(self, exchange: int) -> None:
        """Take the connection back from a response that nobody holds any more."""
        ...

    @property
    def served(self) -> int:
        """The number of the exchange that is under way."""
        ...

    @property
    def peer(self) -> str:
        """The peer's name for errors."""
        ...


class ResponseBody:
    """One response's body; `data` has arrived already. Without a `reader` there is none, and the connection is held.

    `most_at_once` is the number of bytes that the next chunk takes at most, None for all that have arrived. A client
    that drains a body sets it, and knows how much of it was read.
    """

    __slots__ = (
        "_about",
        "_data",
        "_exchange",
        "_extensions",
        "_is_given_up",
        "_opened_at",
        "_opened_when",
        "_protocol",
        "_reader",
        "_request",
        "_source",
        "_timeout",
        "_tracer",
        "most_at_once",
    )

    def __init__(
        self,
        data: bytes,
        source: BodySource,
        reader: BodyReader | None,
        request: Request,
        timeout: float | None,
    ) -> None:
        self._data = data
        self._source: BodySource | None = source
        self._exchange = source.served
        self._is_given_up = False
        self._reader = reader
        self._request = request
        self._timeout = timeout
        self._tracer: Tracer | None = None
        self._protocol = ""
        self._about: dict[str, typing.Any] = {}
        self._extensions: dict[str, typing.Any] = {}
        self._opened_at = _caller()
        self._opened_when = time.monotonic()
        self.most_at_once: int | None = None

    def note_into(self, extensions: dict[str, typing.Any], tracer: Tracer | None) -> None:
        """Put what the end of the body tells into `extensions`, and tell `tracer` of it."""
        self._extensions = extensions
        self._tracer = tracer
        if tracer is not None and self._source is not None:
            self._protocol, self._about = self._source.protocol, self._source.about

    async def next_chunk(self) -> bytes:
        """Return the next content, or `b""` at the end; by then the connection was given back.

        Raises `ReadTimeout`, `ReadError`, `RemoteProtocolError`, and the connection is closed then; `StreamClosed`
        after that, or where it was closed before its end.
        """
        if self._tracer is not None and self._source is not None:
            return await self._traced_chunk(self._tracer)
        return await self._next_chunk()

    async def _traced_chunk(self, tracer: Tracer) -> bytes:
        protocol = self._protocol
        chunk = await tracer.step(
            f"{protocol}.receive_response_body", self._next_chunk(), request=self._request, **self._about
        )
        if self._source is None:
            await self._tell_closed()
        return chunk

    async def _tell_closed(self) -> None:
        tracer, self._tracer = self._tracer, None
        if tracer is not None:
            await tracer.tell(f"{self._protocol}.response_closed.started", **self._about)
            await tracer.tell(f"{self._protocol}.response_closed.complete", return_value=None)

    async def _next_chunk(self) -> bytes:
        source, reader = self._source, self._reader
        if self._is_given_up:
            raise StreamClosed()  # the end of what came is not the end of what was sent
        if source is None or reader is None:
            return b""
        try:
            while True:
                if self._data:
                    data, self._data = self._data, b""
                else:
                    data = await source.read_body(self._timeout, self.most_at_once)
                if self.most_at_once is not None and len(data) > self.most_at_once:
                    data, self._data = data[: self.most_at_once], data[self.most_at_once :]
                if data:
                    content = reader.feed(data)
                else:
                    reader.end(source.peer)
                    content = b""
                if reader.is_done:
                    await source.finish_sending()
                    self._source = None
                    source.finished(self._exchange, is_clean=bool(data) and not reader.excess)
                    if reader.trailers:
                        self._extensions["trailers"] = Headers.from_wire(reader.trailers)
                    return content
                if content:
                    return content
        except BaseException as error:
            if isinstance(error, RequestError) and not is_of_body(error):
                error.request = self._request
                after = time.monotonic() - self._opened_when
                error.add_note(
                    f"the body of {self._request.method} {self._request.url.masked} broke off after {after:.3f} s"
                )
            self.finish()
            await source.stop_sending()
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
            self._is_given_up = True
            source.finished(self._exchange, is_clean=False)

    def __del__(self) -> None:
        source = getattr(self, "_source", None)
        if source is None:
            return
        self._source = None
        source.dropped(self._exchange)
        warnings.warn(
            f"a response to {self._request.method} {self._request.url.masked} was dropped before it was read or closed"
            f"{self._opened_at}; read it, or close it, or use `with client.stream(…)`",
            ResourceWarning,
            source=self,
            stacklevel=1,
        )


class SyncBody(ResponseBody, SyncByteStream):
    """A body that is iterated."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        while chunk := run_sync(self.next_chunk()):
            yield chunk

    def read_all(self) -> bytes:
        return run_sync(self.collect())

    def close(self) -> None:
        source = self._source
        if source is not None:
            self.finish()
            run_sync(source.stop_sending())
        if self._tracer is not None:
            run_sync(self._tell_closed())


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
        return await self.collect()

    async def aclose(self) -> None:
        source = self._source
        if source is not None:
            # The connection first: what follows may be cancelled.
            self.finish()
            await source.stop_sending()
        if self._tracer is not None:
            await self._tell_closed()


def _caller() -> str:
    """Return where the program outside of courser is that asked for a response, for a warning."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame = frame.f_back
    return "" if frame is None else f" (it was opened at {frame.f_code.co_filename}:{frame.f_lineno})"
