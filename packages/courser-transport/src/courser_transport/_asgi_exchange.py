"""One request in an ASGI app: a task for the app, and a queue between what it sends and who reads it.

The app and the reader are two tasks that share this object. Each changes something and gives the signal; each waits
for the signal and looks again. What the app sends is kept up to `_ROOM` bytes, then the app waits for its reader. A
body that is not in memory is read by a third task, one chunk ahead of the app, which begins when the app first asks.

The exchange ends in one of these ways: the app has sent all of its response; it broke its promises, or raised, which
is the reader's error after what came before; or the reader left, which the app is told, and may end by itself or, when
its time of grace is over, by being cancelled.
"""

from __future__ import annotations

import collections
import logging
import typing
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

from courser_models import (
    AsyncByteStream,
    BlockingByteStream,
    ByteStream,
    Headers,
    InvalidHeader,
    Request,
    Response,
)

from ._deadline import Deadline, earliest
from ._exceptions import ReadError, ReadTimeout, RemoteProtocolError
from ._in_process import AnnouncedLength, has_no_content
from ._network import LoopBackend, Task
from ._signal import Signal

Scope = MutableMapping[str, typing.Any]
Message = MutableMapping[str, typing.Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("courser")

# So much of a body waits for its reader; then the app does.
_ROOM = 65536


class ClientLeft(OSError):
    """What `send` raises in an app whose client does not read any more."""


class AppExchange:
    """One request, from the app's point of view and from the reader's."""

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        request: Request,
        backend: LoopBackend,
        read_timeout: float | None,
        total: Deadline | None,
        raises: bool,
        grace: float,
    ) -> None:
        self.backend = backend
        self._app = app
        self._scope = scope
        self._request = request
        self._read_timeout = read_timeout
        self._total = total
        self._raises = raises
        self._grace = grace
        self._changed = Signal(backend)
        self._task: Task | None = None
        self._forget: Callable[[AppExchange], None] = _nothing
        # The request's body
        content = request.stream.read_all() if type(request.stream) is ByteStream else None
        self._content: bytes | None = content
        self._has_more = content is None
        self._pump: Task | None = None
        self._asking = 0
        self._taken = 0
        # The response
        self._status: int | None = None
        self._headers = Headers()
        self._trailers: list[typing.Any] | None = None
        self._extensions: dict[str, typing.Any] = {}
        self._length = AnnouncedLength(None)
        self._chunks: collections.deque[bytes] = collections.deque()
        self._buffered = 0
        self._is_bodyless = False
        self._is_sent = False  # all of the body, trailers not included
        self._is_complete = False
        # How it ends
        self._error: BaseException | None = None
        self._is_told = False
        self._has_left = False
        self._is_given_up = False  # left, before everything was read
        self._has_ended = False

    def start(self, forget: Callable[[AppExchange], None]) -> None:
        """Let the app begin; `forget` is called with this exchange when its task has ended."""
        self._forget = forget
        self._task = self.backend.start(self._run, self._ended)

    # The reader's side

    async def response(self) -> Response:
        """Return the response when it has begun."""
        try:
            patience = self._patience()
            while self._status is None:
                if self._error is not None:
                    raise self._tell()
                if self._is_given_up:
                    raise self._given_up()
                patience = await self._news(patience)
        except BaseException:
            self.leave()
            self._end_later()
            raise
        # What the app did wrong after the head is told by reading the body, whenever it did it.
        return Response.from_parts(self._status, self._headers, AppBody(self), self._request, self._extensions)

    async def next_chunk(self) -> bytes:
        """Return what the app has sent, waiting for something; `b""` at the end, when the app has ended too."""
        patience = self._patience()
        while True:
            if self._total is not None and self._total.left() == 0:
                raise self._late(self._total)
            if self._chunks:
                chunk = self._chunks.popleft()
                self._buffered -= len(chunk)
                self._changed.give()
                return chunk
            if self._error is not None:
                raise self._tell()
            if self._is_given_up:
                raise self._given_up()
            if self._has_ended:
                return b""
            if self._is_whole:
                await self._settled()
                return b""
            patience = await self._news(patience)

    async def close(self) -> None:
        """Stop reading; what the app does is over when this returns, but for what it does after its response."""
        if self._has_ended:
            self._report(self._error)
        elif self._is_complete:
            self._has_left = True
            self._changed.give()
            await self._has_ended_within(self._patience())
        else:
            self.leave()
            await self.end()

    def leave(self) -> None:
        """Tell the app that nobody reads any more."""
        if not self._has_left:
            self._has_left = self._is_given_up = True
            self._chunks.clear()
            self._stop_pump()
            self._changed.give()

    async def end(self) -> None:
        """Wait for the app to end by itself; cancel it after its time of grace."""
        try:
            if not await self._has_ended_within(Deadline(self._grace)):
                self._cancel()
                if not await self._has_ended_within(Deadline(self._grace)):
                    _log.warning("the app goes on with %s, though its task was cancelled", self.name)
        except BaseException:  # who is cancelled here has no time to wait
            self._end_later()
            raise

    def dropped(self) -> None:
        """Leave, on behalf of a reader that is gone."""
        if not self._is_complete:
            self.leave()
            self._end_later()

    @property
    def is_over(self) -> bool:
        """Whether nobody has to leave any more."""
        return self._has_ended or self._has_left or self._is_complete

    @property
    def name(self) -> str:
        """Method and URL, for messages."""
        return f"{self._request.method} {self._request.url.masked}"

    @property
    def _is_whole(self) -> bool:
        """Whether the reader has all there can be, whatever else the app may send."""
        return self._is_sent or self._length.is_reached

    def _patience(self) -> Deadline:
        return earliest(self._read_timeout, self._total)

    async def _news(self, patience: Deadline) -> Deadline:
        """Wait until something has changed, and return until when to wait for the next.

        Time is the app's only while it is not waiting for the request's body, and begins anew when it has taken some.
        """
        taken = self._taken
        if await self._changed.wait(patience):
            return patience if taken == self._taken else self._patience()
        if self._asking and patience is not self._total:
            return self._patience()
        raise self._late(patience)

    def _late(self, deadline: Deadline) -> ReadTimeout:
        return ReadTimeout(
            f"waiting for the app to answer {self.name} timed out {deadline.words}", request=self._request
        )

    async def _settled(self) -> None:
        """Let the app finish; raise what it raises meanwhile."""
        patience = self._patience() if self._is_complete else Deadline(self._grace)
        if await self._has_ended_within(patience):
            if self._error is not None:
                raise self._tell()
        elif not self._is_complete:  # it goes on, and nobody will read that
            self.leave()
            await self.end()

    async def _has_ended_within(self, patience: Deadline) -> bool:
        while not self._has_ended:
            if not await self._changed.wait(patience):
                return self._has_ended
        return True

    def _tell(self) -> BaseException:
        assert self._error is not None
        self._is_told = True
        return self._error

    def _given_up(self) -> ReadError:
        return ReadError(f"reading the app's answer to {self.name} failed: it was closed here", request=self._request)

    def _end_later(self) -> None:
        if not self._has_ended:
            self.backend.call_later(self._grace, self._cancel)

    def _cancel(self) -> None:
        if self._task is not None and not self._has_ended:
            self._task.cancel()

    # The app's side

    async def _run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    def _ended(self, error: BaseException | None) -> None:
        """Take note of the end of the app's task: by itself, by an error, or cancelled."""
        self._has_ended = True
        self._stop_pump()
        if self._has_left:
            self._report(error)
        elif self._error is None:
            self._error = self._outcome(error)
        self._changed.give()
        self._forget(self)

    def _outcome(self, error: BaseException | None) -> BaseException | None:
        """Return what the reader is told after the last chunk, when the app ended with `error`, or None with none."""
        if error is not None and (self._raises or not isinstance(error, Exception)):
            return error
        if error is not None:
            self._log_error(error)
            if self._status is None:
                self._status, self._headers = 500, Headers([("Content-Length", "0")])
                self._is_complete = self._is_sent = True
                return None
        if self._is_complete:
            return None
        what = "ended" if error is None else f"raised {type(error).__name__}"
        when = "without a response" if self._status is None else "before the end of its response"
        failure = RemoteProtocolError(f"the app {what} {when} to {self.name}", request=self._request)
        failure.__cause__ = error
        return failure

    def _report(self, error: BaseException | None) -> None:
        """Log an error of which nobody will be told: who would have been has left."""
        if error is None or self._is_told:
            return
        self._is_told = True
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ClientLeft):
                return
            cause = cause.__cause__ or cause.__context__
        self._log_error(error)

    def _log_error(self, error: BaseException) -> None:
        _log.error("the app raised %s while it answered %s", type(error).__name__, self.name, exc_info=error)

    async def _receive(self) -> Message:
        await self.backend.sleep(0)  # an app that does nothing but receive must not keep others from running
        while True:
            if self._has_left or self._is_complete or self._error is not None:
                return {"type": "http.disconnect"}
            if self._content is not None:
                content, self._content = self._content, None
                self._taken += 1
                self._changed.give()
                return {"type": "http.request", "body": content, "more_body": self._has_more}
            if self._has_more and self._pump is None:
                self._pump = self.backend.start(self._read_body, self._body_ended)
            is_asking = self._has_more
            self._asking += is_asking
            try:
                await self._changed.wait()
            finally:
                self._asking -= is_asking

    async def _read_body(self) -> None:
        """Read the request's body, a chunk ahead of the app."""
        stream = self._request.stream
        assert isinstance(stream, AsyncByteStream)
        chunks = (
            stream.aiter_with(self.backend.in_thread) if isinstance(stream, BlockingByteStream) else stream.__aiter__()
        )
        try:
            async for chunk in chunks:
                if not isinstance(chunk, (bytes, bytearray, memoryview)):
                    raise TypeError(f"a request's body must give bytes, it gave {type(chunk).__name__}")
                if len(chunk):
                    self._content = bytes(chunk)
                    self._changed.give()
                    while not self._is_taken():
                        await self._changed.wait()
            self._has_more = False
            self._content = b""
            self._changed.give()
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    def _is_taken(self) -> bool:
        return self._content is None

    def _body_ended(self, error: BaseException | None) -> None:
        """Take note of the end of the request's body; an error in it ends the exchange."""
        if self._has_more and not self._has_left and not self._has_ended:
            if self._error is None:
                self._error = error or RemoteProtocolError(f"reading the body of {self.name} was cancelled")
            self._changed.give()

    def _stop_pump(self) -> None:
        if self._pump is not None:
            self._pump.cancel()

    async def _send(self, message: Message) -> None:
        await self.backend.sleep(0)  # the same for one that does nothing but send
        self._check_for_reader()
        try:
            kind = message["type"]
            if kind == "http.response.start":
                self._begin(message)
            elif kind == "http.response.body":
                self._take_body(message)
            elif kind == "http.response.trailers" and self._trailers is not None:
                self._take_trailers(message)
            else:
                raise _Wrong(f"sent {kind!r}, which is nothing that it may send here")
        except (KeyError, TypeError, ValueError, InvalidHeader) as error:
            reason = str(error) if isinstance(error, _Wrong) else f"sent a message that is none ({_in_words(error)})"
            failure = RemoteProtocolError(f"the app {reason}, in answer to {self.name}", request=self._request)
            failure.__cause__ = None if isinstance(error, _Wrong) else error
            self._error = failure
            self._changed.give()
            raise failure from failure.__cause__
        self._changed.give()
        while self._buffered > _ROOM and not self._has_left and not self._is_sent:
            await self._changed.wait()
        self._check_for_reader()

    def _check_for_reader(self) -> None:
        if self._error is not None:
            raise ClientLeft("this response was given up") from self._error
        if self._has_left and not self._is_complete:
            raise ClientLeft("the client of this response has left")

    def _begin(self, message: Message) -> None:
        if self._status is not None:
            raise _Wrong("began its response twice")
        status = message["status"]
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 999:
            raise _Wrong(f"began its response with the status {status!r}")
        headers = Headers([(name, value) for name, value in message.get("headers", ())])
        if message.get("trailers", False):
            self._trailers = []
        if has_no_content(self._request.method, status):
            self._is_bodyless = True
            self._length = AnnouncedLength(0)
        else:
            self._length = AnnouncedLength.of(headers)
        self._headers = headers
        self._status = int(status)

    def _take_body(self, message: Message) -> None:
        if self._status is None:
            raise _Wrong("sent a body before it began its response")
        if self._is_sent:
            raise _Wrong("sent more of a body that it had ended")
        body = message.get("body", b"")
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise _Wrong(f"sent a body that is {type(body).__name__} and not bytes")
        if len(body) and not self._is_bodyless:
            if not self._length.takes(len(body)):
                raise _Wrong(self._length.complaint)
            self._chunks.append(bytes(body))
            self._buffered += len(body)
        if not message.get("more_body", False):
            if not self._length.is_enough:
                raise _Wrong(self._length.complaint)
            self._is_sent = True
            self._is_complete = self._trailers is None

    def _take_trailers(self, message: Message) -> None:
        if not self._is_sent:
            raise _Wrong("sent trailers before the end of its body")
        if self._is_complete or self._trailers is None:
            raise _Wrong("sent trailers that it had ended")
        self._trailers += [(name, value) for name, value in message.get("headers", ())]
        if not message.get("more_trailers", False):
            self._extensions["trailers"] = Headers(self._trailers)
            self._is_complete = True


class AppBody(AsyncByteStream):
    """A response's body, as an app makes it."""

    def __init__(self, exchange: AppExchange) -> None:
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._exchange.next_chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        await self._exchange.close()

    def __del__(self) -> None:
        exchange = self._exchange
        if not exchange.is_over:
            # A collection may come in any thread, and in the middle of anything.
            exchange.backend.call_soon(exchange.dropped)
            warnings.warn(
                f"a response to {exchange.name} was dropped before it was read or closed; read it, or close it, or use "
                "`async with client.stream(…)`",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )


class _Wrong(ValueError):
    """A message that breaks the rules, in words that go on after «the app»."""


def _in_words(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _nothing(exchange: AppExchange) -> None:
    """Forget nothing."""
