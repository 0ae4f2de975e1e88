"""Names to addresses, otherwise than by the system: a `Resolver` that the user brings, and a memory of answers.

A resolver answers with IP addresses and nothing else; the port stays that of the URL, and so do the `Host` field and
the name that TLS asks for and checks.
"""

from __future__ import annotations

import collections
import inspect
import os
import threading
import time
import typing
from collections.abc import Awaitable, Callable, Iterable

from ._aside import aside
from ._backends._reasons import reason
from ._deadline import Deadline
from ._exceptions import ConnectError, ConnectTimeout
from ._network import Address, Backend, Waiter

if typing.TYPE_CHECKING:
    from ._dial_settings import AddressTypes

T = typing.TypeVar("T")


class Resolver(typing.Protocol):
    """Somebody who knows addresses.

    >>> class Fixed:
    ...     def resolve(self, host: str, port: int) -> list[str]:
    ...         return ["192.0.2.1", "2001:db8::1"]
    """

    def resolve(self, host: str, port: int) -> Iterable[AddressTypes] | Awaitable[Iterable[AddressTypes]]:
        """Return the IP addresses of `host`, best first; `port` is what will be connected to there.

        May be `async def` for an async client. A plain one is called in a thread, in either client, so that it can
        block and the time limit holds all the same; it has to bear several calls at once. `host` is in ASCII, lower
        case, and never an IP address. What it raises becomes a `ConnectError`, and so does an empty answer.
        """
        ...


async def ask(resolver: Resolver, backend: Backend, host: str, port: int, deadline: Deadline) -> list[str]:
    """Return what the user's resolver answers, checked, before `deadline`.

    Raises `ConnectError`, `ConnectTimeout`.
    """
    try:
        if inspect.iscoroutinefunction(resolver.resolve):
            answer = await _in_time(backend, resolver.resolve(host, port), host, deadline)
        else:
            name = f"courser resolver for {host}"
            call = await aside(backend, name, lambda: resolver.resolve(host, port), deadline.left())
            if call is None:
                raise _took_too_long(host, deadline)
            answer = call.result()
            if inspect.isawaitable(answer):
                answer = await _in_time(backend, answer, host, deadline)
    except (ConnectError, ConnectTimeout):
        raise
    except Exception as error:
        raise ConnectError(f"looking up {host} failed: {_name(resolver)} says {reason(error)}") from error
    return _checked(answer, host, resolver)


async def _in_time(backend: Backend, work: Awaitable[T], host: str, deadline: Deadline) -> T:
    """Await `work` and raise what it raises, or `ConnectTimeout`; a `TimeoutError` of its own is not ours."""
    try:
        answer, failure = await backend.within(deadline.left(), _outcome_of(work))
    except TimeoutError:
        raise _took_too_long(host, deadline) from None
    if failure is not None:
        raise failure
    return answer[0]


async def _outcome_of(work: Awaitable[T]) -> tuple[list[T], Exception | None]:
    try:
        return [await work], None
    except Exception as error:
        return [], error


def _took_too_long(host: str, deadline: Deadline) -> ConnectTimeout:
    return ConnectTimeout(f"looking up {host} timed out {deadline.words}")


def _name(resolver: Resolver) -> str:
    return f"the resolver {type(resolver).__name__}"


def _checked(answer: object, host: str, resolver: Resolver) -> list[str]:
    """Return the addresses of an answer as text; raises `ConnectError` for what is none."""
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise ConnectError(
            f"looking up {host} failed: {_name(resolver)} answered {answer!r}, and not with a list of IP addresses"
        )
    try:
        addresses = [address_text(address) for address in answer]
    except ValueError as error:
        raise ConnectError(f"looking up {host} failed: {_name(resolver)} answered with {error}") from error
    if not addresses:
        raise ConnectError(f"looking up {host} failed: {_name(resolver)} knows no address of it")
    return addresses


def address_text(address: object) -> str:
    """Return an IP address as text, without brackets; raises `ValueError` for anything else, a name included."""
    import ipaddress

    if isinstance(address, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return str(address)
    if isinstance(address, str):
        text = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            pass
    raise ValueError(f"{address!r}, which is no IP address")


class CachingResolver:
    """Remembers addresses for `ttl` seconds, of at most `size` hosts, and lets one look-up serve all who ask meanwhile.

    `resolver` is who is asked, None the system. Failures are not remembered, and the addresses of a host that could not
    be connected to are forgotten. One object may serve any number of clients, of both kinds. Default 30 s, 256 hosts:
    the system tells no times to live, so `ttl` is how late a change of address may be noticed.

    >>> from courser_transport import HTTPTransport
    >>> transport = HTTPTransport(resolver=CachingResolver(ttl=60.0))
    """

    def __init__(self, resolver: Resolver | None = None, ttl: float = 30.0, size: int = 256) -> None:
        if not ttl >= 0:
            raise ValueError(f"ttl must be a number of seconds from 0 on, it is {ttl}")
        if size < 1:
            raise ValueError(f"size must be at least 1, it is {size}")
        self.resolver = resolver
        self._ttl = ttl
        self._size = size
        # One who asks may be finalised by a garbage collection at any line, those under the lock included.
        self._lock = threading.RLock()
        self._known: collections.OrderedDict[tuple[str, int], tuple[float, list[Address]]] = collections.OrderedDict()
        self._flights: dict[tuple[Backend, str, int], _Flight] = {}
        self._process = os.getpid()

    def clear(self) -> None:
        """Forget all addresses."""
        with self._lock:
            self._known.clear()

    def forget(self, host: str, port: int) -> None:
        """Forget the addresses of one host, as it is connected to at one port."""
        with self._lock:
            self._known.pop((host, port), None)

    async def find(
        self,
        backend: Backend,
        host: str,
        port: int,
        deadline: Deadline,
        look_up: Callable[[], Awaitable[list[Address]]],
    ) -> list[Address]:
        """Return the addresses that are known, or those that `look_up` finds, for all who ask here meanwhile.

        Who looks up and gives up leaves it to one of those who wait. Each world has look-ups of its own, because nobody
        can wait for another's.
        """
        while True:
            news: Waiter[_Outcome] = backend.waiter()
            with self._lock:
                self._begin_anew_after_a_fork()
                known = self._of(host, port)
                if known is not None:
                    return known
                flight = self._flights.get((backend, host, port))
                if flight is None:
                    flight = self._flights[backend, host, port] = _Flight((backend, host, port))
                    break
                flight.waiting.append(news)
                if self._flights.get(flight.key) is not flight:  # a garbage collection ended it just now
                    continue
            outcome = await self._wait(flight, news, deadline)
            if isinstance(outcome, list):
                return list(outcome)
            if isinstance(outcome, ConnectError):
                raise ConnectError(str(outcome)) from outcome
            break  # who looked up has given up, and it is our turn
        return await self._lead(flight, look_up)

    async def _wait(self, flight: _Flight, news: Waiter[_Outcome], deadline: Deadline) -> _Outcome:
        outcome = None
        try:
            outcome = await news.wait(deadline.left())
        finally:
            if outcome is None and news.abandon() is _YOUR_TURN:
                self._pass_on(flight)
        if outcome is None:
            raise _took_too_long(flight.key[1], deadline)
        return outcome

    async def _lead(self, flight: _Flight, look_up: Callable[[], Awaitable[list[Address]]]) -> list[Address]:
        try:
            addresses = await look_up()
        except ConnectError as error:
            self._end(flight, error)
            raise
        except BaseException:  # cancelled, or out of time, which the others may have more of
            self._pass_on(flight)
            raise
        with self._lock:
            self._known[flight.key[1:]] = (time.monotonic() + self._ttl, addresses)
            self._known.move_to_end(flight.key[1:])
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        self._end(flight, addresses)
        return list(addresses)

    def _of(self, host: str, port: int) -> list[Address] | None:
        until, addresses = self._known.get((host, port), (0.0, []))
        if time.monotonic() < until:
            return list(addresses)
        self._known.pop((host, port), None)
        return None

    def _end(self, flight: _Flight, outcome: _Outcome) -> None:
        """Tell all who wait."""
        with self._lock:
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]
        for news in flight.waiting:
            news.deliver(outcome)

    def _pass_on(self, flight: _Flight) -> None:
        """Let the next of those who wait look up."""
        with self._lock:
            while flight.waiting:
                if flight.waiting.popleft().deliver(_YOUR_TURN):
                    return
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

    def _begin_anew_after_a_fork(self) -> None:
        if self._process != os.getpid():  # whoever looked up does so in the parent
            self._process = os.getpid()
            self._flights.clear()


class _YourTurn:
    """Says that who looked up has given up."""


_YOUR_TURN = _YourTurn()
_Outcome = list[Address] | ConnectError | _YourTurn


class _Flight:
    """A look-up that is under way in one world, and those who wait for it."""

    def __init__(self, key: tuple[Backend, str, int]) -> None:
        self.key = key
        self.waiting: collections.deque[Waiter[_Outcome]] = collections.deque()
