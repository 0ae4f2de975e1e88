"""`AsyncioStream`: one connection of an asyncio loop, or of uvloop's, and what is read and written past the loop.

A read that finds nothing leaves one future, and `data_received` completes it: no stream objects, tasks or scopes in
between. Read time-outs share one timer a connection: a read only notes its deadline, and the timer, when it fires
too early, is set again for what is noted by then. A connection in steady use sets a timer once in a time-out's
length and not once a read.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import select
import socket
import time
import typing
from collections.abc import Callable, Sequence

from .._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from .._network import READ_SIZE
from ._reasons import closed_here, reason, seconds

# While a peer accepts nothing, it is looked this often whether it does again: asyncio tells of the last byte only.
_LOOK_EVERY = 0.1

# Reading pauses while this many bytes wait for somebody to take them, so that a slow reader slows its peer.
_ENOUGH_WAITING = 262144


class Gone(asyncio.Transport):
    """What a stream has in the place of its transport once it was abandoned."""

    def is_closing(self) -> bool:
        """Return True."""
        return True

    def get_extra_info(self, name: str, default: typing.Any = None) -> typing.Any:
        """Return nothing."""
        return default


_GONE = Gone()


class AsyncioStream(asyncio.Protocol):
    """One connection; used by one task at a time, and closed from any."""

    __slots__ = (
        "__weakref__",
        "_deadline",
        "_drain",
        "_error",
        "_fetched",
        "_is_behind",
        "_is_closed",
        "_is_ended",
        "_is_flooded",
        "_is_reading_paused",
        "_is_writing_paused",
        "_kernel",
        "_loop",
        "_peer",
        "_pushed",
        "_pushes",
        "_reader",
        "_socket",
        "_timeout",
        "_timer",
        "_timer_due",
        "_transport",
        "_waiting",
        "_waiting_size",
    )

    _transport: asyncio.Transport
    _kernel: Kernel

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str) -> None:
        self._loop = loop
        self._socket = sock
        self._peer = peer
        self._waiting: collections.deque[bytes] = collections.deque()
        self._waiting_size = 0
        self._reader: asyncio.Future[bytes] | None = None
        self._drain: asyncio.Future[bool] | None = None
        self._error: BaseException | None = None
        self._is_ended = False
        self._is_closed = False
        self._is_flooded = False  # what came last was as much as fits: the system is likely to have more
        self._fetched = 0
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._is_behind = False  # the loop's transport has, or may have, bytes that leave before any others
        self._pushes = False
        self._pushed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._deadline: float | None = None
        self._timeout: float | None = None

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the loop's transport."""
        self._transport = typing.cast(asyncio.Transport, transport)  # TCP always gives both directions
        self._kernel = Kernel(self._socket)
        self._is_behind = not self._kernel.is_direct
        if hasattr(transport, "max_size"):
            # asyncio makes room for all that it may receive, 256 KiB, and gives back what was not needed. So large a
            # block the C library may map and unmap for each read, which costs as much as half of a small GET.
            typing.cast(typing.Any, transport).max_size = READ_SIZE

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to whoever is waiting for them, or keep them."""
        self._is_flooded = len(data) >= READ_SIZE
        reader = self._reader
        if reader is not None and not reader.done():
            self._reader = None
            reader.set_result(data)
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._pushes:
            self._wake_writer()
        if self._waiting_size >= _ENOUGH_WAITING and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Note the peer's goodbye; our side stays open, a body may still be on its way out."""
        self._is_ended = True
        self._wake_reader()
        if self._pushes:
            self._wake_writer()
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the end of the connection, and wake whoever is waiting for it."""
        if exc is not None and not self._is_closed:
            # A write failed, perhaps. What the peer said before it left says why, and may still be with the system.
            with contextlib.suppress(OSError):
                last_words = self._socket.recv(READ_SIZE)
                if last_words:
                    self.data_received(last_words)
        self._is_ended = True
        self._error = self._error or exc
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake_reader()
        if self._drain is not None and not self._drain.done():
            self._drain.set_exception(self._write_error())

    def pause_writing(self) -> None:
        """The system accepts no more for now."""
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        """The system accepts bytes again."""
        self._is_writing_paused = False
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(True)

    def _wake_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is None or reader.done():
            return
        if self._error is not None or self._is_closed:
            reader.set_exception(self._read_error())
        else:
            reader.set_result(b"")

    # What the transport calls

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, waiting for something."""
        if self._waiting:
            return self._take_one()
        if self._is_ended:
            if self._error is not None or self._is_closed:
                raise self._read_error()
            return b""
        if self._reader is not None:
            raise RuntimeError(f"two tasks are reading the same connection to {self._peer}")
        if self._is_flooded and (data := self._fetch(limit)) is not None:
            return data
        self._timeout = timeout
        if timeout is None:
            self._deadline = None
        else:
            self._deadline = deadline = time.monotonic() + timeout
            if self._timer is None:
                self._set_timer(timeout, deadline)
            elif deadline < self._timer_due:
                self._timer.cancel()
                self._set_timer(timeout, deadline)
        reader: asyncio.Future[bytes] = asyncio.Future(loop=self._loop)
        self._reader = reader
        try:
            return await reader
        except asyncio.CancelledError:
            # Bytes that came in the tick of the cancellation stay on the connection: the next reader's, or the proof
            # that the connection is not clean.
            if reader.done() and not reader.cancelled() and reader.exception() is None:
                self._waiting.appendleft(reader.result())
                self._waiting_size += len(reader.result())
            raise
        finally:
            self._reader = None
            self._deadline = None

    def _fetch(self, limit: int) -> bytes | None:
        """Return what the system has of bytes that come faster than they are read; None leaves it to the loop.

        A turn of the loop for each piece would cost as much as the piece. Every now and then it has one all the same:
        others want to run too, and goodbyes are the loop's.
        """
        self._fetched += 1
        if self._fetched % 16 == 0 or self._transport.is_closing():
            return None
        try:
            data = self._kernel.take(limit)
        except OSError as error:
            self._is_ended, self._error = True, error
            raise self._read_error() from error
        self._is_flooded = data is not None and len(data) >= READ_SIZE
        return data or None

    def _take_one(self) -> bytes:
        data = self._waiting.popleft()
        self._waiting_size -= len(data)
        if self._is_reading_paused and not self._waiting:
            self._is_reading_paused = False
            if not self._is_ended:
                self._transport.resume_reading()
        return data

    def _set_timer(self, delay: float, due: float) -> None:
        self._timer_due = due
        self._timer = self._loop.call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._deadline is None or self._reader is None:
            return
        left = self._deadline - time.monotonic()
        if left > 0:
            self._set_timer(left, self._deadline)
        elif not self._reader.done():
            self._reader.set_exception(
                ReadTimeout(f"reading from {self._peer} timed out after {seconds(self._timeout)}")
            )

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when the system, or the loop's transport, has accepted all of `data`."""
        if self._is_closed or self._error is not None:
            raise self._write_error()
        self._put(data)
        if self._is_writing_paused:
            await self._drained(timeout)

    def _put(self, data: bytes | memoryview) -> None:
        """Give `data` to the system, and what it does not accept to the loop's transport, which keeps it.

        The transport would do the same, in more steps, or in the loop's next turn. What fails here fails there too,
        and is told there.
        """
        if self._is_behind:
            self._is_behind = not self._kernel.is_direct or self._transport.get_write_buffer_size() > 0
        if not self._is_behind:
            try:
                sent = self._socket.send(data)
            except OSError:
                sent = 0
            if sent == len(data):
                return
            self._is_behind = True
            if sent:
                data = memoryview(data)[sent:]
        self._transport.write(data)

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Return whether the loop's transport has room again."""
        if self._is_closed or self._error is not None:
            raise self._write_error()
        if data:
            self._put(data)
        self._pushed += 1
        if self._pushed % 16 == 0:  # a fast peer leaves no time to wait, and others want to run too
            await asyncio.sleep(0)
        if self._is_writing_paused:
            self._pushes = True
            try:
                await self._drained(timeout)
            finally:
                self._pushes = False
        return not self._is_writing_paused

    async def _drained(self, timeout: float | None) -> None:
        """Wait until the loop's buffer has room again; time is over when nothing left it for that long."""
        unsent = self._transport.get_write_buffer_size()
        moved_at = time.monotonic()
        while self._is_writing_paused:
            if self._is_closed or self._error is not None:
                raise self._write_error()
            if self._pushes and (self._waiting or self._is_ended):
                return
            drain: asyncio.Future[bool] = asyncio.Future(loop=self._loop)
            self._drain = drain
            timer = None
            if timeout is not None:
                left = max(moved_at + timeout - time.monotonic(), 0.0)
                timer = self._loop.call_later(min(left, _LOOK_EVERY), _give_up, drain)
            try:
                has_moved = await drain
            finally:
                self._drain = None
                if timer is not None:
                    timer.cancel()
            unsent_before, unsent = unsent, self._transport.get_write_buffer_size()
            if has_moved or unsent < unsent_before:
                moved_at = time.monotonic()
                if self._pushes:
                    return
            elif timeout is not None and time.monotonic() >= moved_at + timeout:
                raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}")

    def share(self) -> AsyncioStream:
        """Return itself: reading and writing know nothing of each other."""
        return self

    def post(self, data: bytes) -> bool:
        """Hand `data` to the loop's transport, which keeps what the system does not accept."""
        if self._is_closed or self._error is not None:
            raise self._write_error()
        if data:
            self._put(data)
        return not self._is_writing_paused

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Wait until the loop's transport has room again."""
        self._pushed += 1
        if self._pushed % 16 == 0:
            await asyncio.sleep(0)
        if self._is_writing_paused:
            self._pushes = or_readable
            try:
                await self._drained(timeout)
            finally:
                self._pushes = False

    def take(self) -> bytes | None:
        """Return what has arrived already."""
        if self._waiting:
            return self._take_one()
        if self._is_ended or self._transport.is_closing():
            return b""
        try:
            return self._kernel.take(READ_SIZE) if self._kernel.poll(0) else None
        except OSError:
            return b""

    def is_readable(self) -> bool:
        """Return whether bytes or a goodbye are there to read, the system's buffers included.

        The loop may have been too busy to look since they came.
        """
        return bool(self._is_ended or self._waiting or self._transport.is_closing() or self._kernel.poll(0))

    def close(self, farewell: bytes = b"") -> None:
        """Close at once, without waiting for what is still unsent."""
        if self._is_closed:
            return
        if self._loop.is_closed():
            self.abandon()
            return
        self._is_closed = True
        if asyncio._get_running_loop() is self._loop:
            self._end(farewell)
        else:  # another thread, or a garbage collection anywhere
            with contextlib.suppress(RuntimeError):  # it was closed this very moment
                self._loop.call_soon_threadsafe(self._end, farewell)

    def _end(self, farewell: bytes) -> None:
        if farewell and self._error is None:
            self._transport.write(farewell)
        self._transport.abort()
        # The loop reports the end in its next turn; whoever waits is told now.
        self._is_ended = True
        self._wake_reader()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def abandon(self) -> None:
        """Give the descriptor back; the loop's transport goes without complaint."""
        self._is_closed = self._is_ended = True
        self._reader = self._drain = self._timer = None
        transport, self._transport = self._transport, _GONE
        # asyncio's transport warns when it goes and was never closed. Closing is what its loop cannot do any more, and
        # this is all that the loop would have called. uvloop's has no such thing, and closed with its loop.
        end: Callable[[None], None] | None = getattr(transport, "_call_connection_lost", None)
        if end is not None:
            with contextlib.suppress(AttributeError):  # it was called before
                end(None)
        self._socket.close()

    def extra(self, name: str) -> typing.Any:
        """Return the socket or one of its addresses."""
        names = {"socket": "socket", "peer_address": "peername", "local_address": "sockname"}
        return self._transport.get_extra_info(names[name]) if name in names else None

    def _read_error(self) -> ReadError:
        if self._is_closed:
            return ReadError(closed_here(self._peer))
        return _because(ReadError(f"reading from {self._peer} failed: {reason(self._error or OSError())}"), self._error)

    def _write_error(self) -> WriteError:
        if self._is_closed:
            return WriteError(closed_here(self._peer))
        why = reason(self._error) if self._error is not None else "the peer closed the connection"
        return _because(WriteError(f"writing to {self._peer} failed: {why}"), self._error)


def _give_up(drain: asyncio.Future[bool]) -> None:
    if not drain.done():
        drain.set_result(False)


E = typing.TypeVar("E", bound=BaseException)


def _because(error: E, cause: BaseException | None) -> E:
    error.__cause__ = cause
    return error


class Kernel:
    """What the system holds for a socket that the loop has not fetched yet."""

    __slots__ = ("_descriptor", "is_direct", "poll")

    poll: Callable[[int], Sequence[object]]
    """Given 0, says whether bytes or a goodbye are there."""

    is_direct: bool
    """Whether the loop leaves the socket to others between its turns: not on Windows."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor = sock.fileno()
        self.poll = _never_ready
        self.is_direct = hasattr(select, "poll")
        if self.is_direct:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            self.poll = poll.poll

    def take(self, limit: int) -> bytes | None:
        """Fetch what is there, `limit` bytes at most; None is nothing. Raises `OSError`."""
        if self.poll is _never_ready:
            return None
        try:
            return os.read(self._descriptor, limit)
        except BlockingIOError:
            return None


def _never_ready(timeout: int) -> tuple[()]:
    """Stand for `poll` on Windows, where the loop has a read under way at all times: nothing stays with the system."""
    return ()
