"""`HTTP1Connection`: one request and its response after the other over one stream.

Between two exchanges nothing may be left over: a byte that the peer sends when nobody asked would answer the next
request. So a connection is clean only if the response ended where its framing said, and nothing came after.
"""

from __future__ import annotations

import re
import time
import types
import typing
from collections.abc import Awaitable, Callable

from courser_models import (
    AsyncByteStream,
    BlockingByteStream,
    ByteStream,
    Headers,
    LocalProtocolError,
    Origin,
    Request,
    Response,
    TransportError,
)

from .._body import AsyncBody, SyncBody
from .._exceptions import RemoteProtocolError, WriteError
from .._network import READ_SIZE, Stream
from .._trace import trace
from ._framing import body_length, body_reader
from ._head import ResponseHead, read_head
from ._request_head import request_head, tokens

MAX_HEAD_SIZE = 102400
MAX_FIELDS = 256
MAX_INTERIM_RESPONSES = 32

# Head and body leave in one write up to this size of the body; beyond it joining them would cost more than it saves.
_ONE_WRITE = 65536

_NO_TIMEOUTS: dict[str, float | None] = {}

# The end of a head as h11 sees it: an empty line, whatever ends its lines.
_HEAD_END = re.compile(rb"\n\r?\n")


class HTTP1Connection:
    """A connection that speaks HTTP/1.1, lent to one exchange at a time.

    `release` is called once an exchange is over, with this connection; `is_reusable` then says whether another may
    follow. `idle_since` is a reading of `time.monotonic()`. `in_thread` reads a body's files, which block.
    """

    __slots__ = (
        "_body",
        "_in_thread",
        "_is_lent",
        "_keeps",
        "_release",
        "_stream",
        "idle_since",
        "is_reusable",
        "origin",
        "peer",
    )

    def __init__(
        self,
        stream: Stream,
        origin: Origin,
        body: type[SyncBody] | type[AsyncBody],
        release: Callable[[HTTP1Connection], None],
        in_thread: Callable[[Callable[[], bytes]], Awaitable[bytes]],
    ) -> None:
        self._stream = stream
        self._in_thread = in_thread
        self._body = body
        self._release = release
        self._keeps = True
        self._is_lent = False
        self.origin = origin
        self.peer = origin.authority
        self.is_reusable = True
        self.idle_since = 0.0

    async def send(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        Raises what the stream raises, `LocalProtocolError` and `RemoteProtocolError`. The connection is given back
        in every case: now, or when the response's body has ended.
        """
        self._is_lent = True
        try:
            timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
            try:
                head, length, self._keeps = request_head(request)
            except LocalProtocolError:
                self._keeps = True
                self.finished(is_clean=True)  # nothing left us, so nothing is wrong with the connection
                raise
            stream = request.stream
            try:
                if type(stream) is ByteStream:
                    await self._send_whole(head, stream.read_all(), length, timeouts.get("write"))
                else:
                    await self._send_streamed(request, head, length, timeouts.get("write"))
            except WriteError as error:
                # A server that has seen enough answers, and closes: its answer may be here, and says more than ours.
                return await self._early_response(request, error)
            return await self._receive(request, timeouts.get("read"))
        except BaseException:
            self.finished(is_clean=False)
            raise

    # Sending

    async def _send_whole(self, head: bytes, content: bytes, length: int | None, timeout: float | None) -> None:
        if length is None:
            content = _chunk(content) + b"0\r\n\r\n" if content else b"0\r\n\r\n"
        elif length != len(content):
            raise _wrong_length(length, len(content))
        if len(content) <= _ONE_WRITE:
            await self._stream.write(head + content if content else head, timeout)
            return
        await self._stream.write(head, timeout)
        await self._stream.write(content, timeout)

    async def _send_streamed(self, request: Request, head: bytes, length: int | None, timeout: float | None) -> None:
        await self._stream.write(head, timeout)
        sent = 0
        stream: typing.Any = request.stream
        # A generator that is left half-way is ended here and now, not by the garbage collector.
        chunks: typing.Any
        if issubclass(self._body, AsyncBody) and isinstance(stream, AsyncByteStream):
            if isinstance(stream, BlockingByteStream):
                chunks = stream.aiter_with(self._in_thread)
            else:
                chunks = stream.__aiter__()
            try:
                async for chunk in chunks:
                    sent = await self._send_chunk(chunk, sent, length, timeout)
            finally:
                if isinstance(chunks, types.AsyncGeneratorType):
                    await chunks.aclose()
        else:
            chunks = iter(stream)
            try:
                for chunk in chunks:
                    sent = await self._send_chunk(chunk, sent, length, timeout)
            finally:
                if isinstance(chunks, types.GeneratorType):
                    chunks.close()
        if length is None:
            await self._stream.write(b"0\r\n\r\n", timeout)
        elif sent != length:
            raise _wrong_length(length, sent)

    async def _send_chunk(self, chunk: typing.Any, sent: int, length: int | None, timeout: float | None) -> int:
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"a request's body must give bytes, it gave {type(chunk).__name__}")
        chunk = bytes(chunk)
        if chunk:  # in the chunked coding an empty chunk would be the last
            sent += len(chunk)
            if length is not None and sent > length:
                raise _wrong_length(length, sent)
            await self._stream.write(chunk if length is not None else _chunk(chunk), timeout)
        return sent

    async def _early_response(self, request: Request, error: WriteError) -> Response:
        self._keeps = False
        timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
        try:
            return await self._receive(request, timeouts.get("read"))
        except TransportError:
            raise error from error.__cause__

    # Receiving

    async def _receive(self, request: Request, timeout: float | None) -> Response:
        buffer = await self._stream.read(READ_SIZE, timeout)
        interim = 0
        while True:
            end = buffer.find(b"\r\n\r\n") + 4
            if end < 4 or end > MAX_HEAD_SIZE:
                buffer, end = await self._rest_of_head(buffer, timeout)
            head = read_head(buffer[:end])
            if head is None or len(head[3]) > MAX_FIELDS:
                head, end = self._arbitrated(buffer, request.method)
            length = body_length(request.method, head)
            if length is None:
                head, end = self._arbitrated(buffer, request.method)
                length = body_length(request.method, head)
                if length is None:
                    raise RemoteProtocolError(f"{self.peer} framed its response in a way that HTTP/1.1 has not")
            status, version, reason, fields, index = head
            if status >= 200:
                break
            interim += 1
            await self._note_interim(request, head, interim)
            buffer = buffer[end:] or await self._stream.read(READ_SIZE, timeout)

        connection = index.get(b"connection")
        if version < b"HTTP/1.1" or (
            connection is not None and connection != b"keep-alive" and b"close" in tokens(connection)
        ):
            self._keeps = False
        arrived = len(buffer) - end
        if 0 <= length <= arrived:
            # All of the body is here, so the connection is free before the caller looks at the response.
            body = self._body(buffer[end : end + length])
            self.finished(is_clean=arrived == length)
        else:
            body = self._body(buffer[end:], self, body_reader(length), request, timeout)
        return Response.from_parts(
            status,
            Headers.from_wire(fields, index),
            body,
            request,
            {"http_version": version, "reason_phrase": reason},
        )

    async def _rest_of_head(self, buffer: bytes, timeout: float | None) -> tuple[bytes, int]:
        """Read until a head is complete; return what arrived, and where the head ends in it."""
        received = bytearray(buffer)
        searched = 0
        while True:
            match = _HEAD_END.search(received, max(searched - 2, 0))
            end = match.end() if match else 0
            if max(end, 0 if match else len(received)) > MAX_HEAD_SIZE:
                raise RemoteProtocolError(
                    f"{self.peer} sent a response head of more than {MAX_HEAD_SIZE} bytes, which is the limit"
                )
            if match:
                return bytes(received), end
            if len(received) >= 5 and not received.startswith(b"HTTP/") and not received.startswith((b"\r", b"\n")):
                raise RemoteProtocolError(
                    f"{self.peer} answered with something that is not HTTP/1.1: {bytes(received[:20])!r}"
                )
            searched = len(received)
            more = await self._stream.read(READ_SIZE, timeout)
            if not more:
                if received:
                    raise RemoteProtocolError(
                        f"{self.peer} closed the connection after {len(received)} bytes of a response head"
                    )
                raise RemoteProtocolError(f"{self.peer} closed the connection without sending a response")
            received += more

    def _arbitrated(self, buffer: bytes, method: str) -> tuple[ResponseHead, int]:
        """Return what h11 makes of a head that the fast reader declined, and where it ends."""
        from ._arbiter import arbitrate_head  # loads h11, which most programs never need

        match = _HEAD_END.search(buffer)
        end = match.end() if match else len(buffer)
        head = arbitrate_head(buffer[:end], method)
        if head is None:
            raise RemoteProtocolError(f"{self.peer} sent an empty response head")
        if len(head[3]) > MAX_FIELDS:
            raise RemoteProtocolError(
                f"{self.peer} sent a response head of {len(head[3])} fields; {MAX_FIELDS} is the limit"
            )
        return head, end

    async def _note_interim(self, request: Request, head: ResponseHead, count: int) -> None:
        """Skip a 1xx response (RFC 9110 §15.2), and tell the `trace` extension of it."""
        status, version, reason, fields, _ = head
        if status == 101:
            raise RemoteProtocolError(f"{self.peer} switches protocols (101), which this client does not do")
        if count > MAX_INTERIM_RESPONSES:
            raise RemoteProtocolError(f"{self.peer} sent more than {MAX_INTERIM_RESPONSES} interim (1xx) responses")
        raw = [(name, value) for name, _, value in fields]
        await trace(request, "http11.receive_interim_response.complete", return_value=(version, status, reason, raw))

    # The body's side

    async def read_body(self, timeout: float | None) -> bytes:
        """Return what has arrived of the body."""
        return await self._stream.read(READ_SIZE * 4, timeout)

    def finished(self, is_clean: bool) -> None:
        """Take the connection back from an exchange that is over."""
        # Once an exchange: whoever comes second finds a connection that may be somebody else's by now.
        if self._is_lent:
            self._is_lent = False
            self.is_reusable = is_clean and self._keeps
            self._release(self)

    # The pool's side

    def is_stale(self, expiry: float | None) -> bool:
        """Return whether this idle connection has waited longer than `expiry` seconds, or is not clean any more.

        Something to read means a goodbye, or an answer that nobody asked for; neither may meet the next request.
        """
        if expiry is not None and time.monotonic() - self.idle_since > expiry:
            return True
        return self._stream.is_readable()

    def close(self) -> None:
        """Close at once."""
        self.is_reusable = False
        self._stream.close()


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def _wrong_length(announced: int, given: int) -> LocalProtocolError:
    extent = f"at least {given}" if given > announced else f"only {given}"
    return LocalProtocolError(f"the request announces {announced} body bytes, and its body has {extent}")
