"""One test, every world: `@in_every_world` runs an `async def test(world)` in threads, asyncio and uvloop.

A `World` gives the test what differs: the backend, and a way to let something else run.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from courser_transport import Backend, run_sync
from courser_transport._backends.asyncio import AsyncioBackend
from courser_transport._backends.threads import ThreadBackend
from courser_transport._body import AsyncBody, SyncBody

PATIENCE = 10.0
"""Seconds after which a test that waits for something has failed."""


class ThreadWorld:
    """Tests run in the thread of pytest; what runs beside them gets a thread of its own."""

    name = "threads"
    body: type[SyncBody] | type[AsyncBody] = SyncBody

    def __init__(self) -> None:
        self.backend: Backend = ThreadBackend()

    async def beside(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Task:
        """Run `work` beside the test, and return what waits for it."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append((run_sync(work()), None))
            except BaseException as error:
                outcome.append((None, error))

        thread = threading.Thread(target=run)
        thread.start()

        async def result() -> Any:
            thread.join(PATIENCE)
            assert outcome, "what runs beside the test does not end"
            value, error = outcome[0]
            if error is not None:
                raise error
            return value

        return Task(result)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let others run until `condition` holds."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.001)):
            if condition():
                return
            pause.wait(0.001)
        raise AssertionError("what the test waits for does not happen")


class LoopWorld:
    """Tests run in an event loop; what runs beside them is a task."""

    body: type[SyncBody] | type[AsyncBody] = AsyncBody

    def __init__(self, name: str) -> None:
        self.name = name
        self.backend: Backend = AsyncioBackend()

    async def beside(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Task:
        """Run `work` beside the test, and return what waits for it."""
        task = asyncio.ensure_future(work())
        return Task(lambda: asyncio.wait_for(task, PATIENCE), task)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let others run until `condition` holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0)


class Task:
    """Something that runs beside a test."""

    def __init__(self, result: Callable[[], Awaitable[Any]], task: asyncio.Future[Any] | None = None) -> None:
        self.result = result
        self._task = task

    def cancel(self) -> None:
        """Cancel it, in the worlds where that can be done."""
        assert self._task is not None, "threads cannot be cancelled"
        self._task.cancel()


World = ThreadWorld | LoopWorld
Test = Callable[..., Coroutine[Any, Any, None]]


def _run(name: str, test: Test, arguments: dict[str, Any]) -> None:
    if name == "threads":
        run_sync(test(ThreadWorld(), **arguments))
        return

    async def main() -> None:
        await test(LoopWorld(name), **arguments)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if name == "uvloop" else None) as runner:
        runner.run(main())


def _in_worlds(*names: str) -> Callable[[Test], Callable[..., None]]:
    def decorate(test: Test) -> Callable[..., None]:
        import inspect

        signature = inspect.signature(test)
        parameters = [p for p in signature.parameters.values() if p.name != "world"]

        def run(world_name: str, **arguments: Any) -> None:
            _run(world_name, test, arguments)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]  # where pytest looks for fixtures
            parameters=[inspect.Parameter("world_name", inspect.Parameter.KEYWORD_ONLY), *_keyword_only(parameters)],
            return_annotation=None,
        )
        marks = getattr(test, "pytestmark", [])
        if marks:
            run.pytestmark = list(marks)  # type: ignore[attr-defined]  # pytest's own place for marks
        return pytest.mark.parametrize("world_name", names)(run)

    return decorate


def _keyword_only(parameters: list[Any]) -> list[Any]:
    import inspect

    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]


in_every_world = _in_worlds("threads", "asyncio", "uvloop")
in_event_loops = _in_worlds("asyncio", "uvloop")
