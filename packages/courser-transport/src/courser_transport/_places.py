"""What the pool keeps about one route: its connections, its queue, and what it grants to those who wait there.

A queue of a hundred thousand is not rare, so what one of them takes is little, and joining, being served and giving up
cost the same however many wait.
"""

from __future__ import annotations

import collections

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
