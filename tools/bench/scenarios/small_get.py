"""The small GET over kept-alive connections: what a request costs when nothing else does.

Read httpx 0.28 at c=64 with care: its pool looks at every connection for each idle one, and its idle connections expire
after 5 s. A round is shorter than that and sees all 64; a client that runs on keeps about a dozen, and costs a quarter.
No goal is measured against it.
"""

from __future__ import annotations

import functools

import clients
from clients.adapter import Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import SMALL_BODY
from workload import Stopwatch, measure_async, measure_sync

_EXPECTED = (200, len(SMALL_BODY))
_ASYNC_CLIENTS = ("floor", "courser", "wreq", "pyreqwest", "aiohttp", "niquests", "httpx2", "httpx")
_SYNC_CLIENTS = ("floor", "courser", "wreq", "pyreqwest", "urllib3", "requests", "niquests", "httpx2", "httpx")


def _measure_async(task: Task, world: worlds.World, concurrency: int, tls: bool) -> Sample:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority if tls else None)
        url = (task.endpoints.https if tls else task.endpoints.http) + "/small"
        async with clients.open_async(task.client, settings) as client:
            return await measure_async(functools.partial(client.get, url), _EXPECTED, concurrency, task.seconds)

    return worlds.run(world, measured()).microseconds()


def _measure_sync(task: Task) -> Sample:
    with clients.open_sync(task.client, Settings()) as client:
        operation = functools.partial(client.get, task.endpoints.http + "/small")
        return measure_sync(operation, _EXPECTED, task.seconds).microseconds()


def _async_scenario(
    name: str,
    concurrency: int,
    quick: tuple[str, ...],
    world: worlds.World = "asyncio",
    tls: bool = False,
    on_request: tuple[str, ...] = (),
) -> Scenario:
    return Scenario(
        name=name,
        title=f"small GET, {world}, c={concurrency}{', TLS' if tls else ''}",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=_ASYNC_CLIENTS,
        measure=functools.partial(_measure_async, world=world, concurrency=concurrency, tls=tls),
        quick=quick,
        on_request=on_request,
    )


SCENARIOS = [
    _async_scenario("get-1", 1, quick=()),
    _async_scenario("get-64", 64, quick=("floor", "courser", "pyreqwest", "aiohttp", "httpx2")),
    # httpx2 takes ten seconds a round, httpx fifty.
    _async_scenario("get-1000", 1000, quick=("courser", "aiohttp"), on_request=("httpx",)),
    _async_scenario("get-64-uvloop", 64, quick=("courser", "wreq", "aiohttp"), world="uvloop"),
    _async_scenario("get-64-tls", 64, quick=("courser", "aiohttp"), tls=True),
    Scenario(
        name="get-sync",
        title="small GET, sync",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=_SYNC_CLIENTS,
        measure=_measure_sync,
        peer="httpx2",
        quick=("courser", "requests", "httpx2"),
    ),
]
