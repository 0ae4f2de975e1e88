"""Large bodies over HTTP/1.1, downloads read as they come and none kept, uploads from memory: what a byte costs.

A download's chunks are of the client's own choice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import clients
from clients.adapter import Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import LARGE_BYTES
from workload import Stopwatch, measure_async

_CLIENTS = ("floor", "courser", "wreq", "pyreqwest", "aiohttp", "niquests", "httpx2", "httpx")
_QUICK = ("courser", "aiohttp")
_UPLOADED = bytes(10_000_000)


def _download(task: Task, tls: bool) -> Sample:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority if tls else None)
        url = (task.endpoints.https if tls else task.endpoints.http) + "/large"
        async with clients.open_async(task.client, settings) as client:
            operation = functools.partial(client.download, url)
            return await measure_async(operation, (200, LARGE_BYTES), 1, task.seconds)

    return worlds.run("asyncio", measured()).megabytes(LARGE_BYTES)


def _upload(task: Task) -> Sample:
    async def measured() -> Stopwatch:
        async with clients.open_async(task.client, Settings()) as client:
            operation = functools.partial(client.upload, task.endpoints.http + "/sink", _UPLOADED)
            return await measure_async(operation, (200, 0), 1, task.seconds)

    return worlds.run("asyncio", measured()).milliseconds()


def _scenario(name: str, title: str, units: tuple[str, str], measure: Callable[[Task], Sample]) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        unit=units[0],
        wall_unit=units[1],
        clients=_CLIENTS,
        measure=measure,
        quick=_QUICK,
        more_is_better=units is _THROUGHPUT,
    )


_THROUGHPUT = ("MB per cpu-second", "MB/s")

SCENARIOS = [
    _scenario("download", "100 MB download, asyncio", _THROUGHPUT, functools.partial(_download, tls=False)),
    _scenario("download-tls", "100 MB download, asyncio, TLS", _THROUGHPUT, functools.partial(_download, tls=True)),
    _scenario("upload", "10 MB upload, asyncio", ("ms cpu per upload", "ms"), _upload),
]
