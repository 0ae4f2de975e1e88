"""What a request holds while it waits for a connection, which the garbage collector looks at again and again, and what
is left of those who gave up."""

from __future__ import annotations

import asyncio
import functools
import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from courser_models import Origin, Request
from courser_transport import PoolTimeout
from pools import numbers, silent_pool
from worlds import PATIENCE, Task, World, in_asyncio_loops, in_event_loops

MANY = 500
A = Origin("http", "a.example", 80)


@in_asyncio_loops
@pytest.mark.parametrize("limit", [None, 60.0])
async def test_a_waiting_request_holds_less_than_a_task_that_waits_for_a_future(
    world: World, limit: float | None
) -> None:
    loop = asyncio.get_running_loop()
    pool = silent_pool(world, 1, max_connections=1)
    request = Request("GET", "http://a.example/", extensions={"timeout": {"pool": limit}})
    await pool.acquire(request.url.origin, {})

    async def bare() -> None:
        await loop.create_future()

    # What the pool delivers to is all; the future has an iterator.
    assert await _held(lambda: pool.send(request)) - await _held(bare) == -1
    assert pool.waiting == 0


@in_event_loops
async def test_those_who_give_up_in_the_middle_leave_no_room_behind_and_nobody_loses_his_turn(world: World) -> None:
    pool = silent_pool(world, 1, max_connections=1)
    lent = await pool.acquire(A, {})
    served: list[int] = []

    async def wait(number: int) -> None:
        connection = await pool.acquire(A, {})
        served.append(number)
        pool.release(connection)

    tasks: list[Task] = []
    for number in range(MANY):
        tasks.append(await world.beside(functools.partial(wait, number)))
        await world.until(lambda: pool.waiting == len(tasks))
    for number in range(1, MANY):
        if number % 100:
            tasks[number].cancel()
    for task in tasks[1:100]:
        await task.ended()

    await world.until(lambda: pool.waiting == MANY // 100)
    assert len(pool._places[A].waiters) <= 2 * pool.waiting + 8
    pool.release(lent)
    for number in range(0, MANY, 100):
        await tasks[number].result()
    assert served == list(range(0, MANY, 100))
    assert numbers(pool) == {"open": 1, "idle": 1}
    pool.close()


@in_event_loops
async def test_each_of_those_who_wait_is_told_when_his_own_time_is_over(world: World) -> None:
    pool = silent_pool(world, 1, max_connections=1)
    lent = await pool.acquire(A, {})
    told: list[float] = []

    async def wait(limit: float) -> None:
        with pytest.raises(PoolTimeout, match=f"after {limit} s"):
            await pool.acquire(A, {"pool": limit})
        told.append(limit)

    tasks = [await world.beside(functools.partial(wait, limit)) for limit in (60.0, 0.09, 0.03, 0.06)]
    for task in tasks[1:]:
        await task.result()
    assert told == [0.03, 0.06, 0.09]
    assert pool.waiting == 1
    pool.close()
    with pytest.raises(RuntimeError, match="closed while the request waited"):
        await tasks[0].result()
    lent.close()


@in_asyncio_loops
@pytest.mark.parametrize("limit", [float("nan"), -1.0])
async def test_a_senseless_limit_does_not_keep_others_waiting(world: World, limit: float) -> None:
    waiters = [world.backend.waiter() for _ in range(5)]
    promised = [waiter.wait(each) for waiter, each in zip(waiters, (60.0, limit, 0.02, limit, 0.01), strict=True)]

    async with asyncio.timeout(PATIENCE):
        assert [await promise for promise in promised[1:]] == [None] * 4
    assert waiters[0].deliver("in time")
    assert await promised[0] == "in time"


@in_asyncio_loops
async def test_an_endless_limit_is_one_that_nobody_lives_to_see(world: World) -> None:
    patient, hasty = world.backend.waiter(), world.backend.waiter()
    promised = patient.wait(float("inf"))
    assert await hasty.wait(0.01) is None
    assert patient.deliver("in time")
    assert await promised == "in time"


@in_asyncio_loops
async def test_nobody_is_told_before_his_time_is_over_nor_long_after_it(world: World) -> None:
    limits = [number / 1000 for number in range(1, 60)]
    late: list[float] = []
    late_anyway: list[float] = []

    async def wait(limit: float) -> None:
        started = time.monotonic()
        assert await world.backend.waiter().wait(limit) is None
        late.append(time.monotonic() - started - limit)

    async def sleep(limit: float) -> None:
        started = time.monotonic()
        await asyncio.sleep(limit)
        late_anyway.append(time.monotonic() - started - limit)

    await asyncio.gather(*map(wait, limits), *map(sleep, limits))
    assert min(late) >= 0.0
    assert max(late) < max(late_anyway) + 0.1  # a tick, beside what a busy machine takes of everybody


@in_asyncio_loops
async def test_limits_of_those_who_were_served_are_forgotten(world: World) -> None:
    alarm = world.backend._alarm
    patient = world.backend.waiter()
    patient.wait(60.0)
    timer = alarm._timer

    for number in range(MANY):
        waiter = world.backend.waiter()
        promised = waiter.wait(60.0)
        assert waiter.deliver(number)
        assert await promised == number

    assert alarm._timer is timer, "one for all of them"
    assert len(alarm._ticks) < 16
    assert [list(row) for row in alarm._rows.values()] == [[patient]]
    patient.abandon()


async def _held(work: Callable[[], Coroutine[Any, Any, Any]]) -> int:
    """Return how many objects more the collector follows for each task that waits."""
    await asyncio.sleep(0)  # until nothing is left of those before
    gc.collect()
    before = len(gc.get_objects())
    tasks = [asyncio.create_task(work()) for _ in range(MANY)]
    await asyncio.sleep(0)
    gc.collect()
    held = len(gc.get_objects()) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return round(held / MANY)
