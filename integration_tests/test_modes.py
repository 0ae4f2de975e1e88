"""Python's modes change nothing: without assertions, and with everything that it can warn of being an error."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import courser

from .parity.outcome import outcome
from .parity.programs_of_clients import PROGRAMS

# From all over the table; those of several lines stand at its end.
SAMPLE = [*PROGRAMS[:-60:13], *PROGRAMS[-60:]]
PRINT_OUTCOMES = """if True:
    import json
    import logging

    import courser
    from integration_tests.parity.outcome import outcome
    from integration_tests.test_modes import SAMPLE

    logging.disable()
    print(json.dumps([repr(outcome(program, courser)) for program in SAMPLE]))
"""


@pytest.mark.parametrize("mode", [["-O"], ["-X", "dev"]], ids=" ".join)
def test_programs_of_clients_have_the_same_outcome(mode: list[str]) -> None:
    command = [sys.executable, *mode, "-W", "error", "-c", PRINT_OUTCOMES]
    root = Path(__file__).parent.parent
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")

    expected: list[Any] = [repr(outcome(program, courser)) for program in SAMPLE]
    assert len(expected) > 150
    for program, was, is_now in zip(SAMPLE, expected, json.loads(ran.stdout), strict=True):
        assert is_now == was, program
