"""Many at once with one client, in every world: threads, asyncio, uvloop, trio.

A job is an `async def` of a client and a number, written as for an `AsyncClient` (see `worlds.py`).
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import trio

import courser
import courser_transport

from ..worlds import DisguisedClient

Job = Callable[[courser.AsyncClient, int], Coroutine[Any, Any, None]]
# What is done with the client, and asked of its pool, when all jobs are done.
Last = Callable[[courser.AsyncClient, Any], Coroutine[Any, Any, None]]

LOOPS = ("asyncio", "trio") if sys.platform == "win32" else ("asyncio", "uvloop", "trio")
WORLDS = ("threads", *LOOPS)


def crowd(world: str, job: Job, count: int, at_once: int, last: Last, **settings: Any) -> None:
    """Do `job` for each number below `count`, so many `at_once`; then do what is `last`."""
    if world == "threads":
        with courser.Client(**settings) as client:
            disguised = cast(courser.AsyncClient, DisguisedClient(client))
            with ThreadPoolExecutor(at_once) as threads:
                list(threads.map(lambda number: courser_transport.run_sync(job(disguised, number)), range(count)))
            courser_transport.run_sync(last(disguised, client._transport.pool))  # type: ignore[union-attr]
        return

    async def program() -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await job(client, number)

        async with courser.AsyncClient(**settings) as client:
            await together(world, [work] * at_once)
            await last(client, client._transport.pool)  # type: ignore[union-attr]

    run_in(world, program)


def run_in(world: str, program: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a program in one of the `LOOPS`."""
    if world == "trio":
        trio.run(program)
        return
    factory = None
    if world == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(program())


async def together(world: str, works: list[Callable[[], Awaitable[None]]]) -> None:
    """Do all of these at once; the first that fails ends the others."""
    if world == "trio":
        with _alone():
            async with trio.open_nursery() as nursery:
                for work in works:
                    nursery.start_soon(work)
        return
    with _alone():
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(cast(Coroutine[Any, Any, None], work()))


@contextmanager
def _alone() -> Generator[None]:
    """Raise what failed, without the group around it."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def cancelled_at(world: str, step: int, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Do `work`, and cancel it when it waits for the `step`-th time; return whether it was cancelled."""
    if world == "trio":
        with trio.CancelScope() as scope:
            await _Steps(work(), step, scope.cancel)
        return scope.cancelled_caught
    task: asyncio.Task[None] = asyncio.ensure_future(_awaited(_Steps(work(), step, lambda: task.cancel())))
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def _awaited(work: Awaitable[None]) -> None:
    await work


class _Steps:
    """Awaits `work`, and calls `act` when it suspends for the `step`-th time."""

    def __init__(self, work: Awaitable[None], step: int, act: Callable[[], object]) -> None:
        self._work = work
        self._step = step
        self._act = act

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work.__await__()
        advance: Callable[[], Any] = lambda: next(inner)  # noqa: E731
        taken = 0
        while True:
            try:
                awaited = advance()
            except StopIteration:
                return
            taken += 1
            if taken == self._step:
                self._act()
            try:
                answer = yield awaited
            except BaseException as error:
                advance = _throwing(inner, error)
            else:
                advance = _sending(inner, answer)


def _throwing(inner: Any, error: BaseException) -> Callable[[], Any]:
    return lambda: inner.throw(error)


def _sending(inner: Any, answer: Any) -> Callable[[], Any]:
    return lambda: inner.send(answer)
