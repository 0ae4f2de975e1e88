"""What a client takes in memory: while a large body streams through it, and for each connection that it keeps idle.

Both are differences of the process's resident size, since what a client written in Rust allocates is seen by the
system alone. The idle client has made one request.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os

import clients
import machine
from clients.adapter import CONNECTIONS, Settings
from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task
from servers import LARGE_BYTES, SMALL_BODY
from workload import WrongAnswer

_ENOUGH = 100
_CLIENTS = ("floor", "courser", "wreq", "pyreqwest", "aiohttp", "niquests", "httpx2", "httpx")


class NotMeasurable(Exception):
    """This system does not tell what is needed; the message says what that is."""


def _measure_stream(task: Task) -> Sample:
    async def measured() -> Sample:
        async with clients.open_async(task.client, Settings()) as client:
            await client.get(task.endpoints.http + "/small")
            gc.collect()
            idle = _resident()
            machine.forget_peak_memory()
            answer = await client.download(task.endpoints.http + "/large")
            if answer != (200, LARGE_BYTES):
                raise WrongAnswer(f"expected {LARGE_BYTES} bytes, got status and length {answer}")
            peak = machine.peak_memory() or 0
            return Sample(max(0, peak - idle) / 1e6, 1, peak=peak / 1e6)

    return worlds.run("asyncio", measured())


def _measure_idle(task: Task) -> Sample:
    async def measured() -> Sample:
        url = task.endpoints.http + "/small"
        async with clients.open_async(task.client, Settings()) as client:
            await client.get(url)
            _give_back_what_is_free()
            before, sockets_before = _resident(), _sockets()
            answers = await asyncio.gather(*(client.get(url) for _ in range(CONNECTIONS)))
            if set(answers) != {(200, len(SMALL_BODY))}:
                raise WrongAnswer(f"expected {len(SMALL_BODY)} bytes, got {set(answers)}")
            del answers
            # What closes itself after the last answer does it now.
            await asyncio.sleep(0.1)
            _give_back_what_is_free()
            connections = _sockets() - sockets_before
            # Some have answered the first before they begin with the last, and some close what they may not need.
            if connections < _ENOUGH:
                raise NotMeasurable(f"of {CONNECTIONS} connections it keeps {connections + 1}")
            return Sample((_resident() - before) / 1000 / connections, connections)

    return worlds.run("asyncio", measured())


def _resident() -> int:
    resident = machine.resident_memory()
    if resident is None:
        raise NotMeasurable("this system does not tell the resident size of a process (Linux does)")
    return resident


def _sockets() -> int:
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.lexists(link) and os.readlink(link).startswith("socket:") for link in links)


def _give_back_what_is_free() -> None:
    """Return memory that is allocated but free to the system, where the C library can: it is nobody's."""
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


SCENARIOS = [
    Scenario(
        name="memory-stream",
        title="peak memory of a 100 MB download over that of an idle client",
        unit="MB",
        clients=_CLIENTS,
        measure=_measure_stream,
        quick=("courser",),
    ),
    Scenario(
        name="memory-idle",
        title=f"{CONNECTIONS:,} idle connections",
        unit="KB resident per connection",
        clients=_CLIENTS,
        measure=_measure_idle,
        quick=("courser",),
    ),
]
