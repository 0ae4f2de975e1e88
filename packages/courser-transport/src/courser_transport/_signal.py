"""`Signal`: several tasks of one loop wait for something to change, and look again whenever it did."""

from __future__ import annotations

from ._deadline import Deadline
from ._network import Backend, Waiter


class Signal:
    """Wakes everybody who waits for it."""

    __slots__ = ("_backend", "_waiters")

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiters: list[Waiter[bool]] = []

    def give(self) -> None:
        """Wake those who wait now."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.deliver(True)

    async def wait(self, deadline: Deadline | None = None) -> bool:
        """Return when the signal is given, or with False when the deadline has passed, however often it is given."""
        left = None if deadline is None else deadline.left()
        if left == 0:
            return False
        waiter: Waiter[bool] = self._backend.waiter()
        self._waiters.append(waiter)
        try:
            return await waiter.wait(left) is True
        finally:
            waiter.abandon()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
