"""`Traffic`: who reads, who writes and who waits where many exchanges share one stream of bytes.

Whoever waits for something and finds nobody reading becomes the reader: it reads, sorts what arrives into the streams'
inboxes, wakes whom that concerns, and when it has what it waited for, is cancelled or runs out of time, passes the role
on to one of those who wait. So a time-out or a cancellation is always of one exchange alone.

What leaves is put together and posted in one step, under the lock, so that frames leave whole and in the order in
which they were made, whoever is cancelled when. What the system does not accept at once the stream keeps; whoever
finds something kept waits, as the one flusher, until it is gone, and reads meanwhile if nobody else does. Nobody waits
for anything else before.

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
import weakref
from collections.abc import Callable

from courser_models import TransportError

from .._body import AsyncBody, SyncBody
from .._config import Limits
from .._connection import Connection
from .._exceptions import NetworkError, ReadTimeout, RemoteProtocolError, WriteError, WriteTimeout
from .._network import LARGE_READ_SIZE, Backend, Stream, Waiter
from .._resend import unprocessed
from .._route import Route
from ._fields import FieldList
from ._frames import CANCEL
from ._liveness import Liveness
from ._session import Session
from ._stream import HTTP2Stream

# So many sends that the system accepts at once go by before others get a turn.
_BREATHE_EVERY = 16

# While somebody takes his time to read a response, what else arrives is looked at this often.
_LOOK_EVERY = 5.0

# Whoever reads while another flushes looks this often whether that one is still at it, and the other way round.
_GLANCE_EVERY = 0.25

# Frames that bring nobody forward are counted anew after so long.
_FORGIVE_EVERY = 60.0

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


class Traffic(Connection):
    """What exchanges do with the connection that they share, and it with them."""

    __slots__ = (
        "__weakref__",
        "_accepted_at",
        "_backend",
        "_breaths",
        "_ended",
        "_forgiven_at",
        "_is_clear",
        "_is_closed",
        "_is_flushing",
        "_is_mute",
        "_is_reading",
        "_limits",
        "_liveness",
        "_lock",
        "_looks_after",
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
        self._stuck: collections.OrderedDict[HTTP2Stream, Waiter[str]] = collections.OrderedDict()
        # Exchanges that ended where nobody could wait for the lock, and how.
        self._ended: collections.deque[tuple[HTTP2Stream, int]] = collections.deque()
        self._liveness = Liveness(owner.limits)
        self._accepted_at = self._forgiven_at = time.monotonic()
        self._looks_after = False
        self._breaths = 0
        self.route = route
        self.peer = route.authority
        self.born = time.monotonic()
        self.idle_until: float | None = None
        self.served = 0
        self.taken = 0

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

    def take(self, stream: HTTP2Stream, limit: int | None) -> bytes:
        """Return the content that has arrived, `limit` bytes at most, and let the peer send as much more."""
        with self._lock:
            content = self._session.take(stream, limit)
            self._post()
        if self._ended:
            self.end_noted()
        return content

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
            if self._is_clear:
                self._session.answers = 0
        except WriteError:
            # Whoever reads finds out why; the peer may have said so before it went.
            self._is_mute = self._is_clear = self._session.is_draining = True

    # Waiting

    async def wait(self, stream: HTTP2Stream, timeout: float | None) -> bool:
        """Return when what the stream wants is there, or can not come any more; False when time is over.

        Whoever calls this may have to read for the others.
        """
        until = _until(timeout)
        while not stream.is_ready():
            if not self._is_clear and not self._is_flushing:
                # It may be what the peer waits for, and whoever reads does not see to it.
                if not await self.flush(stream, lambda: _left(until)):
                    return stream.is_ready()
                continue
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
        late = waiter.abandon()
        if late == _ROLE:
            self._pass_role()
        elif late == _NEWS:  # which may have been that there is something left behind
            self._hand_on()

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
        flushes = not self._is_clear and self._take_flushing()
        if not flushes and self._is_flushing and (timeout is None or timeout > _GLANCE_EVERY):
            timeout = _GLANCE_EVERY  # the flusher may go, and leave to us what he has not done
        patience = self._liveness.patience()
        wait = timeout if patience is None or (timeout is not None and timeout < patience) else patience
        data: bytes | None
        try:
            data = await (self._flush_or_take(wait) if flushes else self._wire.read(LARGE_READ_SIZE, wait))
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
        try:
            await self._wire.writable(timeout, or_readable=True)
            self._post_rest()
        finally:
            self._stop_flushing()
        return self._wire.take()

    def _take_flushing(self) -> bool:
        """Become the flusher where there is none; return whether that is so."""
        with self._lock:
            is_free = not self._is_flushing
            self._is_flushing = True
        if self._ended:
            self.end_noted()
        return is_free

    async def flush(self, stream: HTTP2Stream, patience: Callable[[], float | None]) -> bool:
        """Return when all that was posted has been accepted, or the stream has what it wants.

        Return False where the peer accepts nothing for as long as `patience` says, which may raise.
        """
        while not self._is_clear and not stream.is_ready() and self._session.failure is None:
            timeout = patience()
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
                if not await self._flush(stream, patience, reads):
                    return False
                continue
            grant: str | None = None
            try:
                grant = await waiter.wait(timeout)
            finally:
                if grant is None:
                    waiter.abandon()
                    self._stuck.pop(stream, None)
                    self._hand_on()
            if grant is None and (timeout is None or time.monotonic() >= self._accepted_at + timeout):
                return False
        return True

    async def _flush(self, stream: HTTP2Stream, patience: Callable[[], float | None], reads: bool) -> bool:
        """Be the flusher, and the reader too where there is none; False where the peer accepts nothing."""
        has_company = False
        try:
            until = _until(patience())
            while not self._is_clear and not stream.is_ready() and self._session.failure is None:
                reads = reads or self._take_role()
                left = _left(until)
                if not reads and (left is None or left > _GLANCE_EVERY):
                    left = _GLANCE_EVERY  # whoever reads may find something for us, and may go
                try:
                    await self._wire.writable(left, or_readable=reads)
                except WriteTimeout:
                    if _left(until) == 0.0:
                        return False
                    continue
                self._post_rest()
                until = _until(patience())
                data = self._wire.take() if reads else None
                if data is not None:
                    self._receive(data)
        except WriteError:
            self._is_mute = self._is_clear = self._session.is_draining = True
        finally:
            has_company = self._stop_flushing()
            if reads:
                self._pass_role()
        if has_company:
            await self._backend.sleep(0)  # it is their turn: whoever has just sent would go on to send
        return True

    def _post_rest(self) -> None:
        with self._lock:
            self._hand_over(b"")
        self._accepted_at = time.monotonic()
        if self._ended:
            self.end_noted()

    def _stop_flushing(self) -> bool:
        """Let those who wait for the flusher go on, the first first; return whether there are any.

        Where there are none, one of those who wait for news sees to what is left behind.
        """
        with self._lock:
            self._is_flushing = False
            stuck = list(self._stuck.values())
            self._stuck.clear()
        if self._ended:
            self.end_noted()
        was_heard = [waiter.deliver(_NEWS) for waiter in stuck]
        if not any(was_heard):
            self._hand_on()
        return bool(stuck)

    def _hand_on(self) -> None:
        """Let one of those who wait for news see to what is left behind, where nobody does."""
        if self._is_clear:
            return
        with self._lock:
            is_seen_to = self._is_flushing
            while self._waiting and not is_seen_to:
                _, waiter = self._waiting.popitem(last=False)
                is_seen_to = waiter.deliver(_NEWS)
        if self._ended:
            self.end_noted()

    async def breathe(self, has_sent_much: bool) -> None:
        """Let others have a turn, now and then: a peer that takes everything at once leaves no time to wait."""
        self._breaths += 1
        is_due = self._breaths % _BREATHE_EVERY == 0 or (has_sent_much and len(self._session.streams) > 1)
        if self.is_async and is_due:
            await self._backend.sleep(0)

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
        now = time.monotonic()
        self._liveness.hear(now)
        session = self._session
        with self._lock:
            if now - self._forgiven_at > _FORGIVE_EVERY:
                self._forgiven_at = now
                session.forgive()
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
            if stream.is_ready():
                waiter = self._waiting.pop(stream, None) or self._stuck.pop(stream, None)
                if waiter is not None:
                    woken.append(waiter)
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

    # Nobody reads

    def look_after(self) -> None:
        """Look now and then at what arrives, as long as exchanges are under way and somebody takes his time with one.

        Without an event loop nothing runs in between, and it is looked at when somebody reads.
        """
        if self.is_async and not self._looks_after:
            reference = weakref.WeakMethod(self._look_after)

            def look() -> None:
                method = reference()
                if method is not None:
                    method()

            self._looks_after = self._backend.call_later(_LOOK_EVERY, look)

    def _look_after(self) -> None:
        self._looks_after = False
        if self._is_closed or not self._session.streams:
            return
        if not self._is_clear and not self._is_flushing:
            self._post_rest()
        self.look()
        self.look_after()

    # Whether the peer is there

    def _ask(self) -> None:
        """Send a PING to a peer that has been silent; one that does not answer either is given up."""
        if self._liveness.asked_at is not None:
            self._broke(ReadTimeout(f"{self.peer} {self._liveness.words}"))
        else:
            self.ask()

    def ask(self) -> None:
        """Send a PING; what is heard next is the answer."""
        with self._lock:
            if self._liveness.asked_at is None:
                self._liveness.asked_at = time.monotonic()
                self._session.ping()
                self._post()
        if self._ended:
            self.end_noted()

    def doubt(self, timeout: float | None) -> None:
        """Ask a peer that was silent during a whole time-out whether it is there; the next request waits for that."""
        if self._liveness.was_silent_for(timeout):
            self.ask()

    def is_doubtful(self) -> bool:
        """Return whether to make sure first that the peer is there."""
        return self._liveness.is_doubtful()

    async def make_sure(self, patience: Callable[[], float | None]) -> None:
        """Wait for a sign of life of a peer that is doubtful, before a request goes to it.

        Raises what a request that was not processed raises, where there is none in `http2_ping_timeout` seconds, or
        as long as `patience` says, which may raise.
        """
        left = patience()
        if not self._take_role():  # somebody else is finding out
            return
        until = _until(left)
        try:
            self.ask()
            while self._liveness.asked_at is not None and self._session.failure is None and _left(until) != 0.0:
                await self._read_once(_left(until))
        finally:
            self._pass_role()
        if self._session.failure is not None:
            raise unprocessed(self._session.error())
        if self._liveness.asked_at is not None:
            patience()
            # Those that are under way may have more patience; nobody comes to them any more.
            self._session.is_draining = True
            self.owner.has_changed(self)
            raise unprocessed(ReadTimeout(f"{self.peer} is silent, and has not answered a PING within {left} s"))


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.monotonic(), 0.0)
