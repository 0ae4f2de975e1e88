"""The threads world: a coroutine that never waits is a function in other clothes.

All code that moves bytes is `async def`. In a thread every await below it ends in a blocking call, so one step runs
the coroutine to its end.
"""

from __future__ import annotations

import typing
from collections.abc import Coroutine

T = typing.TypeVar("T")


def run_sync(coroutine: Coroutine[typing.Any, typing.Any, T]) -> T:
    """Run `coroutine` to its end in this thread and return its result.

    Raises `RuntimeError`, naming what was awaited, if it suspends: something in it needs an event loop, and there
    is none here.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError(
        f"{getattr(coroutine, '__qualname__', coroutine)} awaited {awaited!r} in a sync client; "
        "what a sync client calls must not wait for an event loop"
    )
