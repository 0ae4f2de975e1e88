"""HTTP/2 over TLS, everything on one connection: small GETs at once, a large download, a large upload."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import repeat
from typing import Any

import clients
from clients.adapter import Settings
from scenarios import worlds
from scenarios.definition import Sample, Scenario, Task
from servers import LARGE_BYTES, SMALL_BODY
from workload import Stopwatch, measure_async

_CLIENTS = ("courser", "httpx2", "httpx")
_PIECE = bytes(65536)
_PIECES = LARGE_BYTES // len(_PIECE)


def _run(task: Task, concurrency: int, expected: tuple[int, int], operation: Callable[[Any], Any]) -> Stopwatch:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority, http2=True)
        async with clients.open_async(task.client, settings) as client:
            return await measure_async(operation(client), expected, concurrency, task.seconds)

    return worlds.run("asyncio", measured())


def _get(task: Task) -> Sample:
    url = task.endpoints.http2 + "/small"
    measured = _run(task, 64, (200, len(SMALL_BODY)), lambda client: functools.partial(client.get, url))
    microseconds = 1e6 / measured.count
    return Sample(measured.cpu * microseconds, measured.wall * microseconds, measured.count)


def _download(task: Task) -> Sample:
    url = task.endpoints.http2 + "/large"
    measured = _run(task, 1, (200, LARGE_BYTES), lambda client: functools.partial(client.download, url))
    return _megabytes(measured, LARGE_BYTES)


def _upload(task: Task) -> Sample:
    url, size = task.endpoints.http2 + "/sink", _PIECES * len(_PIECE)
    measured = _run(task, 1, (200, 0), lambda client: lambda: client.upload(url, repeat(_PIECE, _PIECES), size))
    return _megabytes(measured, size)


def _megabytes(measured: Stopwatch, size: int) -> Sample:
    megabytes = measured.count * size / 1e6
    return Sample(megabytes / measured.cpu, megabytes / measured.wall, measured.count)


def _scenario(name: str, title: str, unit: str, wall_unit: str, measure: Callable[[Task], Sample]) -> Scenario:
    return Scenario(
        name=name,
        title=f"{title}, asyncio, HTTP/2",
        unit=unit,
        wall_unit=wall_unit,
        clients=_CLIENTS,
        measure=measure,
        peer="httpx2",
        not_quick=("httpx",),
    )


SCENARIOS = [
    _scenario("get-64-http2", "small GET, c=64", "µs cpu per request", "µs", _get),
    _scenario("download-http2", "100 MB download", "MB per cpu-second", "MB/s", _download),
    _scenario("upload-http2", "100 MB upload", "MB per cpu-second", "MB/s", _upload),
]
