"""The large download, read as it comes: what a byte costs. In chunks of the client's own choice, none kept."""

from __future__ import annotations

import functools

import clients
from clients.adapter import Settings
from scenarios import worlds
from scenarios.definition import Sample, Scenario, Task
from servers import LARGE_BYTES
from workload import Stopwatch, measure_async

_EXPECTED = (200, LARGE_BYTES)
_CLIENTS = ("floor", "courser", "aiohttp", "httpx2", "httpx")


def _measure(task: Task, tls: bool) -> Sample:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority if tls else None)
        url = (task.endpoints.https if tls else task.endpoints.http) + "/large"
        async with clients.open_async(task.client, settings) as client:
            return await measure_async(functools.partial(client.download, url), _EXPECTED, 1, task.seconds)

    result = worlds.run("asyncio", measured())
    megabytes = result.count * LARGE_BYTES / 1e6
    return Sample(megabytes / result.cpu, megabytes / result.wall, result.count)


def _scenario(name: str, title: str, tls: bool) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        unit="MB per cpu-second",
        wall_unit="MB/s",
        clients=_CLIENTS,
        measure=functools.partial(_measure, tls=tls),
        not_quick=("httpx",),
    )


SCENARIOS = [
    _scenario("download", "100 MB download, asyncio", tls=False),
    _scenario("download-tls", "100 MB download, asyncio, TLS", tls=True),
]
