"""Looking up names: in time, promptly given up, and never in more threads than there may be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from courser_transport import ConnectError, ConnectTimeout, Deadline
from courser_transport._aside import AT_ONCE
from worlds import PATIENCE, World, in_event_loops, in_every_world

LOOPBACK = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))


class HangingNames:
    """A system whose look-ups end when it is let go; `asked` are the names that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._is_over = threading.Event()

    def getaddrinfo(self, host: Any, *arguments: Any, **options: Any) -> Any:
        self.asked.append(host)
        assert self._is_over.wait(PATIENCE)
        return [LOOPBACK]

    def let_go(self) -> None:
        self._is_over.set()

    @property
    def threads(self) -> int:
        return sum(thread.name.startswith("courser look-up") for thread in threading.enumerate())


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingNames]:
    hanging = HangingNames()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", hanging.getaddrinfo)
        yield hanging
        hanging.let_go()
    for thread in threading.enumerate():
        if thread.name.startswith("courser look-up"):
            thread.join(PATIENCE)


@in_every_world
async def test_a_look_up_that_hangs_ends_with_its_limit(world: World, names: HangingNames) -> None:
    started = time.monotonic()
    with pytest.raises(ConnectTimeout, match=r"^looking up a\.example timed out after 0\.1 s$"):
        await world.backend.resolve("a.example", 80, Deadline(0.1))
    assert time.monotonic() - started < 0.35


@in_every_world
async def test_look_ups_that_hang_do_not_fill_the_process_with_threads(world: World, names: HangingNames) -> None:
    for number in range(AT_ONCE + 20):
        with pytest.raises(ConnectTimeout):
            await world.backend.resolve(f"{number}.example", 80, Deadline(0.002))
    assert names.threads == AT_ONCE
    names.let_go()
    await world.until(lambda: not names.threads)
    assert await world.backend.resolve("a.example", 80, Deadline(PATIENCE)) == [(socket.AF_INET, ("127.0.0.1", 80))]
    assert len(names.asked) == AT_ONCE + 1, "those that were given up before their turn are not made"


@in_every_world
async def test_one_too_many_has_its_turn_when_another_ends(world: World, names: HangingNames) -> None:
    async def ask() -> Any:
        return await world.backend.resolve("a.example", 80, Deadline(PATIENCE))

    tasks = [await world.beside(ask) for _ in range(AT_ONCE + 5)]
    await world.until(lambda: len(names.asked) == AT_ONCE)
    names.let_go()
    assert [await task.result() for task in tasks] == [[(socket.AF_INET, ("127.0.0.1", 80))]] * (AT_ONCE + 5)
    assert len(names.asked) == AT_ONCE + 5


@in_event_loops
async def test_a_cancelled_look_up_returns_at_once(world: World, names: HangingNames) -> None:
    async def ask() -> Any:
        return await world.backend.resolve("a.example", 80, Deadline(PATIENCE))

    task = await world.beside(ask)
    await world.until(lambda: len(names.asked) == 1)
    task.cancel()
    started = time.monotonic()
    await task.ended()
    assert task.was_cancelled
    assert time.monotonic() - started < 0.25


@in_every_world
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%1"])
async def test_an_address_is_not_looked_up_in_a_thread(
    world: World, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        found = await world.backend.resolve(host, 80, Deadline(PATIENCE))
    address, zone = host.partition("%")[::2]
    assert [place[:2] for _, place in found] == [(address, 80)]
    if zone:
        assert found[0][1][3] == int(zone)


@in_every_world
async def test_a_look_up_that_gets_no_thread_is_an_error_and_keeps_no_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(AT_ONCE * 2):
            with pytest.raises(ConnectError, match=r"looking up a\.example failed: can't start new thread"):
                await world.backend.resolve("a.example", 80, Deadline(0.5))
    assert await world.backend.resolve("localhost", 80, Deadline(PATIENCE))
