"""HTTP/2 over TLS, everything on one connection: small GETs at once, a large download, a large upload."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import repeat
from typing import Any

import clients
from clients.adapter import Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import LARGE_BYTES, SMALL_BODY
from workload import Stopwatch, measure_async

_CLIENTS = ("courser", "wreq", "pyreqwest", "niquests", "httpx2", "httpx")
_QUICK = ("courser", "httpx2")
_PIECE = bytes(65536)
_PIECES = LARGE_BYTES // len(_PIECE)


def _run(task: Task, concurrency: int, expected: tuple[int, int], operation: Callable[[Any], Any]) -> Stopwatch:
    async def measured() -> Stopwatch:
        settings = Settings(task.endpoints.certificate_authority, http2=True)
        async with clients.open_async(task.client, settings) as client:
            # One first and alone, so that nobody opens a second connection because the first is not there yet.
            await client.get(task.endpoints.http2 + "/small")
            return await measure_async(operation(client), expected, concurrency, task.seconds)

    return worlds.run("asyncio", measured())


def _get(task: Task) -> Sample:
    url = task.endpoints.http2 + "/small"
    return _run(task, 64, (200, len(SMALL_BODY)), lambda client: functools.partial(client.get, url)).microseconds()


def _download(task: Task) -> Sample:
    url = task.endpoints.http2 + "/large"
    return _run(task, 1, (200, LARGE_BYTES), lambda client: functools.partial(client.download, url)).megabytes(
        LARGE_BYTES
    )


def _upload(task: Task) -> Sample:
    url, size = task.endpoints.http2 + "/sink", _PIECES * len(_PIECE)
    return _run(
        task, 1, (200, 0), lambda client: lambda: client.upload_pieces(url, repeat(_PIECE, _PIECES), size)
    ).megabytes(size)


def _scenario(
    name: str,
    title: str,
    units: tuple[str, str],
    measure: Callable[[Task], Sample],
    clients: tuple[str, ...] = _CLIENTS,
) -> Scenario:
    return Scenario(
        name=name,
        title=f"{title}, asyncio, HTTP/2",
        unit=units[0],
        wall_unit=units[1],
        clients=clients,
        measure=measure,
        peer="httpx2",
        quick=_QUICK,
        more_is_better=units is _THROUGHPUT,
    )


_COST, _THROUGHPUT = ("µs cpu per request", "µs"), ("MB per cpu-second", "MB/s")

SCENARIOS = [
    _scenario("get-64-http2", "small GET, c=64", _COST, _get),
    _scenario("download-http2", "100 MB download", _THROUGHPUT, _download),
    _scenario("upload-http2", "100 MB upload in pieces", _THROUGHPUT, _upload),
]
