"""`Exchange`: one request and its response over one stream of a connection.

While the request's content is on its way the peer may answer. From 300 on an answer means that the rest is not wanted,
and it is not sent; before that it is sent on, while the answer is read. A complete answer ends the exchange: what then
cannot leave at once is not sent any more.
"""

from __future__ import annotations

import types
import typing
from collections.abc import AsyncIterator

from courser_models import ByteStream, Field, Headers, LocalProtocolError, Request, RequestError, Response

from .._body import AsyncBody, SyncBody
from .._deadline import Deadline
from .._exceptions import ReadTimeout, WriteTimeout
from .._extensions import ResponseExtensions
from .._http1._upload import Chunks, body_chunks, wrong_length
from .._resend import of_body
from .._trace import Tracer
from ._fields import FieldList, check, request_fields
from ._frames import CANCEL, NO_ERROR
from ._stream import HTTP2Stream, Wanted

if typing.TYPE_CHECKING:
    from ._connection import HTTP2Connection

# Fields and content leave together up to this size of the content.
_ONE_WRITE = 65536

# So much content leaves at once, and between two looks at whether the peer has said something.
_AT_ONCE = 262144

# How long a request with `Expect: 100-continue` waits for the word before it sends its body unasked (RFC 9110 §10.1.1).
_CONTINUE_WITHIN = 1.0

_NO_TIMEOUTS: dict[str, float | None] = {}

_VERSION = b"HTTP/2"


class Exchange:
    """One exchange; as long as the response's body is read it is where that comes from."""

    __slots__ = (
        "_chunks",
        "_connection",
        "_deadline",
        "_is_given_back",
        "_is_last",
        "_length",
        "_piece",
        "_read_timeout",
        "_request",
        "_sent",
        "_stream",
        "_tracer",
        "_unheard",
        "_write_timeout",
        "excess",
        "is_done",
        "trailers",
    )

    protocol = "http2"
    served = 0
    """One exchange is all that there is of it."""

    def __init__(
        self, connection: HTTP2Connection, request: Request, deadline: Deadline | None, tracer: Tracer | None
    ) -> None:
        timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
        self._connection = connection
        self._request = request
        self._deadline = deadline
        self._tracer = tracer
        self._read_timeout = timeouts.get("read")
        self._write_timeout = timeouts.get("write")
        self._stream: HTTP2Stream | None = None
        self._is_given_back = False
        # The request's content: what is still to come, a piece of it that waits, how much has left.
        self._chunks: Chunks | None = None
        self._piece: bytes | memoryview = b""
        self._is_last = False
        self._length: int | None = None
        self._sent = 0
        self._unheard = 0
        # As the reader of the response's body.
        self.is_done = False
        self.excess = b""
        self.trailers: list[Field] = []

    @property
    def about(self) -> dict[str, typing.Any]:
        """What the steps of a trace tell besides."""
        return {} if self._stream is None else {"stream_id": self._stream.id}

    @property
    def peer(self) -> str:
        """The peer's name for errors."""
        return self._connection.peer

    async def run(self) -> Response:
        """Send the request; return its response."""
        try:
            fields, self._length = request_fields(self._request)
            content = self._small_content()
            if self._connection.is_too_large(fields):
                raise LocalProtocolError(f"the request's fields are larger than {self.peer} says it takes")
            if self._connection.is_doubtful():
                await self._connection.make_sure(self._read_patience)
            if self._tracer is not None:
                return await self._run_traced(fields, content, self._tracer)
            stream = await self._send_head(fields, content)
            if content is None:
                await self._begin_upload(stream)
            await self._receive_head(stream)
            if self._chunks is not None:
                await self._stop_if_refused(stream)
            return self._response(stream)
        except BaseException:
            self.finished(0, is_clean=False)
            await self.stop_sending()
            raise

    async def _run_traced(self, fields: FieldList, content: bytes | None, tracer: Tracer) -> Response:
        """The same in the steps that a tracer can tell apart."""
        request = self._request
        stream = await tracer.step("http2.send_request_headers", self._send_head(fields, content), request=request)
        sending = self._begin_upload(stream) if content is None else _nothing()
        number = stream.id
        await tracer.step("http2.send_request_body", sending, request=request, stream_id=number)
        receiving = self._receive_told_head(stream)
        await tracer.step("http2.receive_response_headers", receiving, True, request=request, stream_id=number)
        for status, fields_of_it, _ in stream.interim:
            raw = [(name, value) for name, _, value in fields_of_it]
            await tracer.tell("http2.receive_interim_response.complete", return_value=(_VERSION, status, b"", raw))
        await self._stop_if_refused(stream)
        response = self._response(stream)
        if tracer.timings is not None:
            response.extensions["timings"] = tracer.timings
        return response

    async def _stop_if_refused(self, stream: HTTP2Stream) -> None:
        """Send no more of a request whose answer says that the rest is not wanted."""
        if stream.head is not None and stream.head[0] >= 300:
            await self.stop_sending()

    # Sending

    def _small_content(self) -> bytes | None:
        """Return content that leaves together with its fields; None for content that is sent by itself."""
        stream = self._request.stream
        if type(stream) is not ByteStream or len(content := stream.read_all()) > _ONE_WRITE:
            return None
        if self._length is not None and self._length != len(content):
            raise wrong_length(self._length, len(content))
        if self._request.extensions.get("trailers") is not None or (content and self._awaits_word()):
            return None
        return content

    def _awaits_word(self) -> bool:
        expected = self._request.headers.find(b"expect")
        return expected is not None and expected.lower() == b"100-continue"

    async def _send_head(self, fields: FieldList, content: bytes | None) -> HTTP2Stream:
        connection = self._connection
        stream = self._stream = connection.open(fields, self._request.method, content)
        if content and not stream.has_sent_all:
            self._chunks = iter([content])
        if not connection.is_clear:
            await self._flush(stream)
        return stream

    async def _begin_upload(self, stream: HTTP2Stream) -> None:
        """Send the request's content, until all has left or the peer answers."""
        owner = self._connection.owner
        in_thread = owner.backend.in_thread
        self._chunks = body_chunks(self._request, in_thread, self._connection.is_async)
        if self._awaits_word():
            patience = self._read_timeout
            await self._wait(stream, _CONTINUE_WITHIN if patience is None else min(_CONTINUE_WITHIN, patience))
            stream.seen_interim = len(stream.interim)
        await self._upload(stream, Wanted.HEAD)

    async def _upload(self, stream: HTTP2Stream, wanted: Wanted) -> None:
        """Send content until all has left, or until what is wanted of the response is there.

        Raises `WriteTimeout`, `LocalProtocolError` for content of another length than was announced, and what the
        content itself raises.
        """
        connection = self._connection
        while self._chunks is not None and not stream.has_sent_all and not connection.is_mute:
            stream.wanted = wanted
            if stream.is_ready():
                return
            if not self._piece and not self._is_last:
                await self._next_piece()
            if self._is_last and not self._piece:
                self._finish(stream)
                return
            if not connection.is_clear:  # what others have sent leaves first, else it would pile up here
                await self._flush(stream)
                continue
            sent = self._send_piece(stream)
            if sent:
                await self._make_room(stream, sent)
            elif stream.failure is None:
                stream.wanted = Wanted.WINDOW if wanted is Wanted.HEAD else Wanted.WINDOW_OR_BODY
                if not await self._wait(stream, self._write_timeout, WriteTimeout):
                    raise WriteTimeout(
                        f"writing to {self.peer} timed out after {self._write_timeout} s: it takes no more content"
                    )
                stream.is_blocked = False

    def _send_piece(self, stream: HTTP2Stream) -> int:
        """Send as much of the piece as may be sent now, and not too much at once; return how much that is."""
        piece = self._piece
        sent = self._connection.send_data(
            stream, piece if len(piece) <= _AT_ONCE else memoryview(piece)[:_AT_ONCE], ends=False
        )
        if sent:
            self._piece = b"" if sent == len(piece) else memoryview(piece)[sent:]
        return sent

    async def _flush(self, stream: HTTP2Stream) -> None:
        """Return when what was posted has left, or the stream has what it wants; raises `WriteTimeout`."""
        if not await self._connection.flush(stream, self._write_patience):
            self._write_patience()
            raise WriteTimeout(f"writing to {self.peer} timed out after {self._write_timeout} s")

    def _write_patience(self) -> float | None:
        return self._left(self._write_timeout, WriteTimeout)

    def _read_patience(self) -> float | None:
        return self._left(self._read_timeout, ReadTimeout)

    async def _make_room(self, stream: HTTP2Stream, sent: int) -> None:
        """Let what was posted leave, and hear whether the peer says anything."""
        connection = self._connection
        self._unheard += sent
        if connection.is_clear:
            has_sent_much = self._unheard >= _AT_ONCE
            if has_sent_much:
                self._unheard = 0
                connection.look()
            await connection.breathe(has_sent_much)
        else:
            await self._flush(stream)

    async def _next_piece(self) -> None:
        chunks = self._chunks
        assert chunks is not None
        try:
            chunk = await anext(chunks) if isinstance(chunks, AsyncIterator) else next(chunks)
        except RequestError as error:
            of_body(error)
            raise
        except (StopIteration, StopAsyncIteration):
            self._is_last = True
            if self._length is not None and self._sent != self._length:
                raise wrong_length(self._length, self._sent) from None
            return
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"a request's body must give bytes, it gave {type(chunk).__name__}")
        self._piece = bytes(chunk) if isinstance(chunk, bytearray) else chunk
        self._sent += len(chunk)
        if self._length is not None and self._sent > self._length:
            raise wrong_length(self._length, self._sent)

    def _finish(self, stream: HTTP2Stream) -> None:
        """Say that the content is complete, with the request's trailers where it has some (RFC 9110 §6.5)."""
        self._chunks = None
        trailers = self._request.extensions.get("trailers")
        if trailers is None:
            self._connection.send_data(stream, b"", ends=True)
            return
        given: typing.Any = trailers() if callable(trailers) else trailers
        fields = Headers(given).fields
        listed = [(lower, value, False) for _, lower, value in fields]
        check(listed)
        self._connection.send_trailers(stream, listed)

    # Receiving

    async def _receive_head(self, stream: HTTP2Stream) -> None:
        """Return when the final response's head is there; what is left of the request's content leaves meanwhile."""
        while stream.head is None:
            if stream.failure is not None:
                raise stream.failure
            stream.wanted = Wanted.HEAD
            stream.seen_interim = len(stream.interim)
            if self._chunks is not None:
                await self._upload(stream, Wanted.HEAD)
                if stream.is_ready():
                    continue
            if not await self._wait(stream, self._read_timeout):
                raise ReadTimeout(f"reading from {self.peer} timed out after {self._read_timeout} s")

    async def _receive_told_head(self, stream: HTTP2Stream) -> tuple[int, list[tuple[bytes, bytes]]]:
        """The same, and return what a trace is told of it."""
        await self._receive_head(stream)
        assert stream.head is not None
        status, fields, _ = stream.head
        return status, [(name, value) for name, _, value in fields]

    async def _wait(
        self,
        stream: HTTP2Stream,
        timeout: float | None,
        kind: type[ReadTimeout] | type[WriteTimeout] = ReadTimeout,
    ) -> bool:
        """Wait for what the stream wants; False when `timeout` is over. Raises `kind` at the deadline."""
        left = self._left(timeout, kind)
        if await self._connection.wait(stream, left):
            return True
        self._connection.doubt(left)
        self._left(timeout, kind)
        return False

    def _left(self, timeout: float | None, kind: type[ReadTimeout] | type[WriteTimeout]) -> float | None:
        """Return how long a step may take; raises `kind` where the deadline of all is over."""
        if self._deadline is None:
            return timeout
        left = self._deadline.left()
        if left is not None and left <= 0.0:
            verb = "reading from" if kind is ReadTimeout else "writing to"
            raise kind(f"{verb} {self.peer} timed out {self._deadline.words}")
        return left if timeout is None or (left is not None and left < timeout) else timeout

    def _response(self, stream: HTTP2Stream) -> Response:
        assert stream.head is not None
        status, fields, index = stream.head
        extensions = ResponseExtensions(http_version=_VERSION, stream_id=stream.id)
        extensions.source, extensions.exchange = self._connection, stream.id
        if stream.interim:
            extensions["interim_responses"] = [
                (status, Headers.from_wire(fields, index)) for status, fields, index in stream.interim
            ]
        body: SyncBody | AsyncBody | ByteStream
        if stream.is_ended and self._chunks is None and self._tracer is None:
            # All of the body is here, so the stream is given back before the caller looks at the response.
            body = ByteStream(stream.take())
            if stream.trailers:
                extensions["trailers"] = Headers.from_wire(stream.trailers)
            self.finished(0, is_clean=True)
        else:
            body = self._connection.owner.body(b"", self, self, self._request, self._read_timeout)
            body.note_into(extensions, self._tracer)
            if not stream.is_over:
                self._connection.look_after()
        return Response.from_parts(status, Headers.from_wire(fields, index), body, self._request, extensions)

    # The body's side

    async def read_body(self, timeout: float | None, limit: int | None) -> bytes:
        """Return what has arrived of the body, `b""` at its end; meanwhile the rest of the request's is sent on."""
        stream = self._stream
        assert stream is not None
        stream.wanted = Wanted.BODY
        chunks = stream.chunks
        if not chunks and not stream.is_over:
            if self._chunks is not None:
                await self._upload(stream, Wanted.BODY)
                stream.wanted = Wanted.BODY
            if not await self._wait(stream, timeout):
                raise ReadTimeout(f"reading from {self.peer} timed out after {timeout} s")
        if not chunks:
            if stream.failure is not None:
                raise stream.failure
            return b""
        return self._connection.take(stream, limit)

    def feed(self, data: bytes) -> bytes:
        """Return `data`: all of it is content."""
        stream = self._stream
        if stream is not None and stream.is_ended and not stream.chunks:
            self.end(self.peer)
        return data

    def end(self, peer: str) -> None:
        """Note the end of the response."""
        self.is_done = True
        if self._stream is not None:
            self.trailers = self._stream.trailers

    async def finish_sending(self) -> None:
        """Send the rest of a request's content whose response is complete, as far as that needs no waiting."""
        stream = self._stream
        if stream is not None:
            while self._chunks is not None and stream.failure is None and not stream.has_sent_all:
                if not self._piece and not self._is_last:
                    await self._next_piece()
                if self._is_last and not self._piece:
                    self._finish(stream)
                    break
                sent = self._send_piece(stream)
                if not sent:
                    break
                await self._make_room(stream, sent)
        await self.stop_sending()

    async def stop_sending(self) -> None:
        """Send no more; a generator that was left half-way ends here and now, and not in some garbage collection."""
        chunks, self._chunks = self._chunks, None
        if isinstance(chunks, types.AsyncGeneratorType):
            await chunks.aclose()
        elif isinstance(chunks, types.GeneratorType):
            chunks.close()

    def finished(self, exchange: int, is_clean: bool) -> None:
        """Give the stream back, and the connection; the peer is told where the exchange is not complete."""
        if self._is_given_back:
            return
        self._is_given_back = True
        stream = self._stream
        if stream is None:
            self._connection.owner.release(self._connection)
        else:
            self._connection.end(stream, NO_ERROR if stream.is_ended else CANCEL)

    def dropped(self, exchange: int) -> None:
        """Give back what belongs to a response that nobody holds any more."""
        if not self._is_given_back:
            self._is_given_back = True
            if self._stream is not None:
                self._connection.note_end(self._stream)


async def _nothing() -> None:
    """Take no time: what a step is about has left already."""
