"""The seam: what the rest of the transport needs from a world, and nothing more.

Above it there are no sockets, loops or threads; below it there is no HTTP. A world that implements these Protocols
runs everything. Errors are final here already: a stream raises `ReadTimeout` or `WriteError` itself, and the
sentence names the peer.
"""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Coroutine

from ._deadline import Deadline

T = typing.TypeVar("T")

# What `connect_tcp` dials: the family and the socket address, as `getaddrinfo` gives them.
Address = tuple[int, tuple[typing.Any, ...]]

# The arguments of `socket.setsockopt`: level, option and value; or level, option, None and a length.
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

READ_SIZE = 65536

# Where much is on its way. From 128 KiB on the C library may map and unmap memory for each read.
LARGE_READ_SIZE = 126976


class SocketSettings(typing.NamedTuple):
    """How sockets are made: `options` are set, after those that are set by default, and `local_address` is bound to.

    TCP_NODELAY and SO_KEEPALIVE are set by default where the network is TCP.
    """

    options: tuple[SocketOption, ...] = ()
    local_address: str | None = None


DEFAULT_SOCKETS = SocketSettings()


class Stream(typing.Protocol):
    """Bytes to and from one peer."""

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, waiting at most `timeout` seconds for something; `b""` is the peer's goodbye.

        `limit` says how many bytes are wanted at once; a world that is handed its bytes may give more. Raises
        `ReadTimeout`, `ReadError`.
        """
        ...

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when all of `data` is accepted, with at most `timeout` seconds between two acceptances.

        Raises `WriteTimeout`, `WriteError`.
        """
        ...

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Send `data`, waiting once at most, and not while there is something to read; return whether all is accepted.

        What is not accepted by then is kept, and leaves with the next push or write, which may be of nothing. So a
        peer that answers before it has heard everything is heard, and two that talk at once do not wait for each
        other. Raises `WriteTimeout` where the wait of `timeout` seconds was in vain, `WriteError`.
        """
        ...

    def take(self) -> bytes | None:
        """Return what has arrived already, without waiting: None is nothing, `b""` the peer's goodbye."""
        ...

    def is_readable(self) -> bool:
        """Return whether something is there to read, a goodbye included."""
        ...

    def close(self, farewell: bytes = b"") -> None:
        """Close at once, from anywhere, any number of times; `farewell` is sent if that needs no waiting."""
        ...

    def abandon(self) -> None:
        """Give the descriptor back without a word: the loop that served it is gone, or the process has forked."""
        ...

    def extra(self, name: str) -> typing.Any:
        """Return `"socket"`, `"ssl_object"`, `"peer_address"` or `"local_address"`; None where there is none."""
        ...

    def share(self) -> SharedStream:
        """Return the same connection for several at once; this object is not used any more."""
        ...


class SharedStream(Stream, typing.Protocol):
    """Bytes to and from one peer, where one reads while others write. Instead of `write` and `push` it has `post`."""

    def post(self, data: bytes) -> bool:
        """Send what is accepted at once, and keep the rest; return whether nothing is left here.

        The rest leaves first of all with the next post, which may be of nothing. So what is posted by one after the
        other leaves in this order and whole, whoever is cancelled meanwhile. One at a time may post. Raises
        `WriteError`.
        """
        ...

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Return when a post may get rid of more, or, if so asked, when there is something to read.

        Where nothing is left from before that is now, after others had a turn to run. One at a time may wait. Raises
        `WriteTimeout`, `WriteError`.
        """
        ...


class Waiter(typing.Protocol[T]):
    """One promise between somebody who releases and somebody who waits."""

    number: int | None
    """The pool's: under which number it came, as long as it stands in a queue; made as None."""

    def deliver(self, grant: T) -> bool:
        """Hand `grant` over; False says that nobody is waiting any more, and the giver keeps it."""
        ...

    def wait(self, timeout: float | None) -> Awaitable[T | None]:
        """Return the grant, or None when `timeout` seconds are over; whoever does not get it abandons it."""
        ...

    def abandon(self) -> T | None:
        """Stop waiting; a grant that came already is returned, and is the caller's to pass on."""
        ...


class Backend(typing.Protocol):
    """One world: threads, or an event loop."""

    name: str

    def is_current(self) -> bool:
        """Return whether the caller is in this world: in its event loop, or in any thread."""
        ...

    def is_over(self) -> bool:
        """Return whether this world has ended: its event loop is closed, and nothing of it can be awaited again."""
        ...

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses of a host; raises `ConnectError`, `ConnectTimeout`."""
        ...

    async def connect_tcp(
        self, addresses: list[Address], peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> Stream:
        """Return a stream to the first of `addresses` that answers; `peer` is its name in errors.

        Several are tried beside each other (RFC 8305). Raises `ConnectError`, and `ConnectTimeout` at the deadline,
        which is for all addresses together.
        """
        ...

    async def connect_unix(
        self, path: str, peer: str, deadline: Deadline, settings: SocketSettings = DEFAULT_SOCKETS
    ) -> Stream:
        """Return a stream to the Unix socket at `path`; raises `ConnectError`, `ConnectTimeout`."""
        ...

    async def within(self, seconds: float | None, work: Awaitable[T]) -> T:
        """Await `work`, which is not ours; raises `TimeoutError` when `seconds` are over, and cancels it then."""
        ...

    def waiter(self) -> Waiter[typing.Any]:
        """Return a new promise."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in this world; may be asked for by any thread, and by a garbage collection anywhere."""
        ...

    def call_later(self, seconds: float, function: Callable[[], None]) -> bool:
        """Call `function` in a while, beside whatever else runs; False where nothing can run beside."""
        ...

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call what blocks, a file's `read`, without keeping the event loop from others; return its result."""
        ...


class Task(typing.Protocol):
    """Something that runs beside everything else."""

    def cancel(self) -> None:
        """Have it end where it waits next, or before it begins; any number of times."""
        ...


class LoopBackend(Backend, typing.Protocol):
    """An event loop, in which something can run beside whoever asks for it."""

    def start(
        self, work: Callable[[], Coroutine[typing.Any, typing.Any, None]], ended: Callable[[BaseException | None], None]
    ) -> Task:
        """Run `work` in a task that belongs to no scope of the caller's, with a copy of his context variables.

        `ended` is called when it has ended, with what it raised; None for nothing, and for a cancellation.
        """
        ...
