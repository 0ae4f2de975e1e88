"""One test, every world: `@in_every_world` runs an `async def test(world)` in threads, asyncio, uvloop and trio.

A `World` gives the test what differs: the backend, and ways to run something beside the test and to let it run.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import trio
import uvloop

from courser_transport import Backend, run_sync
from courser_transport._backends import current_backend
from courser_transport._backends.threads import ThreadBackend
from courser_transport._body import AsyncBody, SyncBody

PATIENCE = 10.0
"""Seconds after which a test that waits for something has failed."""

Work = Callable[[], Coroutine[Any, Any, Any]]


class Task:
    """Something that runs beside a test: `is_done`, and how it ended."""

    def __init__(self, world: World, work: Work) -> None:
        self._world = world
        self._work = work
        self._outcome: list[Any] = []
        self._error: BaseException | None = None
        self.is_done = False

    async def run(self) -> None:
        """Do the work and note its end; a cancellation goes on to whoever runs this."""
        try:
            self._outcome.append(await self._work())
        except BaseException as error:
            self._error = error
            if not isinstance(error, Exception):
                raise
        finally:
            self.is_done = True

    @property
    def was_cancelled(self) -> bool:
        """Whether it ended by being cancelled."""
        return isinstance(self._error, (asyncio.CancelledError, trio.Cancelled))

    def cancel(self) -> None:
        """Cancel it, in the worlds where that can be done."""
        raise AssertionError("threads cannot be cancelled")

    async def ended(self) -> None:
        """Wait for its end, whichever it is."""
        await self._world.until(lambda: self.is_done)

    async def result(self) -> Any:
        """Wait for its end; return its result, or raise its error."""
        await self.ended()
        if self._error is not None:
            raise self._error
        return self._outcome[0]


class World:
    """What differs between worlds."""

    body: type[SyncBody] | type[AsyncBody] = AsyncBody
    has_loop = True

    def __init__(self, name: str, backend: Backend) -> None:
        self.name = name
        self.backend = backend

    async def beside(self, work: Work) -> Task:
        """Run `work` beside the test."""
        raise NotImplementedError

    async def turn(self) -> None:
        """Let what runs beside the test run for a turn."""
        raise NotImplementedError

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something that blocks, without keeping others from running."""
        raise NotImplementedError

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let others run until `condition` holds."""
        deadline = threading.Event()
        timer = threading.Timer(PATIENCE, deadline.set)
        timer.daemon = True
        timer.start()
        try:
            while not condition():
                assert not deadline.is_set(), "what the test waits for does not happen"
                await self.turn()
        finally:
            timer.cancel()


class ThreadWorld(World):
    """Tests run in the thread of pytest; what runs beside them gets a thread of its own."""

    body = SyncBody
    has_loop = False

    def __init__(self) -> None:
        super().__init__("threads", ThreadBackend())
        self._pause = threading.Event()

    async def beside(self, work: Work) -> Task:
        task = Task(self, work)
        threading.Thread(target=lambda: run_sync(task.run()), daemon=True).start()
        return task

    async def turn(self) -> None:
        self._pause.wait(0.0005)

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


class AsyncioTask(Task):
    """A task of asyncio's."""

    def start(self) -> None:
        self._task = asyncio.ensure_future(self.run())

    def cancel(self) -> None:
        self._task.cancel()

    async def ended(self) -> None:
        await asyncio.wait([self._task], timeout=PATIENCE)
        assert self._task.done(), "what runs beside the test does not end"
        if not self.is_done:  # cancelled before its first step
            self.is_done = True
            self._error = asyncio.CancelledError()


class AsyncioWorld(World):
    """Tests run in a loop of asyncio's or uvloop's."""

    def __init__(self, name: str) -> None:
        super().__init__(name, current_backend())

    async def beside(self, work: Work) -> Task:
        task = AsyncioTask(self, work)
        task.start()
        return task

    async def turn(self) -> None:
        await asyncio.sleep(0)

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(function, *arguments)


class TrioTask(Task):
    """A task of trio's, in a scope that can be cancelled."""

    def __init__(self, world: World, work: Work) -> None:
        super().__init__(world, work)
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        with self._scope:
            await super().run()

    def cancel(self) -> None:
        self._scope.cancel()


class TrioWorld(World):
    """Tests run in trio, inside a nursery."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__("trio", current_backend())
        self._nursery = nursery

    async def beside(self, work: Work) -> Task:
        task = TrioTask(self, work)
        self._nursery.start_soon(task.run)
        return task

    async def turn(self) -> None:
        # Within one turn trio runs its tasks in any order; after two, all have run at least once.
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await trio.to_thread.run_sync(function, *arguments)


Test = Callable[..., Coroutine[Any, Any, None]]


def run_in(name: str, test: Test, arguments: dict[str, Any]) -> None:
    """Run `test` in the world of this name, and with it all that it starts."""
    if name == "threads":
        run_sync(test(ThreadWorld(), **arguments))
    elif name == "trio":
        trio.run(_in_nursery, test, arguments)
    else:

        async def main() -> None:
            await test(AsyncioWorld(name), **arguments)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop if name == "uvloop" else None) as runner:
            runner.run(main())


async def _in_nursery(test: Test, arguments: dict[str, Any]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            await test(TrioWorld(nursery), **arguments)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The test's own failure, as it would be without the nursery around it.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


def _in_worlds(*names: str) -> Callable[[Test], Callable[..., None]]:
    def decorate(test: Test) -> Callable[..., None]:
        signature = inspect.signature(test)
        parameters = [
            inspect.Parameter("world_name", inspect.Parameter.KEYWORD_ONLY),
            *[
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                for parameter in signature.parameters.values()
                if parameter.name != "world"
            ],
        ]

        def run(world_name: str, **arguments: Any) -> None:
            run_in(world_name, test, arguments)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        # Where pytest looks for fixtures and marks.
        run.__signature__ = signature.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
        run.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
        return pytest.mark.parametrize("world_name", names)(run)

    return decorate


in_every_world = _in_worlds("threads", "asyncio", "uvloop", "trio")
in_event_loops = _in_worlds("asyncio", "uvloop", "trio")
in_asyncio_loops = _in_worlds("asyncio", "uvloop")
