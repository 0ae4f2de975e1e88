"""The asyncio world, and uvloop's: a protocol for each connection, futures as promises, tasks for what runs beside."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import socket
import typing
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence

from .._deadline import Deadline
from .._exceptions import ConnectError, ConnectTimeout
from .._network import DEFAULT_SOCKETS, Address, SocketSettings
from ._alarm import Alarm
from ._asyncio_stream import AsyncioStream
from ._happy_eyeballs import first_to_connect
from ._lookup import look_up
from ._reasons import refused
from ._sockets import connected_unix_socket, new_socket

T = typing.TypeVar("T")


_OPEN = object()
"""The outcome of a promise that has none yet."""


class AsyncioWaiter(typing.Generic[T]):
    """A promise between two tasks of one loop, awaited by one of them.

    It is itself what asyncio's documentation calls a Future-like object (under `asyncio.isfuture`), and its own
    iterator. A future and what iterates over it would be two objects more for each of a hundred thousand that wait,
    which the garbage collector looks at again and again.
    """

    __slots__ = (
        "_alarm",
        "_asyncio_future_blocking",
        "_callback",
        "_context",
        "_due",
        "_is_cancelled",
        "_outcome",
        "number",
    )

    def __init__(self, alarm: Alarm) -> None:
        self.number: int | None = None
        self._alarm = alarm
        self._due: int | None = None
        self._outcome: typing.Any = _OPEN  # then the grant, or with what message this was cancelled
        self._is_cancelled = False
        self._callback: Callable[[typing.Any], object] | None = None
        self._context: contextvars.Context | None = None
        self._asyncio_future_blocking = False

    def deliver(self, grant: T) -> bool:
        """Hand `grant` over, unless nobody waits any more."""
        if self._outcome is not _OPEN:
            return False
        self._end(grant)
        return True

    def wait(self, timeout: float | None) -> Awaitable[T | None]:
        """Return the grant, or None when time is over."""
        if timeout is not None and self._outcome is _OPEN:
            self._due = self._alarm.set(timeout, self)
        return self

    def wake(self) -> None:
        """Hear that time is over."""
        self._due = None
        self._end(None)

    def abandon(self) -> T | None:
        """Stop waiting; return a grant that came already, be it in the tick of the cancellation."""
        self.cancel()
        return None if self._is_cancelled else self._outcome

    def _end(self, outcome: typing.Any) -> None:
        self._outcome = outcome
        if self._due is not None:
            self._alarm.turn_off(self._due, self)
            self._due = None
        callback, context = self._callback, self._context
        if callback is not None:
            self._callback = self._context = None
            self._alarm.loop.call_soon(callback, self, context=context)

    # What a task does with what it waits for

    def __await__(self) -> Generator[typing.Any, None, T | None]:
        return typing.cast("Generator[typing.Any, None, T | None]", self)

    def __iter__(self) -> AsyncioWaiter[T]:
        return self

    def __next__(self) -> AsyncioWaiter[T]:
        if self._outcome is not _OPEN:
            raise StopIteration(self.result())
        if self._callback is not None:
            raise RuntimeError("only one task can wait for this")
        self._asyncio_future_blocking = True  # that this was awaited, and not yielded by mistake
        return self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop whose tasks these are."""
        return self._alarm.loop

    def add_done_callback(
        self, callback: Callable[[typing.Any], object], *, context: contextvars.Context | None = None
    ) -> None:
        """Let the loop call `callback` when the promise has ended."""
        self._callback, self._context = callback, context

    def cancel(self, msg: typing.Any = None) -> bool:
        """Let nobody wait any more; False says that the promise had ended before."""
        if self._outcome is not _OPEN:
            return False
        self._is_cancelled = True
        self._end(msg)
        return True

    def done(self) -> bool:
        """Return whether the promise has ended."""
        return self._outcome is not _OPEN

    def result(self) -> T | None:
        """Return the grant, None where time is over; raise `asyncio.CancelledError` where the task was cancelled."""
        if self._is_cancelled:
            raise asyncio.CancelledError if self._outcome is None else asyncio.CancelledError(self._outcome)
        return typing.cast("T | None", self._outcome)


class AsyncioTask:
    """Something that runs in a task of its own."""

    __slots__ = ("_ended", "_error", "_task", "_work")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Coroutine[typing.Any, typing.Any, None]],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._work = work
        self._ended = ended
        self._error: BaseException | None = None
        self._task = loop.create_task(self._run())
        # Called for a task that was cancelled before its first step, too.
        self._task.add_done_callback(self._on_end)

    async def _run(self) -> None:
        try:
            await self._work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._error = error

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._ended(self._error)

    def cancel(self) -> None:
        """Cancel the task."""
        self._task.cancel()


async def _until_the_end(streams: weakref.WeakSet[AsyncioStream]) -> AsyncGenerator[None, None]:
    """Close what is still open when the loop is about to end.

    A loop that ends, ends its async generators (`shutdown_asyncgens`), and gives no other sign. uvloop complains of
    every connection that it finds open when it is closed, and hangs where warnings are errors.
    """
    try:
        yield
    finally:
        for stream in list(streams):
            stream.close()


class Attempts:
    """Attempts to connect, each a task that the loop drives: not every loop says when a socket is ready."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: SocketSettings) -> None:
        self._loop = loop
        self._settings = settings
        self._sockets: dict[asyncio.Task[None], socket.socket] = {}

    def begin(self, address: Address) -> asyncio.Task[None]:
        """Begin to connect."""
        sock = new_socket(address[0], self._settings)
        task = self._loop.create_task(self._loop.sock_connect(sock, address[1]))
        self._sockets[task] = sock
        return task

    async def ended(
        self, attempts: Sequence[asyncio.Task[None]], seconds: float | None
    ) -> Sequence[asyncio.Task[None]]:
        """Return those that have ended."""
        await asyncio.wait(attempts, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return [attempt for attempt in attempts if attempt.done()]

    def failure(self, attempt: asyncio.Task[None]) -> OSError | None:
        """Return why an attempt failed."""
        problem = attempt.exception()
        if problem is not None and not isinstance(problem, OSError):
            raise problem
        return problem

    def close(self, attempt: asyncio.Task[None]) -> None:
        """End the attempt and close its socket."""
        sock = self._sockets[attempt]
        if not attempt.cancel() and not attempt.cancelled():
            attempt.exception()  # which is nobody's concern any more
        # The task ends in the loop's next turn; by then the descriptor may be somebody else's. Windows' loop has none.
        with contextlib.suppress(NotImplementedError):
            self._loop.remove_writer(sock)
        sock.close()

    def socket_of(self, attempt: asyncio.Task[None]) -> socket.socket:
        """Return the socket of an attempt."""
        return self._sockets[attempt]


class AsyncioBackend:
    """The running asyncio loop."""

    name = "asyncio"

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._alarm = Alarm(self.loop)
        self._streams: weakref.WeakSet[AsyncioStream] = weakref.WeakSet()
        self._until_the_end = _until_the_end(self._streams)
        with contextlib.suppress(StopIteration):
            self._until_the_end.__anext__().send(None)  # its first step, in which the loop gets to know it

    @staticmethod
    def is_running() -> bool:
        """Return whether an asyncio loop runs in this thread."""
        return asyncio._get_running_loop() is not None  # the public way to ask raises where there is none

    def is_current(self) -> bool:
        """Return whether this backend's loop is the one that runs here."""
        return asyncio._get_running_loop() is self.loop

    def is_over(self) -> bool:
        """Return whether the loop is closed."""
        return self.loop.is_closed()

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses of a host."""
        return await look_up(self, host, port, deadline)

    async def connect_tcp(
        self, addresses: list[Address], peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> AsyncioStream:
        """Try the addresses beside each other, before a deadline that is for all of them together."""
        if len(addresses) == 1:
            sock = await self._connected_alone(addresses[0], peer, deadline, settings)
        else:
            attempts = Attempts(self.loop, settings)
            sock = attempts.socket_of(await first_to_connect(addresses, attempts, peer, deadline))
        return await self._stream(sock, peer)

    async def _connected_alone(
        self, address: Address, peer: str, deadline: Deadline, settings: SocketSettings
    ) -> socket.socket:
        """Return a socket that is connected to the only address, without a task for it."""
        sock = None
        patience = asyncio.timeout(deadline.left())
        try:
            sock = new_socket(address[0], settings)
            async with patience:
                await self.loop.sock_connect(sock, address[1])
            return sock
        except BaseException as error:
            if sock is not None:
                sock.close()
            if isinstance(error, TimeoutError) and patience.expired():  # not the system's own
                raise ConnectTimeout(f"connecting to {peer} timed out {deadline.words}") from None
            if isinstance(error, OSError):
                raise ConnectError(refused(peer, [error])) from error
            raise

    async def connect_unix(
        self, path: str, peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> AsyncioStream:
        """Connect to the Unix socket at `path`."""
        return await self._stream(await connected_unix_socket(self, path, peer, deadline, settings), peer)

    async def _stream(self, sock: socket.socket, peer: str) -> AsyncioStream:
        """Return the stream over a connected socket."""
        try:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                _, stream = await self.loop.create_connection(lambda: AsyncioStream(self.loop, sock, peer), sock=sock)
            else:
                _, stream = await self.loop.create_unix_connection(
                    lambda: AsyncioStream(self.loop, sock, peer), sock=sock
                )
        except BaseException:
            sock.close()
            raise
        self._streams.add(stream)
        return stream

    async def within(self, seconds: float | None, work: Awaitable[T]) -> T:
        """Await `work`, and cancel it when time is over."""
        async with asyncio.timeout(seconds):
            return await work

    def waiter(self) -> AsyncioWaiter[typing.Any]:
        """Return a new promise between tasks."""
        return AsyncioWaiter(self._alarm)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop's next turn; not at all where the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(function)

    def call_later(self, seconds: float, function: Callable[[], None]) -> bool:
        """Call `function` in a while."""
        self.loop.call_later(seconds, function)
        return True

    def start(
        self, work: Callable[[], Coroutine[typing.Any, typing.Any, None]], ended: Callable[[BaseException | None], None]
    ) -> AsyncioTask:
        """Run `work` in a task of its own."""
        return AsyncioTask(self.loop, work, ended)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call what blocks in one of anyio's threads."""
        import anyio.to_thread  # for this alone, so that programs without files do not load it

        # Who is cancelled does not wait for a disk that may never answer; the thread ends with what it reads.
        return await anyio.to_thread.run_sync(function, abandon_on_cancel=True)
