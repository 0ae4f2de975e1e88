"""The world of every other event loop that anyio knows: trio today.

Sockets are used without blocking, and anyio says when one is ready; that keeps closing synchronous, which anyio's own
streams do not offer. On asyncio the backend of its own is faster, and this one works too.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import typing
from collections.abc import Awaitable, Callable, Coroutine, Sequence

import anyio
import anyio.lowlevel
import anyio.to_thread

from .._deadline import Deadline
from .._exceptions import ReadError, ReadTimeout, WriteError, WriteTimeout
from .._network import DEFAULT_SOCKETS, READ_SIZE, Address, SocketSettings
from ._happy_eyeballs import first_to_connect
from ._lookup import look_up
from ._polling import is_readable
from ._reasons import closed_here, reason, seconds
from ._sockets import SocketAttempts, connected_unix_socket

T = typing.TypeVar("T")


class AnyioStream:
    """One connection; used by one task at a time, and closed from any."""

    __slots__ = ("_is_closed", "_is_reading", "_lost", "_peer", "_socket", "_steps", "_unsent")

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self._socket = sock
        self._peer = peer
        self._is_closed = False
        self._is_reading = False
        self._steps = 0
        self._unsent = b""  # what a push did not get rid of
        # Why writing has failed. The system tells it once, and afterwards that the peer has said goodbye.
        self._lost: Exception | None = None

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, waiting for something."""
        if self._is_reading:
            raise RuntimeError(f"two tasks are reading the same connection to {self._peer}")
        self._is_reading = True
        try:
            await self._let_others_run()
            with anyio.move_on_after(timeout):
                while True:
                    try:
                        data = self._socket.recv(limit)
                        if data or self._lost is None:
                            return data
                        raise ReadError(f"reading from {self._peer} failed: {reason(self._lost)}") from self._lost
                    except BlockingIOError:
                        await anyio.wait_readable(self._socket)
        except (OSError, anyio.ClosedResourceError, anyio.BusyResourceError) as error:
            if self._is_closed:
                raise ReadError(closed_here(self._peer)) from error
            raise ReadError(f"reading from {self._peer} failed: {reason(error)}") from error
        finally:
            self._is_reading = False
        raise ReadTimeout(f"reading from {self._peer} timed out after {seconds(timeout)}")

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when all of `data` was accepted by the system."""
        await self._send(data, timeout, False)

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Return whether all of `data` was accepted by the system."""
        return await self._send(data, timeout, True)

    async def _send(self, data: bytes | memoryview, timeout: float | None, waits_once: bool) -> bool:
        if self._unsent:
            data, self._unsent = self._unsent + data, b""
        rest = memoryview(data)
        has_waited = False
        await self._let_others_run()
        try:
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except BlockingIOError:
                    if waits_once and (has_waited or self.is_readable()):
                        self._unsent = bytes(rest)
                        return False
                    has_waited = True
                    with anyio.move_on_after(timeout) as patience:
                        await (self._wait_for_either() if waits_once else anyio.wait_writable(self._socket))
                    if patience.cancelled_caught:
                        raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}") from None
            return True
        except (OSError, anyio.ClosedResourceError, anyio.BusyResourceError) as error:
            if self._is_closed:
                raise WriteError(closed_here(self._peer)) from error
            self._lost = error
            raise WriteError(f"writing to {self._peer} failed: {reason(error)}") from error

    def share(self) -> AnyioStream:
        """Return itself: the socket never blocks, and one task may wait to read while another waits to write."""
        return self

    def post(self, data: bytes) -> bool:
        """Send what the system accepts at once, and keep the rest."""
        if self._unsent:
            data = self._unsent + data
        sent = 0
        try:
            while sent < len(data):
                sent += self._socket.send(memoryview(data)[sent:] if sent else data)
        except BlockingIOError:
            pass
        except OSError as error:
            if self._is_closed:
                raise WriteError(closed_here(self._peer)) from error
            self._lost = error
            raise WriteError(f"writing to {self._peer} failed: {reason(error)}") from error
        self._unsent = data[sent:]
        return not self._unsent

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Wait until the system accepts more."""
        await self._let_others_run()
        if not self._unsent or (or_readable and self.is_readable()):
            return
        try:
            with anyio.move_on_after(timeout):
                await (self._wait_for_either() if or_readable else anyio.wait_writable(self._socket))
                return
        except (OSError, anyio.ClosedResourceError) as error:
            raise WriteError(closed_here(self._peer)) from error
        raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}")

    async def _let_others_run(self) -> None:
        """Now and then let other tasks run, and a cancellation arrive: a fast peer leaves no time to wait for it."""
        self._steps += 1
        if self._steps % 16 == 0:
            await anyio.lowlevel.checkpoint()

    async def _wait_for_either(self) -> None:
        """Wait until the socket can be read from or written to."""
        async with anyio.create_task_group() as both:

            async def wait(ready: Callable[[socket.socket], Awaitable[None]]) -> None:
                # A socket that is closed meanwhile is found out by the next use.
                with contextlib.suppress(anyio.ClosedResourceError):
                    await ready(self._socket)
                both.cancel_scope.cancel()

            both.start_soon(wait, anyio.wait_readable)
            both.start_soon(wait, anyio.wait_writable)

    def take(self) -> bytes | None:
        """Return what has arrived already."""
        try:
            return self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def is_readable(self) -> bool:
        """Return whether bytes or a goodbye are there to read."""
        # Not by a look at the bytes: that would take an error away from the read that has to tell it.
        try:
            return is_readable(self._socket)
        except (OSError, ValueError):
            return True

    def close(self, farewell: bytes = b"") -> None:
        """Close at once, waking a task that waits for the socket."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(OSError):
            if farewell and not self._unsent:
                self._socket.send(farewell)
        with contextlib.suppress(Exception):  # no loop runs any more, so nobody waits
            anyio.notify_closing(self._socket)
        self._socket.close()

    def abandon(self) -> None:
        """Give the descriptor back."""
        self._is_closed = True
        self._socket.close()

    def extra(self, name: str) -> typing.Any:
        """Return the socket or one of its addresses."""
        with contextlib.suppress(OSError):
            if name == "socket":
                return self._socket
            if name == "peer_address":
                return self._socket.getpeername()
            if name == "local_address":
                return self._socket.getsockname()
        return None


class AnyioWaiter(typing.Generic[T]):
    """A promise between two tasks of one loop."""

    __slots__ = ("_arrived", "_grant", "_is_waiting", "number")

    def __init__(self) -> None:
        self.number: int | None = None
        self._arrived = anyio.Event()
        self._is_waiting = True
        self._grant: T | None = None

    def deliver(self, grant: T) -> bool:
        """Hand `grant` over, unless nobody waits any more."""
        if not self._is_waiting:
            return False
        self._is_waiting = False
        self._grant = grant
        self._arrived.set()
        return True

    async def wait(self, timeout: float | None) -> T | None:
        """Return the grant, or None when time is over."""
        with anyio.move_on_after(timeout):
            await self._arrived.wait()
        return self.abandon()

    def abandon(self) -> T | None:
        """Stop waiting; return a grant that came already."""
        self._is_waiting = False
        grant, self._grant = self._grant, None
        return grant


class AnyioBackend:
    """The running loop, whichever it is."""

    name = "anyio"

    def __init__(self) -> None:
        self._token = anyio.lowlevel.current_token()
        self._native: typing.Any = self._token.native_token

    @staticmethod
    def is_running() -> bool:
        """Return whether a loop that anyio knows runs in this thread."""
        try:
            anyio.lowlevel.current_token()
        except RuntimeError:
            return False
        return True

    def is_current(self) -> bool:
        """Return whether this backend's loop is the one that runs here."""
        try:
            return anyio.lowlevel.current_token() == self._token
        except RuntimeError:
            return False

    def is_over(self) -> bool:
        """Return whether the loop has ended."""
        try:
            self._native.run_sync_soon(_nothing)
        except RuntimeError:  # trio's RunFinishedError; asked at the interpreter's exit, where nothing can be imported
            return True
        return False

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses of a host."""
        return await look_up(self, host, port, deadline)

    async def connect_tcp(
        self, addresses: list[Address], peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> AnyioStream:
        """Try the addresses beside each other, before a deadline that is for all of them together."""
        return AnyioStream(await first_to_connect(addresses, _Attempts(settings), peer, deadline), peer)

    async def connect_unix(
        self, path: str, peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> AnyioStream:
        """Connect to the Unix socket at `path`."""
        await anyio.lowlevel.checkpoint()
        return AnyioStream(await connected_unix_socket(self, path, peer, deadline, settings), peer)

    async def within(self, seconds: float | None, work: Awaitable[T]) -> T:
        """Await `work`, and cancel it when time is over."""
        with anyio.fail_after(seconds):
            return await work

    def waiter(self) -> AnyioWaiter[typing.Any]:
        """Return a new promise between tasks."""
        return AnyioWaiter()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop's next turn; not at all where the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._native.run_sync_soon(function)

    def call_later(self, seconds: float, function: Callable[[], None]) -> bool:
        """Call `function` in a while, in a task that belongs to nobody."""
        import trio.lowlevel

        async def wait() -> None:
            await trio.sleep(seconds)
            function()

        trio.lowlevel.spawn_system_task(wait)
        return True

    def start(
        self, work: Callable[[], Coroutine[typing.Any, typing.Any, None]], ended: Callable[[BaseException | None], None]
    ) -> AnyioTask:
        """Run `work` in a task that belongs to nobody."""
        import trio.lowlevel

        task = AnyioTask(work, ended)
        trio.lowlevel.spawn_system_task(task.run, context=contextvars.copy_context())
        return task

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call what blocks in one of anyio's threads."""
        # Who is cancelled does not wait for a disk that may never answer; the thread ends with what it reads.
        return await anyio.to_thread.run_sync(function, abandon_on_cancel=True)


class AnyioTask:
    """Something that runs in a task that belongs to nobody, in a scope of its own."""

    __slots__ = ("_ended", "_scope", "_work")

    def __init__(
        self, work: Callable[[], Coroutine[typing.Any, typing.Any, None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        self._work = work
        self._ended = ended
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Do the work, and let nothing but a cancellation out."""
        raised: BaseException | None = None
        try:
            with self._scope:
                try:
                    await self._work()
                except anyio.get_cancelled_exc_class():
                    raise
                except BaseException as error:
                    raised = error
        finally:
            self._ended(raised)

    def cancel(self) -> None:
        """Cancel the scope."""
        self._scope.cancel()


class _Attempts(SocketAttempts):
    """Attempts of which the loop says when one has ended."""

    async def ended(self, attempts: Sequence[socket.socket], seconds: float | None) -> Sequence[socket.socket]:
        """Return those that have ended."""
        done: list[socket.socket] = []
        with anyio.move_on_after(seconds) as patience:
            if len(attempts) == 1:
                await anyio.wait_writable(attempts[0])
                return attempts
            async with anyio.create_task_group() as beside_each_other:

                async def wait(attempt: socket.socket) -> None:
                    await anyio.wait_writable(attempt)
                    done.append(attempt)
                    patience.cancel()

                for attempt in attempts:
                    beside_each_other.start_soon(wait, attempt)
        return done


def _nothing() -> None:
    pass
