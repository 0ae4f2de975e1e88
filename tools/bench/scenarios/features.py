"""The small GET with a client whose features are set up but not needed, with them at work, and through a redirect."""

from __future__ import annotations

import functools
from typing import Literal

import clients
from clients.adapter import Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import SMALL_BODY
from workload import Stopwatch, measure_async

_CLIENTS = ("courser", "aiohttp", "httpx2", "httpx")


def _measure(task: Task, features: Literal["unused", "used"], path: str) -> Sample:
    async def measured() -> Stopwatch:
        async with clients.open_async(task.client, Settings(features=features)) as client:
            operation = functools.partial(client.get, task.endpoints.http + path)
            return await measure_async(operation, (200, len(SMALL_BODY)), 64, task.seconds)

    return worlds.run("asyncio", measured()).microseconds()


def _scenario(
    name: str, what: str, features: Literal["unused", "used"], path: str = "/small", quick: tuple[str, ...] = ()
) -> Scenario:
    return Scenario(
        name=name,
        title=f"small GET, asyncio, c=64, {what}",
        unit="µs cpu per request",
        wall_unit="µs",
        clients=_CLIENTS,
        measure=functools.partial(_measure, features=features, path=path),
        quick=quick,
    )


SCENARIOS = [
    _scenario("features-unused", "features there but unused", "unused", quick=("courser", "aiohttp")),
    # /guarded answers only to those that send the cookie and the credentials.
    _scenario("features-used", "cookie, credentials and hooks used", "used", path="/guarded"),
    _scenario("redirect", "a redirect followed", "unused", path="/moved"),
]
