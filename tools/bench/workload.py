"""The loop around the clock: connect, settle, then measure a stretch of one uninterrupted run.

The concurrency never drops while the clock runs. Measured in batches instead, every batch starts with all connections
idle and ends with most of them idle again; some pools look at each idle connection for every request, so short
batches showed such clients at twice what they cost in service, and the slower a client was the shorter its batch.

The loop is the same for every client: it awaits the operation, compares the answer with the expected one, notes how
long it took, and takes the next ticket. What it costs itself is in the floor's figure too.
"""

from __future__ import annotations

import asyncio
import gc
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat

from clients.adapter import Answer
from sample import Sample


class WrongAnswer(Exception):
    """A client returned another status or another number of bytes than the server sent."""


class Stopwatch:
    """Gives out the tickets, and reads the clocks when the measured stretch begins and ends.

    Afterwards `count` says how many operations fell into the stretch, `cpu` and `wall` how many seconds it took:
    processor time of this process, and time on the wall. `latencies` has the seconds of each of its operations.
    """

    count: int
    cpu: float
    wall: float

    def __init__(self, concurrency: int, seconds: float) -> None:
        self._concurrency = concurrency
        self._seconds = seconds
        self.latencies = array("d")

    def microseconds(self) -> Sample:
        """Return the sample of a scenario that counts what one operation costs."""
        return self._per_operation(1e6)

    def milliseconds(self) -> Sample:
        """Return the same for operations that cost more."""
        return self._per_operation(1e3)

    def megabytes(self, size: int) -> Sample:
        """Return the sample of a scenario that counts how many megabytes a second moves, `size` bytes an operation."""
        moved = self.count * size / 1e6
        return Sample(moved / self.cpu, self.count, moved / self.wall, self._percentile(50), self._percentile(99))

    def _per_operation(self, unit: float) -> Sample:
        scale = unit / self.count
        return Sample(self.cpu * scale, self.count, self.wall * scale, self._percentile(50), self._percentile(99))

    def _percentile(self, percent: int) -> float | None:
        """Return the latency that so many percent stay below, in milliseconds; `None` when they are too few to say."""
        if len(self.latencies) * (100 - percent) < 100:
            return None
        return sorted(self.latencies)[len(self.latencies) * percent // 100] * 1000

    def tickets(self) -> Iterator[None]:
        """Give one ticket for each operation to start, shared by all who work.

        The first ones open the connections. Then every connection has at least one more turn, and a while passes,
        before the clocks start; the stretch, too, is at least one turn of every connection.
        """
        yield from repeat(None, self._concurrency)
        yield from self._for_a_while(self._seconds / 2)
        gc.collect()
        del self.latencies[:]
        wall = time.perf_counter()
        cpu = time.process_time()  # user and system time of all our threads, to the nanosecond
        yield from self._for_a_while(self._seconds)
        self.cpu = time.process_time() - cpu
        self.wall = time.perf_counter() - wall

    def _for_a_while(self, seconds: float) -> Iterator[None]:
        until = time.perf_counter() + seconds
        self.count = 0
        while self.count < self._concurrency or time.perf_counter() < until:
            self.count += 1
            yield


async def measure_async(
    operation: Callable[[], Awaitable[Answer]], expected: Answer, concurrency: int, seconds: float
) -> Stopwatch:
    stopwatch = Stopwatch(concurrency, seconds)
    tickets = stopwatch.tickets()
    clock, note = time.perf_counter, stopwatch.latencies.append

    async def one_after_another() -> None:
        for _ in tickets:
            started = clock()
            answer = await operation()
            note(clock() - started)
            if answer != expected:
                raise WrongAnswer(f"expected status and length {expected}, got {answer}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(one_after_another())
    return stopwatch


def measure_sync(operation: Callable[[], Answer], expected: Answer, seconds: float) -> Stopwatch:
    stopwatch = Stopwatch(1, seconds)
    clock, note = time.perf_counter, stopwatch.latencies.append
    for _ in stopwatch.tickets():
        started = clock()
        answer = operation()
        note(clock() - started)
        if answer != expected:
            raise WrongAnswer(f"expected status and length {expected}, got {answer}")
    return stopwatch
