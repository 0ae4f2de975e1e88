"""Many requests that wait for few connections: each costs the same, however many wait.

Python's garbage collector runs, as in any program: it looks at all that waits again and again, so that what a waiting
request holds shows here; so does what any tasks cost that wait, which is half of the difference. A run of less than the
full count measures for milliseconds, and may differ by more.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path

import courser

from ..servers.tiny import run_tiny

FEWEST = 100
FULL = 100_000
MAY_DIFFER = 1.2
MAY_DIFFER_IN_SHORT = 2.0
ROUNDS = 9


def run(seed: int, count: int) -> str:
    """Queue 100, then ten times as many, and so on up to `count`, on 10 connections."""
    numbers = [FEWEST]
    while numbers[-1] * 10 <= count:
        numbers.append(numbers[-1] * 10)
    limits = courser.Limits(max_connections=10)

    async def cost(client: courser.AsyncClient, url: str, waiting: int) -> float:
        """Return the µs of this process's own time that a request costs where so many wait."""
        request = client.build_request("GET", url)
        rounds = max(count // waiting // 10, 1)
        gc.collect()
        started = time.process_time()
        for _ in range(rounds):
            async with asyncio.TaskGroup() as group:
                for _ in range(waiting):
                    group.create_task(send(client, request))
        return (time.process_time() - started) / rounds / waiting * 1e6

    async def send(client: courser.AsyncClient, request: courser.Request) -> None:
        assert (await client.send(request)).content == b"hello"

    async def main(url: str) -> dict[int, float]:
        costs: dict[int, list[float]] = {number: [] for number in numbers}
        async with courser.AsyncClient(limits=limits, timeout=300.0) as client:
            await cost(client, url, FEWEST)
            for _ in range(ROUNDS):
                for number in numbers:
                    costs[number].append(await cost(client, url, number))
        return {number: min(measured) for number, measured in costs.items()}

    with tempfile.TemporaryDirectory() as folder, run_tiny(Path(folder)) as url:
        costs = asyncio.run(main(url))
    told = ", ".join(f"{cost:.1f} µs at {number}" for number, cost in costs.items())
    may_differ = MAY_DIFFER if count >= FULL else MAY_DIFFER_IN_SHORT
    assert max(costs.values()) <= may_differ * min(costs.values()), told
    return told
