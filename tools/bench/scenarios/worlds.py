"""The event loops a scenario can choose between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")

World = Literal["asyncio", "uvloop"]


def run(world: World, coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_loop_factory(world)) as runner:
        return runner.run(coroutine)


def _loop_factory(world: World) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if world == "asyncio":
        return None
    import uvloop  # only here: the other worlds must not pay for it

    return uvloop.new_event_loop
