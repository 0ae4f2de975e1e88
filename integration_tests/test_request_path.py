"""The budgets of the request path: exact counts of a warm keep-alive request, so that nothing creeps in unseen."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# What was reached, and two calls for what another Python does otherwise.
CALLS = {"threads": 54, "asyncio": 80, "uvloop": 59, "trio": 114}
OBJECTS = 6

worlds = pytest.mark.parametrize("world", CALLS)


@worlds
def test_a_get_makes_few_python_calls(world: str, tiny: str) -> None:
    calls = measured(world, tiny)["calls"]

    assert 0 < sum(calls.values()) <= CALLS[world], listing(calls)


@worlds
def test_a_get_makes_few_objects_of_ours(world: str, tiny: str) -> None:
    objects = measured(world, tiny)["objects"]

    assert 0 < sum(objects.values()) <= OBJECTS, listing(objects)


@worlds
def test_head_and_small_body_leave_in_one_send(world: str, tiny: str) -> None:
    assert measured(world, tiny)["sends"] == {"get": 1, "post": 1}


@cache
def measured(world: str, url: str) -> Any:
    """Return what `request_path` counts for this world."""
    command = [sys.executable, "-W", "error", "-m", "integration_tests.request_path", world, url]
    root = Path(__file__).parent.parent
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def listing(counts: dict[str, int]) -> str:
    """Return the counts as a table, most frequent first, with their sum."""
    rows = sorted(counts.items(), key=lambda row: -row[1])
    return "\n".join(f"{times:5} {name}" for name, times in [("in all", sum(counts.values())), *rows])
