from __future__ import annotations

import asyncio

import pytest

from courser_transport import run_sync


async def _double(number: int) -> int:
    return number * 2


async def _sum_of_doubles() -> int:
    return await _double(1) + await _double(2)


def test_a_coroutine_that_never_waits_runs_to_its_end() -> None:
    assert run_sync(_sum_of_doubles()) == 6


def test_errors_pass_through() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_sync(fail())


def test_a_coroutine_that_suspends_is_an_error_that_names_it_and_it_is_closed() -> None:
    ended = []

    async def wait() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match=r"wait awaited .* in a sync client"):
        run_sync(wait())
    assert ended == [True]
