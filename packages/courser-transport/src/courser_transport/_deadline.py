"""A point in time that several steps share, so that together they take no longer than their limit."""

from __future__ import annotations

import time


class Deadline:
    """`limit` seconds from now; None never comes."""

    __slots__ = ("_at", "limit")

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._at = None if limit is None else time.monotonic() + limit

    def left(self) -> float | None:
        """Return the seconds that are left, 0 once it has passed; None where it never comes."""
        return None if self._at is None else max(self._at - time.monotonic(), 0.0)
