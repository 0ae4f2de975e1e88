"""One measurement in a process of its own: starts `worker.py`, and brings back its sample or the reason there is none.

A fresh process each time, so that the luck of one (its memory layout, its hash seed) shows in the spread of the rounds
instead of hiding in the median.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scenarios.definition import Sample, Scenario
from servers import Endpoints

_PATIENCE = 120


class MeasurementFailed(Exception):
    """The client gave no figure; the message says why, in one line."""


@dataclass(frozen=True)
class Measurement:
    """One round of one client, and which version of it that was."""

    sample: Sample
    version: str


def measure(scenario: Scenario, client: str, endpoints: Endpoints, seconds: float, core: int | None) -> Measurement:
    task = {
        "scenario": scenario.name,
        "client": client,
        "endpoints": dataclasses.asdict(endpoints),
        "seconds": seconds,
        "core": core,
    }
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), json.dumps(task)]
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
    return Measurement(Sample(**answer["sample"]), answer["version"])


def _environment() -> dict[str, str]:
    """Return our environment without what would send loopback requests through a proxy, or turn on debugging."""
    unwanted = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "pythonasynciodebug", "pythondevmode"}
    return {name: value for name, value in os.environ.items() if name.lower() not in unwanted}
