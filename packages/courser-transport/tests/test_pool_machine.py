"""The pool in any order of events, with waiters, in every world: the invariants hold after each."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courser_models import Origin
from courser_transport import ConnectError, PoolTimeout
from courser_transport.testing import ScriptedStream
from pools import OPEN_POOLS, check_invariants, scripted_pool
from worlds import Task, World, run_in

ORIGINS = [Origin("http", f"{name}.example", 80) for name in "abc"]

# What may happen next; the number chooses whom it happens to.
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "ask", "ask", "release", "release", "break", "refuse", "cancel", "time out", "warm up"]
        ),
        st.integers(0, 11),
    ),
    max_size=60,
)
LIMITS = st.fixed_dictionaries(
    {
        "max_connections": st.sampled_from([1, 2, 3, None]),
        "max_connections_per_origin": st.sampled_from([1, 2, None]),
        "max_keepalive_connections": st.sampled_from([0, 1, 2, None]),
    }
)


class Play:
    """A pool, who asked for a connection, and who has one."""

    def __init__(self, world: World, limits: dict[str, Any]) -> None:
        self.world = world
        self.pool, self.network = scripted_pool(world, **limits)
        self.asked: list[Task] = []
        self.lent: list[Any] = []

    async def step(self, event: str, number: int) -> None:
        """Let one thing happen, and everything that follows from it."""
        origin = ORIGINS[number % 3]
        self.network._streams = [ScriptedStream([]) for _ in range(9)]
        if event == "ask" and len(self.asked) < 6:
            await self._ask(origin)
        elif event == "refuse" and len(self.asked) < 6:
            self.network._streams = [ConnectError("refused")]
            await self._ask(origin)
        elif event in ("release", "break") and self.lent:
            connection = self.lent.pop(number % len(self.lent))
            connection.is_reusable = event == "release"
            self.pool.release(connection)
        elif event == "cancel" and self.asked and self.world.has_loop:
            task = self.asked[number % len(self.asked)]
            if self.lent and number % 2:  # in the tick of what may be its grant
                self.pool.release(self.lent.pop())
            task.cancel()
            await task.ended()
        elif event == "time out":
            with contextlib.suppress(PoolTimeout):
                self.lent.append(await self.pool.acquire(origin, {"pool": 0.0}))
        elif event == "warm up":
            await self.pool.warm_up(origin, 1)
        await self._settle()
        check_invariants(self.pool)
        assert self.pool.lent == len(self.lent)
        assert self.pool.waiting == len(self.asked)

    async def _ask(self, origin: Origin) -> None:
        before = self.pool.waiting
        task = await self.world.beside(lambda: self.pool.acquire(origin, {}))
        self.asked.append(task)
        await self.world.until(lambda: task.is_done or self.pool.waiting == before + 1)

    async def _settle(self) -> None:
        """Wait until all who are not in the line have what they asked for."""
        await self.world.until(lambda: sum(not task.is_done for task in self.asked) <= self.pool.waiting)
        for task in [task for task in self.asked if task.is_done]:
            self.asked.remove(task)
            if task.was_cancelled:
                continue
            try:
                connection = await task.result()
            except ConnectError:
                continue
            assert connection not in self.lent, "a connection is lent to one exchange at a time"
            assert not connection._wire.is_closed
            self.lent.append(connection)

    async def end(self) -> None:
        """Give everything back: everybody is served, and nothing is left."""
        self.network._streams = [ScriptedStream([]) for _ in range(99)]
        while self.asked or self.lent:
            assert self.lent, "somebody waits, and nobody has anything"
            self.pool.release(self.lent.pop())
            await self._settle()
            check_invariants(self.pool)
        assert self.pool.open == self.pool.idle
        self.pool.close()
        assert self.pool.stats()[:5] == (0, 0, 0, 0, 0)


async def _play(world: World, limits: dict[str, Any], script: list[tuple[str, int]]) -> None:
    play = Play(world, limits)
    for event, number in script:
        await play.step(event, number)
    await play.end()


@pytest.mark.parametrize("world_name", ["threads", "asyncio", "uvloop", "trio"])
@settings(max_examples=int(os.environ.get("COURSER_SOAK", "1")) * 60, deadline=None)
@given(limits=LIMITS, script=EVENTS)
def test_the_invariants_hold_whatever_happens(
    world_name: str, limits: dict[str, Any], script: list[tuple[str, int]]
) -> None:
    run_in(world_name, _play, {"limits": limits, "script": script})
    while OPEN_POOLS:
        OPEN_POOLS.pop().abandon()
