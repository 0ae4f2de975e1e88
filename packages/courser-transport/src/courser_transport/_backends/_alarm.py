"""`Alarm`: one timer of an asyncio loop for all who wait with a limit.

A timer of the loop's own for each would be a handle, its arguments, a method and a context: four objects more for the
garbage collector to look at while somebody waits, and most of them are cancelled. Here they stand in rows, one for each
tick of a clock, so that nobody needs an object at all. Who waits is woken at the end of his tick, never before his
time.
"""

from __future__ import annotations

import asyncio
import heapq
import time
import typing

TICKS = 128
"""How many there are in a second."""

LONGEST = 1e9
"""Seconds, some thirty years; whoever waits for longer is woken then."""


class Sleeper(typing.Protocol):
    """Somebody who waits."""

    def wake(self) -> None:
        """Hear that time is over."""
        ...


class Alarm:
    """Wakes many, each at his time, with one timer for the next of them."""

    __slots__ = ("_rows", "_ticks", "_timer", "_timer_tick", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # Who is woken at the end of which tick, in the order they came; none of the rows is empty.
        self._rows: dict[int, dict[Sleeper, None]] = {}
        self._ticks: list[int] = []  # a heap of all that have a row, and of some that had one
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick = 0

    def set(self, seconds: float, sleeper: Sleeper) -> int:
        """Wake `sleeper` in so many seconds, unless what this returns is turned off before.

        What is no number of seconds from 0 on, NaN among it, is no time at all.
        """
        if not 0.0 <= seconds <= LONGEST:
            seconds = LONGEST if seconds > LONGEST else 0.0
        tick = int((time.monotonic() + seconds) * TICKS) + 1
        row = self._rows.get(tick)
        if row is not None:
            row[sleeper] = None
            return tick
        if len(self._ticks) > 2 * len(self._rows) + 8:
            self._ticks = list(self._rows)
            heapq.heapify(self._ticks)
        self._rows[tick] = {sleeper: None}
        heapq.heappush(self._ticks, tick)
        if self._timer is None or tick < self._timer_tick:
            self._set_timer(tick)
        return tick

    def turn_off(self, tick: int, sleeper: Sleeper) -> None:
        """Let `sleeper` sleep on, of whom `set` returned `tick`."""
        row = self._rows.get(tick)
        if row is not None:
            row.pop(sleeper, None)
            if not row:
                del self._rows[tick]

    def _set_timer(self, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_tick = tick
        self._timer = self.loop.call_later(max(0.0, tick / TICKS - time.monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic() * TICKS
        while self._ticks:
            tick = self._ticks[0]
            if tick > now and tick in self._rows:
                self._set_timer(tick)
                return
            heapq.heappop(self._ticks)
            for sleeper in self._rows.pop(tick, ()):
                sleeper.wake()
