"""Every way to cut a body into chunks."""

import itertools
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import strategies as st

Body = TypeVar("Body", bytes, str)

places = st.lists(st.integers(min_value=0, max_value=10_000), max_size=8)


def cut(body: Body, places: Iterable[int]) -> list[Body]:
    """Return `body` in chunks, cut at `places`; equal places make empty chunks."""
    ends = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(ends)]
