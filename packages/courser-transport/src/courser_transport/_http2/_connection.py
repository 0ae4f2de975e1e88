"""`HTTP2Connection`: many exchanges at once over one stream of bytes, and nobody in the background.

Whoever waits for something and finds nobody reading becomes the reader: it reads, sorts what arrives into the streams'
inboxes, wakes whom that concerns, and when it has what it waited for, is cancelled or runs out of time, passes the role
on to one of those who wait. So a time-out or a cancellation is always of one exchange alone.

What leaves is put together and posted in one step, under the lock, so that frames leave whole and in the order in
which they were made, whoever is cancelled when. What the system does not accept at once the stream keeps; whoever
finds something kept waits, as the one flusher, until it is gone, and reads meanwhile if nobody else does.

The lock is a plain one, held for the book-keeping and for a send that does not wait; never while waiting for the
network. A garbage collection may end an exchange at any line, the lock's included: it only notes so, and whoever has
the lock sees to it.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
import typing

from courser_models import Request, Response, TransportError

from .._body import AsyncBody, SyncBody
from .._config import Limits
from .._connection import Connection
from .._deadline import Deadline
from .._exceptions import NetworkError, ReadTimeout, RemoteProtocolError, WriteError, WriteTimeout
from .._hand_over import AsyncNetworkStream, NetworkStream
from .._network import Backend, Stream, Waiter
from .._resend import unprocessed
from .._route import Route
from .._trace import Tracer
from ._exchange import Exchange
from ._fields import FieldList
from ._frames import CANCEL
from ._session import Session
from ._stream import HTTP2Stream

_READ_SIZE = 262144

# What waiters are woken with: there is something in your inbox, or: it is your turn to read.
_NEWS = "news"
_ROLE = "role"


class Owner(typing.Protocol):
    """What a connection needs of the pool that it belongs to."""

    backend: Backend
    limits: Limits
    body: type[SyncBody] | type[AsyncBody]

    def release(self, connection: typing.Any) -> None:
        """Take back a connection from one exchange that is over; from a garbage collection too, so without waiting."""
        ...

    def has_changed(self, connection: typing.Any) -> None:
        """Hear that a connection may have more streams than before, or none any more."""
        ...


class HTTP2Connection(Connection):
    """A connection that speaks HTTP/2, lent to many exchanges at once.

    Its `owner` takes it back once for each exchange that is over, and counts in `taken` how many there are. `capacity`
    is how many there may be; none, once the peer has said goodbye, the connection broke, or the limits say so.
    """

    __slots__ = (
        "_asked_at",
        "_backend",
        "_ended",
        "_heard_at",
        "_is_clear",
        "_is_closed",
        "_is_flushing",
        "_is_mute",
        "_is_reading",
        "_limits",
        "_lock",
        "_session",
        "_stuck",
        "_waiting",
        "_wire",
        "born",
        "is_async",
        "peer",
        "route",
        "served",
    )

    multiplexes = True
    owner: Owner

    def __init__(self, stream: Stream, route: Route, owner: Owner) -> None:
        self._wire = stream.share()
        self.owner = owner
        self.is_async = issubclass(owner.body, AsyncBody)
        self._limits = owner.limits
        self._backend = owner.backend
        self._session = Session(route.authority, owner.limits)
        self._lock = threading.Lock()
        self._is_reading = False
        self._is_flushing = False
        # Whether all that was posted has been accepted.
        self._is_clear = True
        # Whether the connection takes nothing any more; there may still be something to read.
        self._is_mute = False
        self._is_closed = False
        # Who waits for news, and may be given the reader's role; the oldest first.
        self._waiting: collections.OrderedDict[HTTP2Stream, Waiter[str]] = collections.OrderedDict()
        # Who waits for the flusher.
        self._stuck: dict[HTTP2Stream, Waiter[str]] = {}
        # Exchanges that ended where nobody could wait for the lock, and how.
        self._ended: collections.deque[tuple[HTTP2Stream, int]] = collections.deque()
        self._heard_at = time.monotonic()
        self._asked_at: float | None = None
        self.route = route
        self.peer = route.authority
        self.born = time.monotonic()
        self.idle_until: float | None = None
        self.served = 0
        self.taken = 0

    async def send(self, request: Request, deadline: Deadline | None = None, tracer: Tracer | None = None) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        `deadline` limits all of it, the body included. Raises `NetworkError`, `TimeoutException`,
        `LocalProtocolError`, `RemoteProtocolError`. The connection is given back in every case: now, or when the
        response's body has ended.
        """
        return await Exchange(self, request, deadline, tracer).run()

    # What exchanges do

    @property
    def is_clear(self) -> bool:
        """Whether all that was posted has been accepted."""
        return self._is_clear

    @property
    def is_mute(self) -> bool:
        """Whether nothing leaves any more."""
        return self._is_mute

    def open(self, fields: FieldList, method: str, content: bytes | None) -> HTTP2Stream:
        """Send a request's fields on a new stream, and with them its content where the windows allow all of it.

        Otherwise, or where it is None, content follows. Raises what ended the connection, where it has ended.
        """
        with self._lock:
            session = self._session
            if session.is_draining or self._is_closed:
                raise unprocessed(self._no_more())
            stream = session.open(fields, method, ends=content == b"")
            if content and session.window(stream) >= len(content):
                session.send_data(stream, content, ends=True)
            self._post()
        if self._ended:
            self.end_noted()
        return stream

    def _no_more(self) -> TransportError:
        if self._session.failure is not None:
            return self._session.error()
        return RemoteProtocolError(f"{self.peer} takes no more requests on this connection")

    def is_too_large(self, fields: FieldList) -> bool:
        """Return whether the peer has said that it takes no request of this size."""
        return self._session.is_too_large(fields)

    def send_data(self, stream: HTTP2Stream, content: bytes | memoryview, ends: bool) -> int:
        """Send as much content as the windows allow now; return how much that is."""
        with self._lock:
            sent = 0
            if stream.failure is None and not stream.has_sent_all and self._session.failure is None:
                sent = self._session.send_data(stream, content, ends)
                self._post()
        if self._ended:
            self.end_noted()
        return sent

    def send_trailers(self, stream: HTTP2Stream, fields: FieldList) -> None:
        """Send the fields that end a request's content."""
        with self._lock:
            if stream.failure is None and not stream.has_sent_all and self._session.failure is None:
                self._session.send_trailers(stream, fields)
                self._post()
        if self._ended:
            self.end_noted()

    async def give_back(self, stream: HTTP2Stream, size: int) -> None:
        """Let the peer send `size` bytes more, now or together with the next."""
        stream.unreturned += size
        if stream.unreturned * 2 < self._limits.http2_stream_window or stream.is_over:
            return
        with self._lock:
            self._session.give_back(stream)
            self._post()
        if self._ended:
            self.end_noted()
        if not self._is_clear:
            await self.flush(stream, None)

    def end(self, stream: HTTP2Stream, code: int) -> None:
        """Take a stream back; the peer is told with `code` where the exchange is not complete."""
        # Once it is noted, whoever has the lock now sees to it if this one cannot: a garbage collection that ends a
        # half-read iteration may stand inside the lock of its own thread.
        self._ended.append((stream, code))
        self.end_noted()

    def note_end(self, stream: HTTP2Stream) -> None:
        """Take a stream back from a response that nobody holds any more: from a garbage collection, anywhere."""
        self._ended.append((stream, CANCEL))
        if not self._backend.is_over():
            self._backend.call_soon(self.end_noted)

    def end_noted(self) -> None:
        """See to the exchanges that have ended."""
        while self._ended and self._lock.acquire(blocking=False):
            try:
                stream, code = self._ended.popleft()
                self._session.end(stream, code)
                self._post()
            except IndexError:
                return
            finally:
                # Who notes more from now on finds the lock free; what was noted meanwhile is found here.
                self._lock.release()
            self.served += 1
            self.owner.release(self)

    def _post(self) -> None:
        """Send what the session has to say; under the lock."""
        outgoing = self._session.outgoing
        if outgoing:
            data = b"".join(outgoing)
            outgoing.clear()
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        if self._is_mute:
            return
        try:
            self._is_clear = self._wire.post(data)
        except WriteError:
            # Whoever reads finds out why; the peer may have said so before it went.
            self._is_mute = self._is_clear = self._session.is_draining = True

    # Waiting

    async def wait(self, stream: HTTP2Stream, timeout: float | None) -> bool:
        """Return when what the stream wants is there, or can not come any more; False when time is over.

        Whoever calls this may have to read for the others.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not stream.is_ready():
            waiter: Waiter[str] | None = None
            is_reader = False
            with self._lock:
                if stream.is_ready():
                    pass
                elif self._is_reading:
                    waiter = self._waiting[stream] = self._backend.waiter()
                else:
                    self._is_reading = is_reader = True
            if self._ended:
                self.end_noted()
            if waiter is None and not is_reader:
                continue
            if waiter is None:
                return await self._read_until_ready(stream, until)
            grant: str | None = None
            try:
                grant = await waiter.wait(_left(until))
            finally:
                if grant is None:
                    self._stop_waiting(stream, waiter)
            if grant is None:
                return stream.is_ready()
            if grant == _ROLE:
                return await self._read_until_ready(stream, until)
        return True

    def _stop_waiting(self, stream: HTTP2Stream, waiter: Waiter[str]) -> None:
        with self._lock:
            if self._waiting.get(stream) is waiter:
                del self._waiting[stream]
        if self._ended:
            self.end_noted()
        if waiter.abandon() == _ROLE:
            self._pass_role()

    def _take_role(self) -> bool:
        """Become the reader where there is none; return whether that is so."""
        with self._lock:
            is_free = not self._is_reading
            self._is_reading = True
        if self._ended:
            self.end_noted()
        return is_free

    def _pass_role(self) -> None:
        """Let one of those who wait be the reader."""
        with self._lock:
            self._is_reading = False
            while self._waiting and not self._is_reading:
                _, waiter = self._waiting.popitem(last=False)
                self._is_reading = waiter.deliver(_ROLE)
        if self._ended:
            self.end_noted()

    async def _read_until_ready(self, stream: HTTP2Stream, until: float | None) -> bool:
        """Be the reader until the stream has what it wants; return whether it has."""
        try:
            while not stream.is_ready():
                left = _left(until)
                if left == 0.0:
                    return False
                await self._read_once(left)
            return True
        finally:
            self._pass_role()

    async def _read_once(self, timeout: float | None) -> None:
        """Read what comes within `timeout`, and ask the peer whether it is there where it has been silent."""
        patience = self._patience()
        wait = timeout if patience is None or (timeout is not None and timeout < patience) else patience
        data: bytes | None
        try:
            if self._is_clear or self._is_flushing:
                data = await self._wire.read(_READ_SIZE, wait)
            else:
                data = await self._flush_or_take(wait)
        except (ReadTimeout, WriteTimeout):
            if wait == patience:
                self._ask()
            return
        except WriteError:
            self._is_mute = self._is_clear = self._session.is_draining = True
            return
        except NetworkError as error:
            self._broke(error)
            return
        if data is not None:
            self._receive(data)

    async def _flush_or_take(self, timeout: float | None) -> bytes | None:
        """Get rid of what is left to send, or take what the peer says meanwhile, whichever can be done first."""
        self._is_flushing = True
        try:
            await self._wire.writable(timeout, or_readable=True)
            self._post_rest()
        finally:
            self._stop_flushing()
        return self._wire.take()

    async def flush(self, stream: HTTP2Stream, timeout: float | None) -> None:
        """Return when all that was posted has been accepted, or the stream has what it wants.

        Raises `WriteTimeout` where the peer accepts nothing in `timeout` seconds.
        """
        while not self._is_clear and not stream.is_ready() and self._session.failure is None:
            reads = False
            waiter: Waiter[str] | None = None
            with self._lock:
                if self._is_flushing:
                    waiter = self._stuck[stream] = self._backend.waiter()
                else:
                    self._is_flushing = True
                    reads = not self._is_reading
                    self._is_reading = True
            if self._ended:
                self.end_noted()
            if waiter is None:
                await self._flush(stream, timeout, reads)
                continue
            try:
                grant = await waiter.wait(timeout)
            finally:
                self._stuck.pop(stream, None)
            if grant is None:
                raise WriteTimeout(f"writing to {self.peer} timed out after {timeout} s")

    async def _flush(self, stream: HTTP2Stream, timeout: float | None, reads: bool) -> None:
        """Be the flusher, and with `reads` the reader too."""
        try:
            while not self._is_clear and not stream.is_ready() and self._session.failure is None:
                await self._wire.writable(timeout, or_readable=reads)
                self._post_rest()
                data = self._wire.take() if reads else None
                if data is not None:
                    self._receive(data)
        except WriteError:
            self._is_mute = self._is_clear = self._session.is_draining = True
        finally:
            self._stop_flushing()
            if reads:
                self._pass_role()

    def _post_rest(self) -> None:
        with self._lock:
            self._hand_over(b"")
        if self._ended:
            self.end_noted()

    def _stop_flushing(self) -> None:
        self._is_flushing = False
        while self._stuck:
            with contextlib.suppress(KeyError):
                self._stuck.popitem()[1].deliver(_NEWS)

    async def breathe(self) -> None:
        """Let others have a turn, now and then: a peer that takes everything at once leaves no time to wait."""
        if self._is_clear:
            await self._wire.writable(None, or_readable=False)

    def look(self) -> None:
        """Take what has arrived, where that needs no waiting and nobody else reads."""
        if self._is_reading:
            return
        if not self._take_role():
            return
        try:
            with contextlib.suppress(NetworkError):
                data = self._wire.take() if self._wire.is_readable() else None
                if data is not None:
                    self._receive(data)
        finally:
            self._pass_role()

    # Receiving

    def _receive(self, data: bytes) -> None:
        """Sort what has arrived into the inboxes, answer what wants an answer, and wake whom it concerns."""
        self._heard_at = time.monotonic()
        self._asked_at = None
        session = self._session
        with self._lock:
            before = session.max_streams, session.is_draining
            if data:
                session.receive(data)
            else:
                session.hang_up()
            if session.outgoing:
                self._post()
            woken = self._whom_to_wake()
            has_changed = before != (session.max_streams, session.is_draining)
        if self._ended:
            self.end_noted()
        for waiter in woken:
            waiter.deliver(_NEWS)
        if has_changed:
            self.owner.has_changed(self)

    def _whom_to_wake(self) -> list[Waiter[str]]:
        news, woken = self._session.news, []
        for stream in news:
            if stream in self._waiting and stream.is_ready():
                woken.append(self._waiting.pop(stream))
        news.clear()
        return woken

    def _broke(self, error: TransportError) -> None:
        """End all exchanges: the connection below is gone."""
        with self._lock:
            self._session.fail(type(error), str(error), error.__cause__)
            woken = self._whom_to_wake()
        if self._ended:
            self.end_noted()
        for waiter in woken:
            waiter.deliver(_NEWS)
        self.owner.has_changed(self)

    # Whether the peer is there

    def _patience(self) -> float | None:
        """Return how long the peer may go on being silent before it is asked, or given up."""
        limit = self._limits.http2_ping_interval if self._asked_at is None else self._limits.http2_ping_timeout
        since = self._heard_at if self._asked_at is None else self._asked_at
        return None if limit is None else max(since + limit - time.monotonic(), 0.001)

    def _ask(self) -> None:
        """Send a PING to a peer that has been silent; one that does not answer either is given up."""
        if self._asked_at is not None:
            limit = self._limits.http2_ping_timeout
            self._broke(ReadTimeout(f"{self.peer} is silent, and has not answered a PING within {limit} s"))
            return
        self.ask()

    def ask(self) -> None:
        """Send a PING; what is heard next is the answer."""
        with self._lock:
            if self._asked_at is None:
                self._asked_at = time.monotonic()
                self._session.ping()
                self._post()
        if self._ended:
            self.end_noted()

    async def make_sure(self) -> None:
        """Wait for a sign of life of a peer that has been silent for long, before a request goes to it.

        Raises what a request that was not processed raises, where there is none in `http2_ping_timeout` seconds.
        """
        interval = self._limits.http2_ping_interval
        if interval is None or time.monotonic() - self._heard_at < interval:
            return
        if not self._take_role():  # somebody else is finding out
            return
        try:
            self.ask()
            while self._asked_at is not None and self._session.failure is None:
                await self._read_once(None)
        finally:
            self._pass_role()
        if self._session.failure is not None:
            raise unprocessed(self._session.error())

    # The pool's side

    @property
    def capacity(self) -> int:
        """How many exchanges it may have at once."""
        session, limits = self._session, self._limits
        if session.is_draining or self._is_closed:
            return 0
        most, age = limits.max_requests_per_connection, limits.max_connection_age
        if (most is not None and self.served + self.taken >= most) or (
            age is not None and time.monotonic() >= self.born + age
        ):
            return min(self.taken, limits.max_streams_per_connection)
        return min(session.max_streams, limits.max_streams_per_connection)

    # Found out here, and noted elsewhere; nobody sets it from outside.
    @property
    def is_reusable(self) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether there is room for another exchange."""
        return self.capacity > self.taken

    def rest(self, now: float) -> None:
        """Become idle at `now`, and note until when."""
        until = None if self._limits.keepalive_expiry is None else now + self._limits.keepalive_expiry
        if self._limits.max_connection_age is not None:
            end = self.born + self._limits.max_connection_age
            until = end if until is None else min(until, end)
        self.idle_until = until

    def is_stale(self) -> bool:
        """Return whether this idle connection has waited too long, or takes no more requests.

        What has arrived meanwhile is looked at first: a PING is answered, a goodbye is heard.
        """
        if self.idle_until is not None and time.monotonic() > self.idle_until:
            return True
        self.look()
        return not self.capacity

    def extra(self, name: str) -> typing.Any:
        """Return what the stream tells about itself."""
        return self._wire.extra(name)

    def network_stream(self, exchange: int) -> NetworkStream | AsyncNetworkStream:
        """Return the connection as HTTPX has it, for as long as it serves this exchange."""
        kind = AsyncNetworkStream if self.is_async else NetworkStream
        return kind(self._wire, self.peer, b"", lambda: None, lambda: exchange in self._session.streams)

    def close(self) -> None:
        """Close at once, with a word to the peer where that needs no waiting."""
        if not self._is_closed:
            self._is_closed = True
            self._wire.close(self._session.say_goodbye() if self._session.failure is None else b"")

    def abandon(self) -> None:
        """Give the descriptor back without a word."""
        self._is_closed = True
        self._wire.abandon()


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.monotonic(), 0.0)
