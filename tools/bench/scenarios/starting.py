"""What it costs before the first request: importing the library, and making a client with its defaults.

An import is measured in processes of its own that have imported asyncio and ssl before, as any client must. A client
is made after a first one was, which may pay for what all share.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from sample import Sample
from scenarios import worlds
from scenarios.definition import Scenario, Task

_CLIENTS = ("courser", "wreq", "pyreqwest", "aiohttp", "urllib3", "requests", "niquests", "httpx2", "httpx")

# What a program imports to have a client, where it is not the name alone.
_MODULES = {"pyreqwest": "pyreqwest.client"}

_MAKE: dict[str, Callable[[Any], Any]] = {
    "courser": lambda library: library.AsyncClient(),
    "wreq": lambda library: library.Client(),
    "pyreqwest": lambda library: library.ClientBuilder().build(),
    "aiohttp": lambda library: library.ClientSession(),
    "urllib3": lambda library: library.PoolManager(),
    "requests": lambda library: library.Session(),
    "niquests": lambda library: library.AsyncSession(),
    "httpx2": lambda library: library.AsyncClient(),
    "httpx": lambda library: library.AsyncClient(),
}

# In a child: argv[1] is the module. Tells the time and what was loaded from outside the standard library.
_IMPORT = """
import asyncio, ssl, sys, json, time
before = set(sys.modules)
wall, cpu = time.perf_counter(), time.process_time()
__import__(sys.argv[1])
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(json.dumps([cpu, wall, sorted(loaded)]))
"""


def _measure_import(task: Task) -> Sample:
    module = _MODULES.get(task.client, task.client)
    # The first writes the compiled files, and warms the page cache.
    _import_once(module)
    outcomes = []
    started = time.perf_counter()
    while len(outcomes) < 3 or time.perf_counter() < started + task.seconds:
        outcomes.append(_import_once(module))
    cpu, wall = (statistics.median(outcome[column] for outcome in outcomes) * 1000 for column in (0, 1))
    return Sample(cpu, len(outcomes), wall, modules=tuple(outcomes[0][2]))


def _import_once(module: str) -> tuple[float, float, list[str]]:
    command = [sys.executable, "-c", _IMPORT, module]
    # Where compiled files may not be written, an installer may not have written them either, and all would be compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        raise ImportError(done.stderr.strip().rpartition("\n")[2])
    cpu, wall, loaded = json.loads(done.stdout)
    return cpu, wall, loaded


def _measure_making(task: Task) -> Sample:
    async def measured() -> Sample:
        library = importlib.import_module(_MODULES.get(task.client, task.client))
        make = _MAKE[task.client]
        kept = [make(library)]
        count, cpu, wall = 0, 0.0, 0.0
        started = time.perf_counter()
        while not count or time.perf_counter() < started + task.seconds:
            gc.collect()
            wall_before, cpu_before = time.perf_counter(), time.process_time()
            kept += [make(library) for _ in range(20)]
            cpu += time.process_time() - cpu_before
            wall += time.perf_counter() - wall_before
            count += 20
            # Outside the clock: ending them is not the question.
            for client in kept:
                await _close(client)
            del kept[:]
        return Sample(cpu * 1e6 / count, count, wall * 1e6 / count)

    # Some clients can only be made while a loop runs.
    return worlds.run("asyncio", measured())


async def _close(client: Any) -> None:
    close = getattr(client, "aclose", None) or getattr(client, "close", None) or getattr(client, "clear", None)
    outcome = close() if close else None
    if inspect.isawaitable(outcome):
        await outcome
    await asyncio.sleep(0)


SCENARIOS = [
    Scenario(
        name="import",
        title="import, beyond asyncio and ssl",
        unit="ms cpu",
        wall_unit="ms",
        clients=_CLIENTS,
        measure=_measure_import,
        quick=("courser",),
    ),
    Scenario(
        name="making",
        title="making a client, after the first",
        unit="µs cpu",
        wall_unit="µs",
        clients=_CLIENTS,
        measure=_measure_making,
        quick=("courser",),
    ),
]
