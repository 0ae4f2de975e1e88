"""Content that unfolds to ten gigabytes: memory stays small, whoever sent it, and the limits say no."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MEGABYTE = 1024 * 1024
# All that the process may ever hold, Python and its modules included.
MEMORY = 64 * MEGABYTE

in_every_coding = pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])


def decode(coding: str, way: str, limits: dict[str, float], *size: int) -> Any:
    """Return what `bombs.py` measured."""
    command = [sys.executable, "-W", "error", "bombs.py", coding, way, json.dumps(limits), *map(str, size)]
    result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


@in_every_coding
@pytest.mark.parametrize("way", ["read", "iterate"])
def test_ten_gigabytes_nested_twice_end_at_the_limit_of_bytes(coding: str, way: str) -> None:
    outcome = decode(coding, way, {"max_decoded_bytes": 16 * MEGABYTE})

    assert outcome["error"] == "DecodingLimitExceeded: content has more than 16777216 bytes (max_decoded_bytes)"
    assert outcome["decoded"] <= 16 * MEGABYTE
    assert outcome["peak"] < MEMORY


@in_every_coding
@pytest.mark.parametrize("way", ["read", "iterate"])
def test_ten_gigabytes_nested_twice_end_at_the_limit_of_the_ratio(coding: str, way: str) -> None:
    outcome = decode(coding, way, {"max_ratio": 100})

    received = outcome["received"]
    assert outcome["error"] == (
        f"DecodingLimitExceeded: content unfolds to more than 100 times the {received} bytes received (max_ratio)"
    )
    assert received < 100_000
    assert outcome["decoded"] <= 100 * max(received, 2622)
    assert outcome["peak"] < MEMORY


@pytest.mark.parametrize(
    ("coding", "size"), [("gzip", 256 * MEGABYTE), ("br", 256 * MEGABYTE), ("zstd", 10 * 1024 * MEGABYTE)]
)
def test_without_a_limit_a_bomb_that_is_iterated_takes_time_and_no_memory(coding: str, size: int) -> None:
    outcome = decode(coding, "iterate", {}, size)

    assert (outcome["error"], outcome["decoded"]) == (None, size)
    assert outcome["peak"] < MEMORY
