"""`Upload`: a request's body on its way out, which stops for an answer and can be taken up again.

A server may answer before it has heard everything: it refuses, or it speaks while it listens. So sending stops as soon
as there is something to read; whoever reads decides whether the rest is still wanted.
"""

from __future__ import annotations

import types
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from courser_models import AsyncByteStream, BlockingByteStream, ByteStream, LocalProtocolError, Request, RequestError

from .._network import Stream
from .._resend import of_body

# A body in memory leaves in pieces of this size, with a look for an answer between them.
_PIECE = 262144

Chunks = Iterator[object] | AsyncIterator[object]


class Upload:
    """The body of `request`, `length` bytes of it, or chunks where that is None; `timeout` is for each write."""

    def __init__(
        self,
        stream: Stream,
        request: Request,
        length: int | None,
        timeout: float | None,
        in_thread: Callable[[Callable[[], bytes]], Awaitable[bytes]],
        is_async: bool,
    ) -> None:
        self._stream = stream
        self._length = length
        self._timeout = timeout
        self._chunks = body_chunks(request, in_thread, is_async)
        self._sent = 0
        self._is_flushed = True  # nothing of what was pushed is still here
        self._is_last = False
        self.is_done = False
        self.has_begun = False

    async def run(self) -> None:
        """Send until all is sent, `is_done`, or the peer has said something.

        Raises `WriteTimeout`, `WriteError`, `LocalProtocolError` for a body of another length than was announced, and
        what the body itself raises.
        """
        self.has_begun = True
        try:
            while not self.is_done:
                piece: bytes | memoryview = b""
                if self._is_flushed and not self._is_last:
                    piece = await self._next()
                self._is_flushed = await self._stream.push(piece, self._timeout)
                if self._is_flushed and self._is_last:
                    self.is_done = True
                elif self._is_flushed and self._sent == self._length:
                    continue  # the peer has all that was announced, and may well answer; what is left is to see the end
                elif self._stream.is_readable():
                    return
        except BaseException:
            await self.stop()
            raise

    async def finish(self) -> None:
        """Send all that is left, whatever the peer says meanwhile. Raises as `run` does."""
        try:
            if not self._is_flushed:
                await self._stream.write(b"", self._timeout)
                self._is_flushed = True
            while not self._is_last:
                piece = await self._next()
                if piece:
                    await self._stream.write(bytes(piece), self._timeout)
            self.is_done = True
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Send no more; a generator that was left half-way ends here and now, and not in some garbage collection."""
        self.is_done = True
        if isinstance(self._chunks, types.AsyncGeneratorType):
            await self._chunks.aclose()
        elif isinstance(self._chunks, types.GeneratorType):
            self._chunks.close()

    async def _next(self) -> bytes | memoryview:
        """Return the next bytes for the wire."""
        while True:
            try:
                chunk = await anext(self._chunks) if isinstance(self._chunks, AsyncIterator) else next(self._chunks)
            except RequestError as error:
                of_body(error)
                raise
            except (StopIteration, StopAsyncIteration):
                self._is_last = True
                if self._length is None:
                    return b"0\r\n\r\n"
                if self._sent != self._length:
                    raise wrong_length(self._length, self._sent) from None
                return b""
            if not isinstance(chunk, (bytes, bytearray, memoryview)):
                raise TypeError(f"a request's body must give bytes, it gave {type(chunk).__name__}")
            if not chunk:  # in the chunked coding it would be the last
                continue
            piece = chunk if isinstance(chunk, memoryview) else bytes(chunk)
            self._sent += len(piece)
            if self._length is None:
                return framed(bytes(piece))
            if self._sent > self._length:
                raise wrong_length(self._length, self._sent)
            return piece


def framed(content: bytes) -> bytes:
    """Return content as one chunk (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def wrong_length(announced: int, given: int) -> LocalProtocolError:
    """Return the error for a body of another length than its request announces."""
    extent = f"at least {given}" if given > announced else f"only {given}"
    return LocalProtocolError(f"the request announces {announced} body bytes, and its body has {extent}")


def body_chunks(
    request: Request, in_thread: Callable[[Callable[[], bytes]], Awaitable[bytes]], is_async: bool
) -> Chunks:
    """Return what a request's body gives, in the colour that it has."""
    stream: typing.Any = request.stream
    if type(stream) is ByteStream:
        view = memoryview(stream.read_all())
        return iter([view[start : start + _PIECE] for start in range(0, len(view), _PIECE)])
    chunks: Chunks
    if is_async and isinstance(stream, BlockingByteStream):
        chunks = stream.aiter_with(in_thread)
    elif is_async and isinstance(stream, AsyncByteStream):
        chunks = stream.__aiter__()
    else:
        chunks = iter(stream)
    return chunks
