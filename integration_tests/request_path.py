"""What one warm request costs, counted and not timed: `python -m integration_tests.request_path threads URL`.

The other worlds are `asyncio`, `uvloop` and `trio`.

Prints a JSON object with `calls` and `objects` of a GET (how often, by name) and the `sends` of a GET and of a POST.

- *calls* are Python-level calls in the client's thread, the event loop's included: the «call» events of
  `sys.setprofile`, which fire when a function is entered and whenever a coroutine is resumed.
- *objects* are instances of the classes of courser's packages. Their `__new__` is replaced by one that counts; what
  is made by `object.__new__` behind its back shows up in the profile.
- *sends* are calls of a socket's C-level methods that write. Each is one system call, since what is written here is
  far smaller than a socket's buffer.

It runs in a process of its own, because what it does to the classes cannot be undone.
"""

import asyncio
import enum
import functools
import gc
import json
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import courser

BODY = bytes(10_000)
WARM_UP = 10
REQUESTS = 31
WRITES = {"send", "sendall", "sendmsg", "sendto", "sendfile"}

Act = Callable[[Any], Any]


def main() -> None:
    world, url = sys.argv[1:]
    measure = {
        "threads": measure_threads,
        "asyncio": functools.partial(measure_async, asyncio.run),
        "uvloop": functools.partial(measure_async, run_in_uvloop),
        "trio": functools.partial(measure_async, run_in_trio),
    }[world]

    def get(client: Any) -> Any:
        return client.get(url)

    def post(client: Any) -> Any:
        return client.post(url, content=BODY)

    getting, posting = measure(get), measure(post)
    # Last, since a class that counts makes calls of its own.
    count_instances()
    objects = measure(get).objects
    print(
        json.dumps({"calls": getting.calls, "objects": objects, "sends": {"get": getting.sends, "post": posting.sends}})
    )


def measure_threads(act: Act) -> "Count":
    counts = [Count() for _ in range(REQUESTS)]
    with courser.Client() as client:
        for _ in range(WARM_UP):
            act(client)
        for count in counts:
            with count:
                act(client)
    return least(counts)


def measure_async(run: Callable[[Coroutine[Any, Any, None]], None], act: Act) -> "Count":
    counts = [Count() for _ in range(REQUESTS)]

    async def program() -> None:
        async with courser.AsyncClient() as client:
            for _ in range(WARM_UP):
                await act(client)
            for count in counts:
                with count:
                    await act(client)

    run(program())
    return least(counts)


def run_in_uvloop(program: Coroutine[Any, Any, None]) -> None:
    import uvloop

    uvloop.run(program)


def run_in_trio(program: Coroutine[Any, Any, None]) -> None:
    import trio

    async def main() -> None:
        await program

    trio.run(main)


def least(counts: list["Count"]) -> "Count":
    """Return the count of the request that took the fewest calls.

    How an answer arrives changes the count and says nothing about the client: in two reads, or, where the machine is
    busy, only after trio has been made to wait for it. What the client adds to each request is in the least as well.
    """
    return min(counts, key=lambda count: count.calls.total())


class Count:
    """The counts of what runs inside its `with` block, this file left out."""

    running: "Count | None" = None

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()
        self.sends = 0

    def __enter__(self) -> None:
        Count.running = self
        sys.setprofile(self._profile)

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)
        Count.running = None

    def _profile(self, frame: FrameType, event: str, function: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call":
            if module != __name__:
                self.calls[f"{module}.{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            if function.__name__ in WRITES and isinstance(function.__self__, socket.socket):
                self.sends += 1
            elif function.__name__ == "__new__" and is_ours(module):
                self.objects[f"object.__new__ in {frame.f_code.co_qualname}"] += 1


def count_instances() -> None:
    """Make every class of ours tell the running count about its new instances."""
    classes = [thing for thing in gc.get_objects() if isinstance(thing, type) and is_ours(thing.__module__)]
    # All originals first: afterwards a subclass would inherit the counting one.
    originals = [(cls, cls.__new__) for cls in classes if not issubclass(cls, enum.Enum)]
    for cls, original in originals:
        cls.__new__ = _counting(cls, original)  # type: ignore[method-assign]  # this is the point


def _counting(cls: type, original: Callable[..., Any]) -> Callable[..., Any]:
    def counting(actual: type, *arguments: Any, **keywords: Any) -> Any:
        # Where `__new__` calls that of a parent, only the first one counts.
        if Count.running is not None and actual is cls:
            Count.running.objects[cls.__qualname__] += 1
        return original(actual) if original is object.__new__ else original(actual, *arguments, **keywords)

    return counting


def is_ours(module: object) -> bool:
    return isinstance(module, str) and module.split(".")[0].startswith("courser")


if __name__ == "__main__":
    main()
