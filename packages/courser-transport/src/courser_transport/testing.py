"""A network you write down: for tests of what is built on this package, without sockets and without sleeping.

    stream = ScriptedStream([expects(b"GET /"), sends(b"HTTP/1.1 204 No Content\\r\\n\\r\\n"), ends()])
    backend = ScriptedBackend([stream], waiters=ThreadBackend())

A script is a list of steps in the order in which they must happen. What the program writes must meet the next
`expects` or `hears`, what it reads is the next `sends`, `ends` or `breaks`; anything else is an `AssertionError` that
names the step. `hangs` lets a read find nothing: it times out, or is cancelled.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Awaitable, Callable

from ._backends.threads import ThreadBackend
from ._deadline import Deadline
from ._exceptions import ConnectError, ReadTimeout
from ._network import DEFAULT_SOCKETS, Address, Backend, SocketSettings, Waiter

T = typing.TypeVar("T")

__all__ = [
    "ScriptedBackend",
    "ScriptedStream",
    "ThreadBackend",
    "breaks",
    "ends",
    "expects",
    "hangs",
    "hears",
    "sends",
]


@dataclasses.dataclass
class expects:
    """The program writes bytes that begin with `start`."""

    start: bytes


@dataclasses.dataclass
class hears:
    """The program writes, in any number of steps, until all that it has written ends with `end`.

    Without this a peer that `sends` next does so before it has heard a request's body, which then goes no further.
    """

    end: bytes


@dataclasses.dataclass
class sends:
    """The program reads `data`; as the first step that is an answer to whatever it writes, and not a greeting."""

    data: bytes


@dataclasses.dataclass
class ends:
    """The program reads the peer's goodbye, now and ever after."""


@dataclasses.dataclass
class breaks:
    """What the program does next, reading or writing, raises `error`."""

    error: Exception


@dataclasses.dataclass
class hangs:
    """The program reads, and nothing comes."""


Step = expects | hears | sends | ends | breaks | hangs


class ScriptedStream:
    """A peer that follows a script; `written` is all that it was sent."""

    def __init__(self, steps: typing.Sequence[Step]) -> None:
        self.steps = list(steps)
        self.written: list[bytes] = []
        self.is_closed = False
        self._waiters: Backend | None = None

    def attach(self, waiters: Backend) -> None:
        """Use the waiters of this backend where a step hangs."""
        self._waiters = waiters

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return the bytes of the next step."""
        step = self.steps[0] if self.steps else None
        if isinstance(step, sends):
            del self.steps[0]
            return step.data
        if isinstance(step, ends):
            return b""
        if isinstance(step, breaks):
            del self.steps[0]
            raise step.error
        if isinstance(step, hangs):
            assert self._waiters is not None, "a stream that hangs belongs to a ScriptedBackend"
            await self._waiters.waiter().wait(timeout)
            raise ReadTimeout(f"reading from the script timed out after {timeout} s")
        raise AssertionError(f"the program reads, and the script goes on with {step}")

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Take bytes; they must be what the next step expects, if it expects any."""
        self.post(data)

    def post(self, data: bytes) -> bool:
        """Take bytes, all of them."""
        step = self.steps[0] if self.steps else None
        if isinstance(step, breaks):
            del self.steps[0]
            raise step.error
        self.written.append(data)
        if isinstance(step, expects):
            assert data.startswith(step.start), f"the program writes {data[:80]!r}, and the script goes on with {step}"
            del self.steps[0]
        elif isinstance(step, hears) and b"".join(self.written).endswith(step.end):
            del self.steps[0]
        return True

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Return: everything is accepted."""

    def share(self) -> ScriptedStream:
        """Return itself."""
        return self

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Take bytes, all of them."""
        if data:
            await self.write(bytes(data), timeout)
        return True

    def take(self) -> bytes | None:
        """Return what the next step sends, if it sends anything."""
        step = self.steps[0] if self.steps else None
        if isinstance(step, sends):
            del self.steps[0]
            return step.data
        return b"" if isinstance(step, ends) else None

    def is_readable(self) -> bool:
        """Return whether the next step sends something, a goodbye included."""
        step = self.steps[0] if self.steps else None
        return isinstance(step, ends) or (isinstance(step, sends) and bool(self.written))

    def close(self, farewell: bytes = b"") -> None:
        """Note that the program closed the stream."""
        self.is_closed = True

    def abandon(self) -> None:
        """Note that the program gave the stream up."""
        self.is_closed = True

    def extra(self, name: str) -> typing.Any:
        """Return None: there is nothing behind a script."""
        return None


class ScriptedBackend:
    """A network whose connections are `streams`, in this order; an exception in their place is raised.

    `waiters` is the real backend whose promises are used: that of the world the test runs in. `connected` lists who
    was connected to, `made` the streams to them, `slept` the pauses in seconds that were asked for.
    """

    name = "scripted"

    def __init__(self, streams: typing.Sequence[ScriptedStream | Exception], waiters: Backend) -> None:
        self._streams = list(streams)
        self._waiters = waiters
        self.connected: list[str] = []
        self.made: list[ScriptedStream] = []
        self.slept: list[float] = []

    def is_current(self) -> bool:
        """Return what the real backend says."""
        return self._waiters.is_current()

    def is_over(self) -> bool:
        """Return what the real backend says."""
        return self._waiters.is_over()

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return one address that means `host`."""
        return [(0, (host, port))]

    async def connect_unix(
        self, path: str, peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> ScriptedStream:
        """Return the next stream; `path` is noted as who was connected to."""
        return await self.connect_tcp([], path, deadline, settings)

    async def connect_tcp(
        self, addresses: list[Address], peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> ScriptedStream:
        """Return the next stream."""
        self.connected.append(peer)
        if not self._streams:
            raise ConnectError(f"connecting to {peer} failed: the script has no more connections")
        stream = self._streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        stream.attach(self._waiters)
        self.made.append(stream)
        return stream

    async def within(self, seconds: float | None, work: Awaitable[T]) -> T:
        """Await `work` as the real backend does."""
        return await self._waiters.within(seconds, work)

    def waiter(self) -> Waiter[typing.Any]:
        """Return a promise of the real backend."""
        return self._waiters.waiter()

    async def sleep(self, seconds: float) -> None:
        """Note the pause, in `slept`, and take none."""
        self.slept.append(seconds)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` as the real backend does."""
        self._waiters.call_soon(function)

    def call_later(self, seconds: float, function: Callable[[], None]) -> bool:
        """Call `function` as the real backend does."""
        return self._waiters.call_later(seconds, function)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call what blocks as the real backend does."""
        return await self._waiters.in_thread(function)
