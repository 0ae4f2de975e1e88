"""Many small GETs started at once, on ten connections: what a request costs when it has to wait for its turn.

A queue that is searched or moved for each request shows here as a cost that grows with the number of those that wait.
Some growth is the event loop's and the memory's own, with so many tasks alive: the floor, which keeps a queue too,
shows how much.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import time

import clients
from clients.adapter import Answer, Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import SMALL_BODY
from workload import WrongAnswer

CONNECTIONS = 10
_EXPECTED = (200, len(SMALL_BODY))


def _measure(task: Task, queued: int) -> Sample:
    async def measured() -> Sample:
        url = task.endpoints.http + "/small"
        async with clients.open_async(task.client, Settings(connections=CONNECTIONS)) as client:

            async def batch(size: int) -> None:
                answers: list[Answer] = await asyncio.gather(*(client.get(url) for _ in range(size)))
                if wrong := set(answers) - {_EXPECTED}:
                    raise WrongAnswer(f"expected status and length {_EXPECTED}, got {wrong.pop()}")

            await batch(min(queued, 1000))
            gc.collect()
            count = 0
            wall, cpu = time.perf_counter(), time.process_time()
            while not count or time.perf_counter() < wall + task.seconds:
                await batch(queued)
                count += queued
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            return Sample(cpu * 1e6 / count, count, wall * 1e6 / count)

    return worlds.run("asyncio", measured())


def _scenario(queued: int, clients: tuple[str, ...], quick: tuple[str, ...]) -> Scenario:
    return Scenario(
        name=f"queue-{queued}",
        title=f"{queued:,} small GETs queued on {CONNECTIONS} connections, asyncio",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=clients,
        measure=functools.partial(_measure, queued=queued),
        quick=quick,
    )


# Who has a limit on connections in all. For httpx2 and httpx each of those that wait costs more the more there are.
_LIMITED = ("floor", "courser", "pyreqwest", "aiohttp")

SCENARIOS = [
    _scenario(100, (*_LIMITED, "httpx2", "httpx"), quick=("courser",)),
    _scenario(1_000, (*_LIMITED, "httpx2", "httpx"), quick=()),
    _scenario(10_000, _LIMITED, quick=("courser",)),
    _scenario(100_000, _LIMITED, quick=()),
]
