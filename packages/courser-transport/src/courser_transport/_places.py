"""The pool's books: which places there are, who has them, and who gets the next. Nothing is read or awaited here.

All but the counts is asked and changed under the pool's lock. What holds for them stands at the top of `_pool.py`.

A queue of a hundred thousand is not rare, so what one of them takes is little, and joining, being served and giving up
cost the same however many wait.
"""

from __future__ import annotations

import collections
import heapq
import itertools
import time

from ._config import Limits
from ._connection import Connection
from ._network import Waiter
from ._route import Route


class Permit:
    """A place without a connection: whoever is granted it makes one."""


class Closed:
    """What waiters are granted when the pool closes."""


PERMIT = Permit()
CLOSED = Closed()

Grant = Connection | Permit | Closed


class Place:
    """What the pool knows of one route."""

    __slots__ = ("connected", "expected", "idle", "open", "route", "shared", "waiters", "waiting")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.open = 0
        """How many places it has: lent, idle and connecting."""
        self.connected = 0
        """How many of them are connections."""
        self.idle: collections.deque[Connection] = collections.deque()
        self.shared: list[Connection] = []
        """Those that are lent, and have room for more."""
        self.expected: int | None = None
        """How many exchanges a connection on its way will serve at once; None where that is not known."""
        self.waiters: collections.deque[Waiter[Grant]] = collections.deque()
        """Who waits, the oldest first; behind the first may be some who have left."""
        self.waiting = 0
        """How many of them wait."""

    @property
    def first(self) -> int | None:
        """The number of the oldest waiter, None where nobody waits."""
        return self.waiters[0].number if self.waiters else None

    def join(self, waiter: Waiter[Grant], number: int) -> None:
        """Let `waiter` wait behind all others."""
        waiter.number = number
        self.waiters.append(waiter)
        self.waiting += 1

    def next(self) -> Waiter[Grant]:
        """Take the oldest waiter out of the queue."""
        waiter = self.waiters.popleft()
        waiter.number = None
        self.waiting -= 1
        self._let_the_gone_go()
        return waiter

    def leave(self, waiter: Waiter[Grant]) -> None:
        """Take a waiter out of the queue; in the middle its place stays until those before it have gone, or most."""
        waiter.number = None
        self.waiting -= 1
        if len(self.waiters) > 2 * self.waiting + 8:
            self.waiters = collections.deque([other for other in self.waiters if other.number is not None])
        else:
            self._let_the_gone_go()

    def dismiss(self) -> list[Waiter[Grant]]:
        """Take all out of the queue and return them."""
        dismissed = [waiter for waiter in self.waiters if waiter.number is not None]
        for waiter in dismissed:
            waiter.number = None
        self.waiters.clear()
        self.waiting = 0
        return dismissed

    def _let_the_gone_go(self) -> None:
        waiters = self.waiters
        while waiters and waiters[0].number is None:
            waiters.popleft()


class Places:
    """All places, and the queue for them; the base of `ConnectionPool`."""

    def __init__(self, limits: Limits, http1: bool, http2: bool) -> None:
        self.limits = limits
        self._http1 = http1
        self._http2 = http2
        # Origins that chose HTTP/1.1: nobody waits to learn it again.
        self._http1_origins: set[Route] = set()
        self._open = 0
        self._waiting = 0
        self._requests = 0
        self._reused = 0
        self._made = 0
        self._connections: set[Connection] = set()
        self._places: dict[Route, Place] = {}
        # All idle connections, oldest first.
        self._idle_by_age: collections.OrderedDict[Connection, None] = collections.OrderedDict()
        # Origins whose oldest waiter needs nothing but a place, by that waiter's number; some entries are out of date.
        self._line: list[tuple[int, Route]] = []
        self._numbers = itertools.count()

    # Who waits

    def _join(self, place: Place, waiter: Waiter[Grant]) -> None:
        place.join(waiter, next(self._numbers))
        self._waiting += 1
        if place.waiting == 1:
            self._stand_in_line(place)

    def _stand_in_line(self, place: Place) -> None:
        """Let the oldest waiter of an origin, if there is one, be served by a place that comes free anywhere."""
        first = place.first
        if first is None or not self._may_have_one_more(place):
            return
        if len(self._line) > 2 * len(self._places) + 8:  # mostly those who gave up
            self._line = [
                (other.first, other.route)
                for other in self._places.values()
                if other.first is not None and self._may_have_one_more(other)
            ]
            heapq.heapify(self._line)
        else:
            heapq.heappush(self._line, (first, place.route))

    def _may_have_one_more(self, place: Place) -> bool:
        own = self.limits.max_connections_per_origin
        return (own is None or place.open < own) and not (self._http2 and self._is_negotiating(place))

    def _next_in_line(self, place: Place, is_empty: bool) -> Place | None:
        """Return the place of the oldest waiter that a place of `place` can serve; None where there is none.

        Its own waiters can always be served with it, unless it `is_empty` and they wait for a connection that is on
        its way; those of another origin if that may have one place more.
        """
        own = self.limits.max_connections_per_origin
        while self._line:
            number, route = self._line[0]
            other = self._places.get(route)
            if other is not None and other.first == number and (own is None or other.open < own):
                first = number if other is place else place.first
                if first is None or number <= first:
                    heapq.heappop(self._line)
                    return other
                break
            heapq.heappop(self._line)  # out of date
        if not place.waiters or (is_empty and self._http2 and self._is_negotiating(place, besides=1)):
            return None
        return place

    # Sharing

    def _is_negotiating(self, place: Place, besides: int = 0) -> bool:
        """Return whether a connection is on its way that may serve one more of those who wait.

        `besides` is how many of its places have come free, and are connecting to nobody.
        """
        connecting = place.open - place.connected - besides
        if connecting < 1 or not self._may_share(place.route):
            return False
        return place.expected is None or place.waiting < connecting * place.expected

    def _may_share(self, route: Route) -> bool:
        """Return whether a connection by `route` may turn out to speak HTTP/2."""
        return self._http2 and (route not in self._http1_origins if route.scheme == "https" else not self._http1)

    def _has_shared(self, place: Place) -> bool:
        """Return whether a lent connection has room for more."""
        if place.shared and self.limits.max_connection_age is not None:
            for connection in list(place.shared):
                self._offer(place, connection)  # not any more, where it has grown too old meanwhile
        return bool(place.shared)

    def _share(self, place: Place) -> Connection:
        """Take a share of the connection that has the fewest exchanges under way."""
        shared = place.shared
        connection = shared[0] if len(shared) == 1 else min(shared, key=_taken)
        connection.idle_until = None  # nobody needs to ask whether it has been idle for too long
        self._lend(place, connection)
        return connection

    def _lend(self, place: Place, connection: Connection) -> None:
        connection.taken += 1
        self._offer(place, connection)

    def _offer(self, place: Place, connection: Connection) -> None:
        """Let a connection be shared as long as it has room."""
        has_room = 0 < connection.taken < connection.capacity
        if has_room != (connection in place.shared):
            if has_room:
                place.shared.append(connection)
            else:
                place.shared.remove(connection)

    def _share_out(self, place: Place) -> None:
        """Let those who wait for an origin share its connections, the oldest first."""
        while place.waiters and place.shared:
            waiter = place.next()
            self._waiting -= 1
            connection = self._share(place)
            if not waiter.deliver(connection):
                connection.taken -= 1
                self._offer(place, connection)
        if place.waiters:
            self._stand_in_line(place)

    # What goes

    def _remove_idle(self, connection: Connection) -> Connection:
        """Take an idle connection and its place out of the pool; it is the oldest of its origin."""
        del self._idle_by_age[connection]
        place = self._places[connection.route]
        if place.idle[0] is connection:
            place.idle.popleft()
        else:
            place.idle.remove(connection)
        self._forget_connection(connection)
        self._give_up_place(place)
        return connection

    def _give_up_place(self, place: Place) -> None:
        """Have one place less in use by an origin, whose oldest waiter may be the next to need one."""
        self._open -= 1
        place.open -= 1
        self._stand_in_line(place)
        self._forget_place(place)

    def _forget_connection(self, connection: Connection) -> None:
        """Make a connection a place without one."""
        self._connections.remove(connection)
        place = self._places[connection.route]
        place.connected -= 1
        if connection in place.shared:
            place.shared.remove(connection)

    def _forget_place(self, place: Place) -> None:
        if not place.open and not place.waiters and self._places.get(place.route) is place:
            del self._places[place.route]

    # Telling

    @property
    def open(self) -> int:
        """How many places are taken: lent, idle and connecting together."""
        return self._open

    @property
    def idle(self) -> int:
        """How many connections nothing uses."""
        return len(self._idle_by_age)

    @property
    def lent(self) -> int:
        """How many connections serve a request."""
        return len(self._connections) - len(self._idle_by_age)

    @property
    def connecting(self) -> int:
        """How many connections are being made."""
        return self._open - len(self._connections)

    @property
    def waiting(self) -> int:
        """How many requests wait for a connection."""
        return self._waiting

    def _state(self) -> str:
        limit = self.limits.max_connections
        return (
            f"{self._open} of {'any number' if limit is None else limit} connections are open "
            f"({self.lent} in use, {self.idle} idle, {self.connecting} connecting), {self.waiting} requests wait"
        )

    def _longest_use(self) -> str:
        """Return how long the connection that was lent first is in use: its response may be one that nobody reads."""
        lent = [connection.lent_at for connection in list(self._connections) if connection not in self._idle_by_age]
        return f"; the longest in use has been for {time.monotonic() - min(lent):.1f} s" if lent else ""


def _taken(connection: Connection) -> int:
    return connection.taken
