"""The small GET over kept-alive connections: what a request costs when nothing else does.

Read httpx 0.28 at c=64 with care: its pool looks at every connection for each idle one, and its idle connections expire
after 5 s. A round is shorter than that and sees all 64; a client that runs on keeps about a dozen, and costs a quarter.
No goal is measured against it.
"""

from __future__ import annotations

import functools

import clients
from clients.adapter import Settings
from scenarios import worlds
from scenarios.definition import Sample, Scenario, Task
from servers import SMALL_BODY
from workload import Stopwatch, measure_async, measure_sync

_EXPECTED = (200, len(SMALL_BODY))
_ASYNC_CLIENTS = ("floor", "courser", "aiohttp", "httpx2", "httpx")
_SYNC_CLIENTS = ("floor", "courser", "httpx2", "httpx", "requests")


def _measure_async(task: Task, world: worlds.World, concurrency: int, tls: bool) -> Sample:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority if tls else None)
        url = (task.endpoints.https if tls else task.endpoints.http) + "/small"
        async with clients.open_async(task.client, settings) as client:
            return await measure_async(functools.partial(client.get, url), _EXPECTED, concurrency, task.seconds)

    return _sample(worlds.run(world, measured()))


def _measure_sync(task: Task) -> Sample:
    with clients.open_sync(task.client, Settings()) as client:
        operation = functools.partial(client.get, task.endpoints.http + "/small")
        return _sample(measure_sync(operation, _EXPECTED, task.seconds))


def _sample(measured: Stopwatch) -> Sample:
    microseconds = 1e6 / measured.count
    return Sample(measured.cpu * microseconds, measured.wall * microseconds, measured.count)


def _async_scenario(
    name: str,
    concurrency: int,
    world: worlds.World = "asyncio",
    tls: bool = False,
    not_quick: tuple[str, ...] = ("httpx",),
    on_request: tuple[str, ...] = (),
) -> Scenario:
    return Scenario(
        name=name,
        title=f"small GET, {world}, c={concurrency}{', TLS' if tls else ''}",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=_ASYNC_CLIENTS,
        measure=functools.partial(_measure_async, world=world, concurrency=concurrency, tls=tls),
        not_quick=not_quick,
        on_request=on_request,
    )


SCENARIOS = [
    _async_scenario("get-1", 1),
    _async_scenario("get-64", 64),
    # httpx2 takes ten seconds a round, httpx fifty.
    _async_scenario("get-1000", 1000, not_quick=("httpx2", "httpx"), on_request=("httpx",)),
    _async_scenario("get-64-uvloop", 64, world="uvloop"),
    _async_scenario("get-64-tls", 64, tls=True),
    Scenario(
        name="get-sync",
        title="small GET, sync",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=_SYNC_CLIENTS,
        measure=_measure_sync,
        peer="httpx2",
        not_quick=("httpx",),
    ),
]
