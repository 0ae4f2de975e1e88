"""What a client costs that is made for one request: counted exactly, as the path of a request is."""

import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

import courser

# 100 µs at the price of a Python call on a slow machine. What is loaded or parsed anew for each client is far above.
CALLS = 120


@pytest.mark.parametrize("make", [courser.Client, courser.AsyncClient])
def test_a_client_after_the_first_makes_few_python_calls(make: Any) -> None:
    make()
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        make()
    finally:
        sys.setprofile(None)

    assert 0 < sum(calls.values()) <= CALLS, calls.most_common(20)
