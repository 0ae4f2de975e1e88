from __future__ import annotations

import math
from typing import Any

import pytest

from courser_transport import Limits, Timeout


def test_one_number_is_for_all_phases() -> None:
    assert Timeout(5.0).as_dict() == {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


def test_a_phase_can_differ_from_the_default() -> None:
    assert Timeout(5.0, read=None).as_dict() == {"connect": 5.0, "read": None, "write": 5.0, "pool": 5.0}
    assert Timeout(Timeout(1.0), pool=2.0) == Timeout((1.0, 1.0, 1.0, 2.0))


def test_without_a_default_all_phases_must_be_given() -> None:
    assert Timeout(connect=1, read=2, write=3, pool=4).as_dict() == {"connect": 1, "read": 2, "write": 3, "pool": 4}
    with pytest.raises(ValueError, match="read, write, pool not given"):
        Timeout(connect=1)


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan])
def test_time_does_not_run_backwards(seconds: float) -> None:
    with pytest.raises(ValueError, match="connect timeout must not be negative or NaN"):
        Timeout(seconds)


def test_infinity_is_no_limit() -> None:
    assert Timeout(math.inf) == Timeout(None)


@pytest.mark.parametrize("wrong", ["5", True, object()])
def test_a_timeout_is_a_number(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a number of seconds"):
        Timeout(5.0, read=wrong)


def test_a_tuple_has_four_values() -> None:
    wrong: Any = (1, 2)
    with pytest.raises(ValueError, match="got 2 values"):
        Timeout(wrong)


def test_timeouts_print_and_compare() -> None:
    assert repr(Timeout(5.0)) == "Timeout(timeout=5.0)"
    assert repr(Timeout(5.0, read=1)) == "Timeout(connect=5.0, read=1, write=5.0, pool=5.0)"
    assert len({Timeout(5.0), Timeout(5), Timeout(6)}) == 2
    assert Timeout(5.0) != 5.0


def test_limits_print_compare_and_refuse_nonsense() -> None:
    limits = Limits(max_connections=10)
    assert repr(limits) == "Limits(max_connections=10, max_keepalive_connections=None, keepalive_expiry=5.0)"
    assert limits == Limits(max_connections=10)
    assert len({limits, Limits(max_connections=10), Limits()}) == 2
    with pytest.raises(ValueError, match="at least 1"):
        Limits(max_connections=0)
    with pytest.raises(ValueError, match="max_keepalive_connections must be at least 0, it is -1"):
        Limits(max_keepalive_connections=-1)
    with pytest.raises(ValueError, match="keepalive_expiry"):
        Limits(keepalive_expiry=-1)
