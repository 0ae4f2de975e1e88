"""Several things at once, in each world; each is an `async def` that awaits its client, as in `..worlds`."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import trio

from ..worlds import Asyncio, Loop, Threads, Trio, World, finish

Work = Callable[[], Coroutine[Any, Any, None]]


class Together(Protocol):
    """What a world does with several things at once."""

    async def run_all(self, works: list[Work]) -> None:
        """Run all of `works` at once; what fails in one of them fails here."""


class CancelledTogether(Together, Protocol):
    """What a loop can do besides."""

    async def cancel_after(self, turns: int, work: Work) -> bool:
        """Cancel `work` after so many turns of the loop; return whether it had not ended before."""


class AsyncioTasks:
    """Tasks of asyncio's."""

    async def run_all(self, works: list[Work]) -> None:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work())

    async def cancel_after(self, turns: int, work: Work) -> bool:
        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False


class TrioTasks:
    """Tasks of trio's, in scopes that can be cancelled."""

    async def run_all(self, works: list[Work]) -> None:
        async with trio.open_nursery() as nursery:
            for work in works:
                nursery.start_soon(work)

    async def cancel_after(self, turns: int, work: Work) -> bool:
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await work()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            scope.cancel()
        return scope.cancelled_caught


class ThreadsTogether:
    """A thread for each."""

    async def run_all(self, works: list[Work]) -> None:
        failures: list[BaseException] = []

        def run(work: Work) -> None:
            try:
                finish(work())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=[work]) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


LOOPS: list[tuple[Loop, CancelledTogether]] = [(Asyncio(), AsyncioTasks()), (Trio(), TrioTasks())]
WORLDS: list[tuple[World, Together]] = [(Threads(), ThreadsTogether()), *LOOPS]
