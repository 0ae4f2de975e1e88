"""One measurement in a process of its own: starts `worker.py`, and brings back its sample or the reason there is none.

A fresh process each time, so that the luck of one (its memory layout, its hash seed) shows in the spread of the rounds
instead of hiding in the median.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sample import Sample
from scenarios.definition import Scenario
from servers import Endpoints

_PATIENCE = 120


class MeasurementFailed(Exception):
    """The client gave no figure; the message says why, in one line."""


@dataclass(frozen=True)
class Measurement:
    """One round of one client, and which version of it that was."""

    sample: Sample
    version: str


def measure(
    scenario: Scenario, client: str, endpoints: Endpoints, seconds: float, core: int | None, python: str
) -> Measurement:
    """Measure one client once, in a process of the given Python pinned to a core; raise MeasurementFailed."""
    task = {
        "scenario": scenario.name,
        "client": client,
        "endpoints": dataclasses.asdict(endpoints),
        "seconds": seconds,
        "core": core,
    }
    command = [python, str(Path(__file__).with_name("worker.py")), json.dumps(task)]
    patience = _PATIENCE + 10 * seconds
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MeasurementFailed(f"no result after {patience:.0f} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise MeasurementFailed(lines[-1] if lines else f"the worker ended with status {done.returncode}")
    answer = json.loads(done.stdout)
    sample = {**answer["sample"], "modules": tuple(answer["sample"]["modules"])}
    return Measurement(Sample(**sample), answer["version"])


def _environment() -> dict[str, str]:
    """Return our environment without what changes a client's work: proxies, authorities, debugging."""
    return {name: value for name, value in os.environ.items() if name.lower() not in _UNWANTED}


_UNWANTED = {
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "curl_ca_bundle",
    "requests_ca_bundle",
    "ssl_cert_dir",
    "ssl_cert_file",
    "pythonasynciodebug",
    "pythondevmode",
    "pythondontwritebytecode",
    "pythonmalloc",
    "pythontracemalloc",
}
