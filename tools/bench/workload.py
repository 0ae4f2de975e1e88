"""The loop around the clock: connect, settle, then measure a stretch of one uninterrupted run.

The concurrency never drops while the clock runs. Measured in batches instead, every batch starts with all connections
idle and ends with most of them idle again; some pools look at each idle connection for every request, so short
batches showed such clients at twice what they cost in service, and the slower a client was the shorter its batch.

The loop is the same for every client: it awaits the operation, compares the answer with the expected one, and takes
the next ticket. What it costs itself is in the floor's figure too.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat

from clients.adapter import Answer


class WrongAnswer(Exception):
    """A client returned another status or another number of bytes than the server sent."""


class Stopwatch:
    """Gives out the tickets, and reads the clocks when the measured stretch begins and ends.

    Afterwards `count` says how many operations fell into the stretch, `cpu` and `wall` how many seconds it took:
    processor time of this process, and time on the wall.
    """

    count: int
    cpu: float
    wall: float

    def __init__(self, concurrency: int, seconds: float) -> None:
        self._concurrency = concurrency
        self._seconds = seconds

    def tickets(self) -> Iterator[None]:
        """Give one ticket for each operation to start, shared by all who work.

        The first ones open the connections. Then every connection has at least one more turn, and a while passes,
        before the clocks start; the stretch, too, is at least one turn of every connection.
        """
        yield from repeat(None, self._concurrency)
        yield from self._for_a_while(self._seconds / 2)
        gc.collect()
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

    async def one_after_another() -> None:
        for _ in tickets:
            answer = await operation()
            if answer != expected:
                raise WrongAnswer(f"expected status and length {expected}, got {answer}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(one_after_another())
    return stopwatch


def measure_sync(operation: Callable[[], Answer], expected: Answer, seconds: float) -> Stopwatch:
    stopwatch = Stopwatch(1, seconds)
    for _ in stopwatch.tickets():
        answer = operation()
        if answer != expected:
            raise WrongAnswer(f"expected status and length {expected}, got {answer}")
    return stopwatch
