"""The threads world: blocking sockets. Every `async def` here returns without ever suspending."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing
from collections.abc import Awaitable, Callable, Sequence

from .._deadline import Deadline
from .._exceptions import ConnectError, ConnectTimeout, ReadError, ReadTimeout, WriteError, WriteTimeout
from .._network import DEFAULT_SOCKETS, Address, SocketSettings
from ._happy_eyeballs import first_to_connect
from ._lookup import look_up
from ._polling import is_readable, wait_for, wait_for_either, writable
from ._reasons import closed_here, reason, refused, seconds
from ._sockets import SocketAttempts, connected_unix_socket, new_socket

T = typing.TypeVar("T")


# A state of a socket's own, and no limit that anybody could set.
_DOES_NOT_BLOCK = -1.0
# The system counts milliseconds in an int; this is 20 days.
_LONGEST = 1_728_000.0


class ThreadStream:
    """A connected socket, used by one thread at a time; `close` may come from another."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self._socket = sock
        self._peer = peer
        self._is_closed = False
        self._unsent = b""  # what a push did not get rid of
        # Why writing has failed. The system tells it once, and afterwards that the peer has said goodbye.
        self._lost: Exception | None = None
        # `settimeout` is a call of the system, so the value it was last given is remembered.
        self._timeout: float | None = sock.gettimeout() or _DOES_NOT_BLOCK

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, waiting for something."""
        try:
            if timeout != self._timeout:
                self._set_timeout(timeout)
            data = self._socket.recv(limit)
        except TimeoutError:
            raise ReadTimeout(f"reading from {self._peer} timed out after {seconds(timeout)}") from None
        except OSError as error:
            if self._is_closed:
                raise ReadError(closed_here(self._peer)) from error
            raise ReadError(f"reading from {self._peer} failed: {reason(error)}") from error
        if not data:
            self._check_goodbye()
        return data

    def _check_goodbye(self) -> None:
        """Raise `ReadError` for what looks like the peer's goodbye, and is none."""
        if self._is_closed:
            raise ReadError(closed_here(self._peer))
        if self._lost is not None:
            raise ReadError(f"reading from {self._peer} failed: {reason(self._lost)}") from self._lost

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when all of `data` was accepted by the system."""
        try:
            if timeout != self._timeout:
                self._set_timeout(timeout)
            if self._unsent:
                data, self._unsent = self._unsent + data, b""
            sent = self._socket.send(data)
            if sent < len(data):
                rest = memoryview(data)[sent:]
                while rest:
                    rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}") from None
        except OSError as error:
            if self._is_closed:
                raise WriteError(closed_here(self._peer)) from error
            self._lost = error
            raise WriteError(f"writing to {self._peer} failed: {reason(error)}") from error

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Return whether all of `data` was accepted by the system."""
        if self._unsent:
            data, self._unsent = self._unsent + data, b""
        rest = memoryview(data)
        try:
            if self._timeout != _DOES_NOT_BLOCK:
                self._socket.settimeout(0.0)
                self._timeout = _DOES_NOT_BLOCK
            has_waited = False
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except BlockingIOError:
                    can_read, can_write = (True, True) if has_waited else wait_for_either(self._socket, timeout)
                    if can_read:
                        self._unsent = bytes(rest)
                        return False
                    if not can_write:
                        raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}") from None
                    has_waited = True
            return True
        except (OSError, ValueError) as error:  # ValueError: closed by another thread while it was waited for
            if self._is_closed:
                raise WriteError(closed_here(self._peer)) from error
            self._lost = error
            raise WriteError(f"writing to {self._peer} failed: {reason(error)}") from error

    def _set_timeout(self, timeout: float | None) -> None:
        self._socket.settimeout(patience(timeout))
        self._timeout = timeout

    def take(self) -> bytes | None:
        """Return what has arrived already."""
        if not self.is_readable():
            return None
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def is_readable(self) -> bool:
        """Return whether bytes or a goodbye are there to read."""
        try:
            return is_readable(self._socket)
        except (OSError, ValueError):  # closed from another thread in the meantime
            return True

    def close(self, farewell: bytes = b"") -> None:
        """Close at once, waking a thread that is reading."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(OSError):
            if farewell and not self._unsent:
                self._socket.settimeout(0)
                self._socket.send(farewell)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
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

    def share(self) -> SharedThreadStream:
        """Return the same socket for several threads."""
        return SharedThreadStream(self._socket, self._peer)


class SharedThreadStream(ThreadStream):
    """A socket that one thread reads while others write; nobody touches how it waits, because it never does."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        super().__init__(sock, peer)
        sock.settimeout(0.0)
        self._timeout = _DOES_NOT_BLOCK

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, waiting for something."""
        try:
            while True:
                try:
                    data = self._socket.recv(limit)
                    break
                except BlockingIOError:
                    if not wait_for(self._socket, timeout, reading=True, writing=False):
                        raise ReadTimeout(f"reading from {self._peer} timed out after {seconds(timeout)}") from None
        except (OSError, ValueError) as error:  # ValueError: closed by another thread
            if self._is_closed:
                raise ReadError(closed_here(self._peer)) from error
            raise ReadError(f"reading from {self._peer} failed: {reason(error)}") from error
        if not data:
            self._check_goodbye()
        return data

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
        except (OSError, ValueError) as error:
            if self._is_closed:
                raise WriteError(closed_here(self._peer)) from error
            self._lost = error
            raise WriteError(f"writing to {self._peer} failed: {reason(error)}") from error
        self._unsent = data[sent:]
        return not self._unsent

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Wait until the system accepts more."""
        try:
            if not self._unsent or wait_for(self._socket, timeout, reading=or_readable, writing=True):
                return
        except (OSError, ValueError) as error:
            raise WriteError(closed_here(self._peer)) from error
        raise WriteTimeout(f"writing to {self._peer} timed out after {seconds(timeout)}")


def patience(timeout: float | None) -> float | None:
    """Return a time-out as a socket takes it: zero means «do not block» to it, and «hardly wait» to us."""
    return None if timeout is None else min(max(timeout, 1e-6), _LONGEST)


class ThreadWaiter(typing.Generic[T]):
    """A promise between two threads."""

    def __init__(self) -> None:
        self.number: int | None = None
        # A garbage collection may deliver while its own thread waits or gives up. An Event would be a trap there: its
        # lock is held for a moment by the thread that begins to wait.
        self._lock = threading.RLock()
        self._arrived = threading.Lock()
        self._arrived.acquire()
        self._is_waiting = True
        self._grant: T | None = None

    def deliver(self, grant: T) -> bool:
        """Hand `grant` over, unless nobody waits any more."""
        with self._lock:
            if not self._is_waiting:
                return False
            self._is_waiting = False
            self._grant = grant
        self._arrived.release()
        return True

    async def wait(self, timeout: float | None) -> T | None:
        """Return the grant, or None when time is over."""
        self._arrived.acquire(timeout=-1 if timeout is None else max(timeout, 0.0))
        return self.abandon()

    def abandon(self) -> T | None:
        """Stop waiting; return a grant that came already."""
        with self._lock:
            self._is_waiting = False
            grant, self._grant = self._grant, None
        return grant


class _Attempts(SocketAttempts):
    """Attempts that a thread polls."""

    async def ended(self, attempts: Sequence[socket.socket], seconds: float | None) -> Sequence[socket.socket]:
        """Return those that have ended."""
        return writable(attempts, seconds)


def _connected_alone(address: Address, peer: str, deadline: Deadline, settings: SocketSettings) -> socket.socket:
    """Return a socket that is connected to the only address, by a call that blocks: the system needs one less."""
    sock = None
    try:
        sock = new_socket(address[0], settings)
        sock.settimeout(patience(deadline.left()))
        sock.connect(address[1])
        return sock
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, TimeoutError) and error.errno is None:  # our patience, not the system's
            raise ConnectTimeout(f"connecting to {peer} timed out {deadline.words}") from None
        if isinstance(error, OSError):
            raise ConnectError(refused(peer, [error])) from error
        raise


class ThreadBackend:
    """Blocking calls in the thread that asks."""

    name = "threads"

    def is_current(self) -> bool:
        """Return True: any thread will do."""
        return True

    def is_over(self) -> bool:
        """Return False: there are always threads."""
        return False

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses of a host."""
        return await look_up(self, host, port, deadline)

    async def connect_tcp(
        self, addresses: list[Address], peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> ThreadStream:
        """Try the addresses beside each other, before a deadline that is for all of them together."""
        if len(addresses) == 1:
            return ThreadStream(_connected_alone(addresses[0], peer, deadline, settings), peer)
        return ThreadStream(await first_to_connect(addresses, _Attempts(settings), peer, deadline), peer)

    async def connect_unix(
        self, path: str, peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> ThreadStream:
        """Connect to the Unix socket at `path`."""
        return ThreadStream(await connected_unix_socket(self, path, peer, deadline, settings), peer)

    async def within(self, seconds: float | None, work: Awaitable[T]) -> T:
        """Await `work`, which cannot wait for anything here, and so has no limit."""
        return await work

    def waiter(self) -> ThreadWaiter[typing.Any]:
        """Return a new promise between threads."""
        return ThreadWaiter()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` now: there is no better moment."""
        function()

    def call_later(self, seconds: float, function: Callable[[], None]) -> bool:
        """Return False: a thread for this would be one too many, above all where the process forks."""
        return False

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call what blocks: this is a thread already."""
        return function()
