"""Many requests that wait for few connections: each costs the same, however many wait.

Python's garbage collector runs, as in any program: it looks at all that waits again and again, so that what a waiting
request holds shows here; so does what any tasks cost that wait, which is half of the difference. A run of less than the
full count measures for milliseconds, and may differ by more.

A machine is seldom alone with this process, and what others do to its caches makes any second of work cost a fifth
more. So each number is sent as many requests, cut into the same small parts, and of each part the cheapest round
counts; of the collector, which may come in one part or in the next, the cheapest round as a whole.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import courser

from ..servers.tiny import run_tiny

FEWEST = 100
FULL = 100_000
MAY_DIFFER = 1.2
MAY_DIFFER_IN_SHORT = 2.0
ROUNDS = 7

# A request is created, begun and answered; after so many of these a part ends.
PART = 1000


class Meter:
    """The time of this process, part by part, and apart from that the collector's."""

    def __init__(self) -> None:
        self.parts: list[float] = []
        self.of_collector = 0.0
        self._events = 0
        self._collecting_since = 0.0
        self._began = time.process_time()
        gc.callbacks.append(self._collect)

    def count(self) -> None:
        """Hear of an event."""
        self._events += 1
        if self._events % PART == 0:
            self._end_part()

    def end(self) -> None:
        """Hear that it was the last one."""
        self._end_part()
        gc.callbacks.remove(self._collect)

    def _end_part(self) -> None:
        now = time.process_time()
        self.parts.append(now - self._began)
        self._began = now

    def _collect(self, phase: str, info: dict[str, Any]) -> None:
        now = time.process_time()
        if phase == "start":
            self._collecting_since = now
        else:
            self.of_collector += now - self._collecting_since
            self._began += now - self._collecting_since


def run(seed: int, count: int) -> str:
    """Queue 100, then ten times as many, and so on up to `count`, on 10 connections."""
    numbers = [FEWEST]
    while numbers[-1] * 10 <= count:
        numbers.append(numbers[-1] * 10)
    limits = courser.Limits(max_connections=10)

    async def measure(client: courser.AsyncClient, url: str, waiting: int) -> Meter:
        """Send `count` requests, of which so many are there at a time."""
        request = client.build_request("GET", url)
        gc.collect()
        meter = Meter()
        for _ in range(count // waiting):
            async with asyncio.TaskGroup() as group:
                for _ in range(waiting):
                    group.create_task(send(client, request, meter))
                    meter.count()
        meter.end()
        return meter

    async def send(client: courser.AsyncClient, request: courser.Request, meter: Meter) -> None:
        meter.count()
        assert (await client.send(request)).content == b"hello"
        meter.count()

    async def main(url: str) -> dict[int, list[Meter]]:
        measured: dict[int, list[Meter]] = {number: [] for number in numbers}
        async with courser.AsyncClient(limits=limits, timeout=300.0) as client:
            await measure(client, url, FEWEST)
            for _ in range(ROUNDS):
                for number in numbers:
                    measured[number].append(await measure(client, url, number))
        return measured

    with tempfile.TemporaryDirectory() as folder, run_tiny(Path(folder)) as url:
        measured = asyncio.run(main(url))
    costs = {number: cost(meters) / (count // number * number) * 1e6 for number, meters in measured.items()}
    told = ", ".join(f"{micros:.1f} µs at {number}" for number, micros in costs.items())
    may_differ = MAY_DIFFER if count >= FULL else MAY_DIFFER_IN_SHORT
    assert max(costs.values()) <= may_differ * min(costs.values()), told
    return told


def cost(meters: list[Meter]) -> float:
    """Return the seconds that the work of one round takes where nobody disturbs it."""
    parts = zip(*(meter.parts for meter in meters), strict=True)
    return sum(min(part) for part in parts) + min(meter.of_collector for meter in meters)
