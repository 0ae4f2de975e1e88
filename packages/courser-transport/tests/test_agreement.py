"""The fast reader and h11 agree: a short run of what `nox -s fuzz` does at length."""

from __future__ import annotations

import collections
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import REFUSED, by_h11, by_us
from fuzz_head import check


@pytest.mark.parametrize("seed", range(10))
def test_we_and_h11_agree_on_generated_responses(seed: int) -> None:
    seen: collections.Counter[str] = collections.Counter()
    for number in range(1000):
        assert check(random.Random(f"{seed}-{number}"), seen) is None
    # Both kinds, and the reader that is under test, must have had their share.
    assert min(seen["accepted"], seen["refused"], seen["read by the fast reader"]) > 200


@given(st.binary(max_size=60), st.integers(0, 200), st.sampled_from(["GET", "HEAD"]))
def test_we_and_h11_agree_on_any_bytes_inside_a_response(noise: bytes, place: int, method: str) -> None:
    whole = b"HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\nVary: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    data = whole[:place] + noise + whole[place:]
    assert by_us(method, [data]) == by_h11(method, [data])


def test_a_response_cut_at_every_place_reads_the_same() -> None:
    data = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0;x\r\nT: v\r\n\r\n"
    )
    whole = by_us("GET", [data])
    assert whole != REFUSED
    assert all(by_us("GET", [data[:cut], data[cut:]]) == whole for cut in range(1, len(data)))
