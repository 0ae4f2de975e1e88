"""A point in time that several steps share, so that together they take no longer than their limit."""

from __future__ import annotations

import time


class Deadline:
    """`limit` seconds from now; None never comes."""

    __slots__ = ("_at", "_words", "limit")

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._at = None if limit is None else time.monotonic() + limit
        self._words = ""

    @classmethod
    def of_exchange(cls, limit: float) -> Deadline:
        """Return the deadline of a whole exchange, which says so in messages."""
        deadline = cls(limit)
        deadline._words = f"{limit} s after the request began (the total limit)"
        return deadline

    def left(self) -> float | None:
        """Return the seconds that are left, 0 once it has passed; None where it never comes."""
        return None if self._at is None else max(self._at - time.monotonic(), 0.0)

    def within(self, limit: float | None) -> Deadline:
        """Return a deadline `limit` seconds from now, or this one where it comes before."""
        left = self.left()
        return Deadline(limit) if left is None or (limit is not None and limit < left) else self

    def again(self) -> Deadline:
        """Return the same limit from now; that of an exchange goes on."""
        return self if self._words else Deadline(self.limit)

    def left_of_exchange(self) -> float | None:
        """Return the seconds that are left of the exchange; None where this is the deadline of one step alone."""
        return self.left() if self._words else None

    @property
    def words(self) -> str:
        """When it comes, for messages: `after 5.0 s`."""
        return self._words or f"after {self.limit} s"


_NEVER = Deadline(None)


def earliest(limit: float | None, total: Deadline | None) -> Deadline:
    """Return a deadline `limit` seconds from now, or `total` where there is one and it comes before."""
    if total is None:
        return _NEVER if limit is None else Deadline(limit)
    return total.within(limit)
