"""The process that is measured: runs one scenario with one client, prints the sample as JSON, and ends.

`workers.py` starts it; the task comes as JSON in the only argument. When something goes wrong the last line on stderr
is the sentence the report shows.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import traceback

import clients
import cores
import machine
import scenarios
from scenarios.definition import Task
from servers import Endpoints


def main() -> int:
    task = json.loads(sys.argv[1])
    cores.pin(task["core"])
    _allow_many_connections()
    try:
        version = clients.version(task["client"])
        sample = scenarios.BY_NAME[task["scenario"]].measure(
            Task(task["client"], Endpoints(**task["endpoints"]), task["seconds"])
        )
        if sample.peak is None and (peak := machine.peak_memory()):
            sample = dataclasses.replace(sample, peak=peak / 1e6)
    except Exception as error:
        traceback.print_exc()
        print(_sentence(task["client"], error), file=sys.stderr)
        return 1
    print(json.dumps({"sample": dataclasses.asdict(sample), "version": version}), flush=True)
    # Without the interpreter's farewell: threads of a client's own runtime may still hold on to it, and crash.
    os._exit(0)


def _allow_many_connections() -> None:
    """Raise the soft limit on open files, often 1,024, so that 1,000 connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _sentence(client: str, error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):  # a task group wraps what its first task raised
        error = error.exceptions[0]
    if isinstance(error, ImportError):
        return f"{client} cannot be imported: {error}"
    return f"{type(error).__name__}: {error}".splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
