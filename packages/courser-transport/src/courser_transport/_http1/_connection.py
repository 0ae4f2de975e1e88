"""`HTTP1Connection`: one request and its response after the other over one stream.

Between two exchanges nothing may be left over: a byte that the peer sends when nobody asked would answer the next
request. So a connection is clean only if the response ended where its framing said, and nothing came after.

While a request's body is on its way the peer may answer. From 300 on an answer means that the rest is not wanted, and
it is not sent; before that it is sent on, while the answer is read.
"""

from __future__ import annotations

import re
import time
import typing
from collections.abc import Callable

from courser_models import ByteStream, Headers, LocalProtocolError, Request, Response, TransportError

from .._body import AsyncBody, SyncBody
from .._config import Limits
from .._connection import Connection
from .._deadline import Deadline
from .._exceptions import ConnectError, ReadError, ReadTimeout, RemoteProtocolError, WriteError, WriteTimeout
from .._extensions import ResponseExtensions
from .._limited import LimitedStream
from .._network import LARGE_READ_SIZE, READ_SIZE, Stream
from .._resend import is_of_body, is_unsent, unheard
from .._route import Route, forwarder_of
from .._trace import Tracer
from ._framing import UNTIL_CLOSE, body_length, body_reader
from ._head import ResponseHead, read_head
from ._request_head import CheckedFields, request_head, tokens

if typing.TYPE_CHECKING:
    from .._hand_over import AsyncNetworkStream, NetworkStream
    from ._upload import Upload

MAX_INTERIM_RESPONSES = 32

# Head and body leave in one write up to this size of the body; beyond it joining them would cost more than it saves.
_ONE_WRITE = 65536

# How long a request with `Expect: 100-continue` waits for the word before it sends its body unasked (RFC 9110 §10.1.1).
_CONTINUE_WITHIN = 1.0

# Before a server's own `Keep-Alive: timeout=` is over, by this much: the request has a way to go.
_HINT_MARGIN = 1.0

_NO_TIMEOUTS: dict[str, float | None] = {}

# The end of a head as h11 sees it: an empty line, whatever ends its lines.
_HEAD_END = re.compile(rb"\n\r?\n")
_HINT = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


class Owner(typing.Protocol):
    """What a connection needs of the pool that it belongs to."""

    limits: Limits
    body: type[SyncBody] | type[AsyncBody]

    def release(self, connection: HTTP1Connection) -> None:
        """Take back a connection whose exchange is over."""
        ...

    def reclaim(self, connection: HTTP1Connection) -> None:
        """Take back a connection whose response was dropped: from a garbage collection, where nothing may wait."""
        ...

    async def in_thread(self, function: Callable[[], bytes]) -> bytes:
        """Read from a file, which blocks."""
        ...


class HTTP1Connection(Connection):
    """A connection that speaks HTTP/1.1, lent to one exchange at a time.

    Its `owner` takes it back once an exchange is over; `is_reusable` then says whether another may follow, and
    `idle_until`, a reading of `time.monotonic()`, until when. While it is idle it does not hold its owner: a pool that
    nobody uses any more then ends at once, and not with its sockets in some order when garbage is collected.
    """

    __slots__ = (
        "_forwarder",
        "_hint",
        "_is_async",
        "_keeps",
        "_lent",
        "_may_wear",
        "_said",
        "_spoke_first",
        "_stream",
        "_upload",
        "_uploads_much",
        "_wire",
        "born",
        "is_reusable",
        "peer",
        "route",
        "served",
    )

    protocol = "http11"
    owner: Owner

    def __init__(self, stream: Stream, route: Route, owner: Owner) -> None:
        self._wire = stream
        # What this exchange uses: the wire itself, or the wire with the time limit of the whole exchange.
        self._stream = stream
        self.owner = owner
        self._is_async = issubclass(owner.body, AsyncBody)
        self._keeps = True
        # What is said before anybody asked answers the first request, and what answers that would answer the next.
        self._spoke_first = stream.is_readable()
        limits = owner.limits
        self._may_wear = (
            self._spoke_first or limits.max_requests_per_connection is not None or limits.max_connection_age is not None
        )
        self._said: CheckedFields | None = None
        # The number of the exchange that has it, or nothing: taking it out again is one step, in any thread.
        self._lent: dict[int, bool] = {}
        self._upload: Upload | None = None
        self._uploads_much = False
        self._hint: float | None = None
        self.route = route
        self.peer = route.authority
        self._forwarder = forwarder_of(route)
        self.is_reusable = True
        self.born = time.monotonic()
        self.idle_until: float | None = None
        self.served = 0
        self.taken = 0

    @property
    def about(self) -> dict[str, typing.Any]:
        """What the steps of a trace tell besides: nothing, there is one exchange at a time."""
        return {}

    async def send(self, request: Request, deadline: Deadline | None = None, tracer: Tracer | None = None) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        `deadline` limits all of it, the body included. Raises what the stream raises, `LocalProtocolError` and
        `RemoteProtocolError`. The connection is given back in every case: now, or when the response's body has ended.
        """
        exchange = self.served
        self._lent[exchange] = True
        try:
            head, said = request_head(request, self._said, self._forwarder)
        except LocalProtocolError:
            self._keeps = True
            self.finished(exchange, is_clean=True)  # nothing left us, so nothing is wrong with the connection
            raise
        self._said = said
        self._keeps = said.keeps
        length = said.length
        try:
            timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
            if deadline is not None:
                self._stream = LimitedStream(self._wire, deadline, self.peer)
            if tracer is not None:
                return await self._send_traced(request, head, length, timeouts, tracer)
            content = _small_content(request, length)
            if content is None:
                return await self._send_body(request, head, length, timeouts, None)
            try:
                await self._stream.write(head + content if content else head, timeouts.get("write"))
            except WriteError as error:
                return await self._early_response(request, error, timeouts, None)
            return await self._receive(request, timeouts.get("read"))
        except BaseException:
            self.finished(exchange, is_clean=False)
            await self.stop_sending()
            raise

    # Sending

    async def _send_body(
        self,
        request: Request,
        head: bytes,
        length: int | None,
        timeouts: dict[str, float | None],
        tracer: Tracer | None,
    ) -> Response:
        """Send a body piece by piece, and receive the response, which may come before its end."""
        from ._upload import Upload  # small bodies leave with their head, and many programs send no other

        read, write = timeouts.get("read"), timeouts.get("write")
        self._uploads_much = length is None or length > _ONE_WRITE
        upload = Upload(self._stream, request, length, write, self.owner.in_thread, self._is_async)
        received = b""
        try:
            if tracer is None:
                await self._stream.write(head, write)
            else:
                await tracer.step("http11.send_request_headers", self._stream.write(head, write), request=request)
            if _awaits_word(request):
                received = await self._word(read)
            if not received:
                sending = upload.run()
                await (sending if tracer is None else tracer.step("http11.send_request_body", sending, request=request))
        except WriteError as error:
            await upload.stop()
            if is_of_body(error):
                raise
            return await self._early_response(request, error, timeouts, tracer)
        except BaseException:
            await upload.stop()
            raise
        if not upload.is_done:
            self._upload = upload
        return await self._receive(request, read, received, tracer)

    async def _send_traced(
        self, request: Request, head: bytes, length: int | None, timeouts: dict[str, float | None], tracer: Tracer
    ) -> Response:
        """Send and receive in the steps that a tracer can tell apart."""
        response = await self._send_body(request, head, length, timeouts, tracer)
        if tracer.timings is not None:
            response.extensions["timings"] = tracer.timings
        return response

    async def _word(self, read_timeout: float | None) -> bytes:
        """Wait for the word to send the body, for a while; return what came."""
        patience = _CONTINUE_WITHIN if read_timeout is None else min(_CONTINUE_WITHIN, read_timeout)
        try:
            return await self._stream.read(READ_SIZE, patience)
        except ReadTimeout:
            return b""

    async def _early_response(
        self, request: Request, error: WriteError, timeouts: dict[str, float | None], tracer: Tracer | None
    ) -> Response:
        """Return the answer of a server that has seen enough, and closes: it says more than our error."""
        self._keeps = False
        if is_unsent(error):
            raise error
        try:
            return await self._receive(request, timeouts.get("read"), b"", tracer)
        except ConnectError:  # TLS 1.3: what the peer makes of our certificate comes as late as this
            raise
        except TransportError as second:
            if second.__dict__.get("_is_unheard"):
                unheard(error)
            raise error from error.__cause__

    async def _finish_upload(self) -> None:
        """Send the rest of a body that the peer has accepted before it was there; one that it did not ask for stays."""
        if self._upload is not None and not self._upload.has_begun:
            await self._stop_upload()
        upload, self._upload = self._upload, None
        if upload is not None:
            try:
                await upload.finish()
            except (WriteError, WriteTimeout) as error:
                if is_of_body(error):
                    raise
                self._keeps = False  # the peer has had enough; its answer counts

    async def _stop_upload(self) -> None:
        upload, self._upload = self._upload, None
        self._keeps = False
        if upload is not None:
            await upload.stop()

    # Receiving

    async def _receive(
        self, request: Request, timeout: float | None, buffer: bytes = b"", tracer: Tracer | None = None
    ) -> Response:
        if not buffer:
            try:
                buffer = await self._stream.read(READ_SIZE, timeout)
            except ReadError as error:
                unheard(error)
                raise
        interim: list[tuple[int, Headers]] = []
        if tracer is None:
            # Most heads are here as a whole, and those of a final response, which takes no waiting.
            limits = self.owner.limits
            end = buffer.find(b"\r\n\r\n") + 4
            plain = read_head(buffer[:end]) if 4 <= end <= limits.max_head_size else None
            plain_length = None
            if plain is not None and plain[0] >= 200 and len(plain[3]) <= limits.max_fields:
                plain_length = body_length(request.method, plain[0], plain[4])
            if plain is not None and plain_length is not None:
                head = plain
                length = plain_length
            else:
                head, buffer, end, length, interim = await self._head(request, buffer, timeout)
        else:
            head, buffer, end, length, interim = await tracer.step(
                "http11.receive_response_headers", self._head(request, buffer, timeout), _as_told, request=request
            )
        status, version, reason, fields, index = head

        connection = index.get(b"connection")
        if version < b"HTTP/1.1" or (
            connection is not None and connection != b"keep-alive" and b"close" in tokens(connection)
        ):
            self._keeps = False
        elif b"keep-alive" in index:
            self._note_hint(index[b"keep-alive"])
        if self._upload is not None and status >= 300:
            await self._stop_upload()
        if self._uploads_much:
            self._uploads_much = False
            # Whether all of a body was read that is refused nobody can tell. squid 5 answers 407, keeps the connection,
            # and is deaf to the next request on it.
            if status >= 400:
                self._keeps = False
        extensions = ResponseExtensions(http_version=version, reason_phrase=reason)
        extensions.source, extensions.exchange = self, self.served
        if interim:
            extensions["interim_responses"] = interim
        arrived = len(buffer) - end
        body: SyncBody | AsyncBody | ByteStream
        if status == 101 or (request.method == "CONNECT" and 200 <= status < 300):
            body = self._handed_over(request, buffer[end:], extensions)
        elif 0 <= length <= arrived:
            # All of the body is here, so the connection is free before the caller looks at the response.
            body = ByteStream(buffer[end : end + length])
            if self._upload is not None:
                await self._finish_upload()
            if tracer is not None:
                await tracer.step("http11.receive_response_body", _nothing(), request=request)
                await tracer.step("http11.response_closed", _nothing())
            self.finished(
                self.served, is_clean=arrived == length
            )  # and not touched again: it may be somebody else's by now
        else:
            if length == UNTIL_CLOSE:
                extensions["eof_delimited"] = True
            reader = body_reader(length, self.owner.limits)
            body = self.owner.body(buffer[end:], self, reader, request, timeout)
            body.note_into(extensions, tracer)
        return Response.from_parts(status, Headers.from_wire(fields, index), body, request, extensions)

    async def _head(
        self, request: Request, buffer: bytes, timeout: float | None
    ) -> tuple[ResponseHead, bytes, int, int, list[tuple[int, Headers]]]:
        """Read the head of the final response; return it, what arrived, where the head ends in it, the length of the
        body, and the interim responses that came before."""
        interim: list[tuple[int, Headers]] = []
        limits = self.owner.limits
        while True:
            end = buffer.find(b"\r\n\r\n") + 4
            if end < 4 or end > limits.max_head_size:
                buffer, end = await self._rest_of_head(buffer, timeout, is_first=not interim)
            head = read_head(buffer[:end])
            if head is None or len(head[3]) > limits.max_fields:
                head, end = self._arbitrated(buffer, request.method)
            length = body_length(request.method, head[0], head[4])
            if length is None:
                head, end = self._arbitrated(buffer, request.method)
                length = body_length(request.method, head[0], head[4])
                if length is None:
                    raise RemoteProtocolError(f"{self.peer} framed its response in a way that HTTP/1.1 has not")
            status = head[0]
            if status >= 200:
                return head, buffer, end, length, interim
            if status == 101:
                if request.headers.find(b"upgrade") is None:
                    raise RemoteProtocolError(
                        f"{self.peer} switches protocols (101), and the request did not ask for another"
                    )
                return head, buffer, end, 0, interim
            interim.append((status, Headers.from_wire(head[3], head[4])))
            await self._note_interim(request, head, len(interim))
            buffer = buffer[end:]
            if not buffer:
                if self._upload is not None:
                    await self._continue_upload()
                buffer = await self._stream.read(READ_SIZE, timeout)

    async def _continue_upload(self) -> None:
        """Send on until all is sent, or there is something to read."""
        upload = self._upload
        if upload is not None:
            try:
                await upload.run()
            except WriteError as error:
                if is_of_body(error):
                    raise
                self._keeps = False  # the peer hears no more; what it says may be complete all the same
            if upload.is_done:
                self._upload = None

    def _handed_over(self, request: Request, leading: bytes, extensions: ResponseExtensions) -> SyncBody | AsyncBody:
        """Give the connection away: whoever reads the response speaks another protocol from now on."""
        self._keeps = False
        body = self.owner.body(b"", self, None, request, None)
        # It holds the body, which would otherwise take the connection along when nobody holds the response any more.
        extensions["network_stream"] = self._as_network_stream(self.served, leading, body.finish)
        return body

    def network_stream(self, exchange: int) -> NetworkStream | AsyncNetworkStream:
        """Return the connection as HTTPX has it, for as long as it serves this exchange."""
        return self._as_network_stream(exchange, b"", None)

    def _as_network_stream(
        self, exchange: int, leading: bytes, on_close: Callable[[], None] | None
    ) -> NetworkStream | AsyncNetworkStream:
        from .._hand_over import AsyncNetworkStream, NetworkStream  # few responses switch protocols

        kind = AsyncNetworkStream if self._is_async else NetworkStream
        return kind(self._wire, self.peer, leading, on_close, lambda: exchange in self._lent)

    def _note_hint(self, value: bytes) -> None:
        """Remember how long the server keeps an idle connection (draft-thomson-hybi-http-timeout)."""
        hint = _HINT.search(value)
        if hint is not None:
            self._hint = max(int(hint[1]) - _HINT_MARGIN, 0.0)

    async def _rest_of_head(self, buffer: bytes, timeout: float | None, is_first: bool) -> tuple[bytes, int]:
        """Read until a head is complete; return what arrived, and where the head ends in it."""
        received = bytearray(buffer)
        searched = 0
        limit = self.owner.limits.max_head_size
        while True:
            match = _HEAD_END.search(received, max(searched - 2, 0))
            end = match.end() if match else 0
            if max(end, 0 if match else len(received)) > limit:
                raise RemoteProtocolError(
                    f"{self.peer} sent a response head of more than {limit} bytes, which is the limit"
                )
            if match:
                return bytes(received), end
            if len(received) >= 5 and not received.startswith(b"HTTP/") and not received.startswith((b"\r", b"\n")):
                # A record of TLS that is an alert (RFC 8446 §5.1): what servers of TLS say to those who speak plainly.
                hint = "; it may speak TLS on this port (https://)" if received.startswith(b"\x15\x03") else ""
                raise RemoteProtocolError(
                    f"{self.peer} answered with something that is not HTTP/1.1: {bytes(received[:20])!r}{hint}"
                )
            searched = len(received)
            more = await self._stream.read(READ_SIZE, timeout)
            if not more:
                if received:
                    raise RemoteProtocolError(
                        f"{self.peer} closed the connection after {len(received)} bytes of a response head"
                    )
                error = RemoteProtocolError(f"{self.peer} closed the connection without sending a response")
                raise unheard(error) if is_first else error
            received += more

    def _arbitrated(self, buffer: bytes, method: str) -> tuple[ResponseHead, int]:
        """Return what h11 makes of a head that the fast reader declined, and where it ends."""
        from ._arbiter import arbitrate_head  # loads h11, which most programs never need

        match = _HEAD_END.search(buffer)
        end = match.end() if match else len(buffer)
        head = arbitrate_head(buffer[:end], method, self.peer)
        if head is None:
            raise RemoteProtocolError(f"{self.peer} sent an empty response head")
        limit = self.owner.limits.max_fields
        if len(head[3]) > limit:
            raise RemoteProtocolError(
                f"{self.peer} sent a response head of {len(head[3])} fields; {limit} is the limit"
            )
        return head, end

    async def _note_interim(self, request: Request, head: ResponseHead, count: int) -> None:
        """Skip a 1xx response (RFC 9110 §15.2), and tell the `trace` extension of it."""
        status, version, reason, fields, _ = head
        if count > MAX_INTERIM_RESPONSES:
            raise RemoteProtocolError(f"{self.peer} sent more than {MAX_INTERIM_RESPONSES} interim (1xx) responses")
        raw = [(name, value) for name, _, value in fields]
        await Tracer(request, request.extensions.get("trace"), False).tell(
            "http11.receive_interim_response.complete", return_value=(version, status, reason, raw)
        )

    # The body's side

    async def read_body(self, timeout: float | None, limit: int | None) -> bytes:
        """Return what has arrived of the body; meanwhile the rest of the request's body is sent on."""
        if self._upload is not None:
            await self._continue_upload()
        return await self._stream.read(LARGE_READ_SIZE if limit is None else limit, timeout)

    async def finish_sending(self) -> None:
        """Send the rest of a request's body whose response has been read to its end."""
        if self._upload is not None:
            await self._finish_upload()

    async def stop_sending(self) -> None:
        """End a request's body that is still on its way."""
        if self._upload is not None:
            await self._stop_upload()

    def finished(self, exchange: int, is_clean: bool) -> None:
        """Take the connection back from an exchange that is over; from each once."""
        # Whoever comes second finds a connection that may be somebody else's by now.
        if self._lent.pop(exchange, False):
            self._stream = self._wire
            self.served = exchange + 1
            self.is_reusable = (
                is_clean and self._keeps and self._upload is None and not (self._may_wear and self._is_worn())
            )
            self.owner.release(self)

    def _is_worn(self) -> bool:
        """Return whether this exchange was its last, by what the limits say, or because of how it began."""
        most, age = self.owner.limits.max_requests_per_connection, self.owner.limits.max_connection_age
        return (
            self._spoke_first
            or (most is not None and self.served >= most)
            or (age is not None and time.monotonic() >= self.born + age)
        )

    def dropped(self, exchange: int) -> None:
        """Take the connection back from a response that nobody holds any more."""
        if self._lent.pop(exchange, False):
            self.served = exchange + 1
            self.is_reusable = False
            self.owner.reclaim(self)

    # The pool's side

    def rest(self, now: float) -> None:
        """Become idle at `now`, and note until when."""
        limits = self.owner.limits
        until = limits.keepalive_expiry
        if until is not None:
            until += now
        if self._hint is not None and (until is None or now + self._hint < until):
            until = now + self._hint
        if limits.max_connection_age is not None:
            end = self.born + limits.max_connection_age
            until = end if until is None else min(until, end)
        self.idle_until = until

    def is_stale(self) -> bool:
        """Return whether this idle connection has waited too long, or is not clean any more.

        Something to read means a goodbye, or an answer that nobody asked for; neither may meet the next request.
        """
        self.lent_at = time.monotonic()  # whoever asks is about to use it
        if self.idle_until is not None and self.lent_at > self.idle_until:
            return True
        return self._wire.is_readable()

    def extra(self, name: str) -> typing.Any:
        """Return what the stream tells about itself."""
        return self._wire.extra(name)

    def close(self) -> None:
        """Close at once."""
        self.is_reusable = False
        self._wire.close()

    def abandon(self) -> None:
        """Give the descriptor back without a word."""
        self.is_reusable = False
        self._wire.abandon()


def _as_told(received: tuple[ResponseHead, bytes, int, int, list[tuple[int, Headers]]]) -> object:
    """Return of a head what HTTPX's events tell of it: version, status, reason and fields."""
    status, version, reason, fields, _ = received[0]
    return version, status, reason, [(name, value) for name, _, value in fields]


async def _nothing() -> None:
    """Take no time: what a step is about was here already."""


def _small_content(request: Request, length: int | None) -> bytes | None:
    """Return a body that leaves together with its head, as it leaves; None for one that is sent by itself."""
    stream = request.stream
    if type(stream) is not ByteStream:
        return None
    content = stream.read_all()
    if not content and length == 0:
        return content
    if len(content) > _ONE_WRITE:
        return None
    if content and _awaits_word(request):
        return None
    if length == len(content):
        return content
    from ._upload import framed, wrong_length  # rare: chunks for what is in memory, or a length that is not its own

    if length is not None:
        raise wrong_length(length, len(content))
    return framed(content) + b"0\r\n\r\n" if content else b"0\r\n\r\n"


def _awaits_word(request: Request) -> bool:
    """Return whether the request asks to be told before it sends its body (RFC 9110 §10.1.1)."""
    expected = request.headers.find(b"expect")
    return expected is not None and expected.lower() == b"100-continue"
