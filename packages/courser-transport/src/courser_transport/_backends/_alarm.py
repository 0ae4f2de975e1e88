"""`Alarm`: one timer of an asyncio loop for all who wait with a limit.

A timer of the loop's own for each would be a handle, its arguments, a method and a context: four objects more for the
garbage collector to look at while somebody waits, and most of them are cancelled.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
import typing


class Sleeper(typing.Protocol):
    """Somebody who waits."""

    def wake(self) -> None:
        """Hear that time is over."""
        ...


# When, the number under which it was set, and who is woken then: None where it was turned off.
Entry = list[typing.Any]


class Alarm:
    """Wakes many, each at his time, with one timer for the next of them."""

    __slots__ = ("_entries", "_loop", "_numbers", "_on", "_timer", "_timer_due")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._entries: list[Entry] = []  # a heap; some have been turned off
        self._on = 0  # how many have not
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0

    def set(self, seconds: float, sleeper: Sleeper) -> Entry:
        """Wake `sleeper` in so many seconds, unless what this returns is turned off before.

        What is no number of seconds from 0 on, NaN among it, is no time at all: it must not confuse the others' order.
        """
        seconds = max(0.0, seconds)
        due = time.monotonic() + seconds
        if len(self._entries) > 2 * self._on + 8:
            self._entries = [entry for entry in self._entries if entry[2] is not None]
            heapq.heapify(self._entries)
        entry: Entry = [due, next(self._numbers), sleeper]
        heapq.heappush(self._entries, entry)
        self._on += 1
        if self._timer is None:
            self._set_timer(seconds, due)
        elif due < self._timer_due:
            self._timer.cancel()
            self._set_timer(seconds, due)
        return entry

    def turn_off(self, entry: Entry) -> None:
        """Wake nobody, if that is still to come; the entry holds nobody any more."""
        if entry[2] is not None:
            entry[2] = None
            self._on -= 1

    def _set_timer(self, seconds: float, due: float) -> None:
        self._timer_due = due
        self._timer = self._loop.call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        entries, now = self._entries, time.monotonic()
        while entries:
            due, _, sleeper = entries[0]
            if sleeper is not None:
                if due > now:
                    self._set_timer(due - now, due)
                    return
                self.turn_off(entries[0])
                sleeper.wake()
            heapq.heappop(entries)
