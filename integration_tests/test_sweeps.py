"""Each sweep, at the count that CI has time for."""

import pytest

from .sweeps import SWEEPS


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_finds_nothing(name: str) -> None:
    assert SWEEPS[name].run(2026, SWEEPS[name].short)
