"""What the pool keeps about one route, and what it grants to those who wait."""

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

    __slots__ = ("connected", "expected", "idle", "open", "route", "shared", "waiters")

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
        self.waiters: collections.OrderedDict[Waiter[Grant], int] = collections.OrderedDict()
        """Who waits, with the number under which they came; the oldest first."""

    @property
    def first(self) -> int:
        """The number of the oldest waiter."""
        return next(iter(self.waiters.values()))
