"""What a request holds while it waits for a connection, which the garbage collector looks at again and again, and what
is left of those who gave up."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable, Coroutine
from typing import Any

from courser_models import Origin, Request
from pools import numbers, silent_pool
from worlds import Task, World, in_asyncio_loops, in_event_loops

MANY = 500


@in_asyncio_loops
async def test_a_waiting_request_holds_one_object_more_than_a_task_that_waits_for_a_future(world: World) -> None:
    loop = asyncio.get_running_loop()
    pool = silent_pool(world, 1, max_connections=1)
    request = Request("GET", "http://a.example/", extensions={"timeout": {"pool": None}})
    await pool.acquire(request.url.origin, {})

    async def bare() -> None:
        await loop.create_future()

    assert await _held(lambda: pool.send(request)) - await _held(bare) == 1  # what the pool delivers to
    assert pool.waiting == 0


@in_event_loops
async def test_those_who_give_up_in_the_middle_leave_no_room_behind_and_nobody_loses_his_turn(world: World) -> None:
    pool = silent_pool(world, 1, max_connections=1)
    origin = Origin("http", "a.example", 80)
    lent = await pool.acquire(origin, {})
    served: list[int] = []

    async def wait(number: int) -> None:
        connection = await pool.acquire(origin, {})
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
    assert len(pool._places[origin].waiters) <= 2 * pool.waiting + 8
    pool.release(lent)
    for number in range(0, MANY, 100):
        await tasks[number].result()
    assert served == list(range(0, MANY, 100))
    assert numbers(pool) == {"open": 1, "idle": 1}
    pool.close()


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
