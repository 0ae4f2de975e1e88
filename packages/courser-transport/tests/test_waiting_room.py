"""What a request holds while it waits for a connection: the garbage collector looks at all of it, again and again."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

from courser_models import Request
from pools import silent_pool
from worlds import World, in_asyncio_loops

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
