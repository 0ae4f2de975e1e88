"""Who gets the next connection: first come, first served, whatever the origin, within the limits of each."""

from __future__ import annotations

import itertools
import random
import sys
from typing import Any

import pytest

from courser_models import Origin
from courser_transport import ConnectError, ConnectionPool, PoolTimeout
from courser_transport.testing import ScriptedStream, sends
from pools import check_invariants, numbers, scripted_pool, silent_pool, waiting_for
from worlds import Task, World, in_event_loops, in_every_world

A, B, C = (Origin("http", f"{name}.example", 80) for name in "abc")


async def _acquired(pool: ConnectionPool, *origins: Origin) -> list[Any]:
    return [await pool.acquire(origin, {}) for origin in origins]


async def _first_done(world: World, tasks: list[Task]) -> int:
    """Wait until one of the tasks has its connection, and return which."""
    await world.until(lambda: any(task.is_done for task in tasks))
    (number,) = (number for number, task in enumerate(tasks) if task.is_done)
    return number


@in_every_world
async def test_an_origin_has_no_more_connections_than_its_own_limit(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=9, max_connections_per_origin=2)
    await _acquired(pool, A, A, B, B)
    for origin in (A, B):
        with pytest.raises(PoolTimeout, match="4 of 9 connections are open"):
            await pool.acquire(origin, {"pool": 0.0})
    assert numbers(pool) == {"open": 4, "lent": 4}


@in_every_world
async def test_waiters_are_served_in_the_order_they_came_whatever_their_origin(world: World) -> None:
    pool = silent_pool(world, 99, max_connections=1)
    (held,) = await _acquired(pool, A)
    order = [B, A, A, C, B, A]
    tasks = await waiting_for(world, pool, *order)
    for origin in order:
        check_invariants(pool)
        pool.release(held)
        assert await _first_done(world, tasks) == 0
        held = await tasks.pop(0).result()
        assert held.route == origin
    pool.release(held)
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_every_world
async def test_a_waiter_whose_origin_is_at_its_limit_lets_others_pass(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=2, max_connections_per_origin=1)
    a, b = await _acquired(pool, A, B)
    second_a, c = await waiting_for(world, pool, A, C)
    pool.release(b)  # no place for A, which came first and has its one
    await c.result()
    assert not second_a.is_done
    pool.release(a)
    assert await second_a.result() is a
    assert numbers(pool) == {"open": 2, "lent": 2}


@in_every_world
async def test_a_waiter_is_served_as_soon_as_its_origin_may_have_one_more(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=2, max_connections_per_origin=1)
    a, b = await _acquired(pool, A, B)
    c, second_a = await waiting_for(world, pool, C, A)
    pool.release(a)  # C came first, and takes the place: from now on A may have one
    held = await c.result()
    assert pool.waiting == 1
    pool.release(b)
    assert (await second_a.result()).route == A
    assert held.route == C
    assert numbers(pool) == {"open": 2, "lent": 2}


@in_every_world
async def test_a_busy_origin_does_not_starve_another(world: World) -> None:
    pool = silent_pool(world, 999, max_connections=2)
    held = await _acquired(pool, A, A)
    tasks = await waiting_for(world, pool, A, A, B, A, A)
    for task in tasks[:3]:
        assert not tasks[2].is_done
        pool.release(held.pop(0))
        held.append(await task.result())
    assert [connection.route for connection in held] == [A, B]


@in_every_world
async def test_an_origin_at_its_limit_makes_room_for_a_fresh_connection_of_its_own(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=9, max_connections_per_origin=1)
    (a,) = await _acquired(pool, A)
    pool.release(a)
    assert await pool._acquire(A, {}, is_fresh=True) is not a
    assert a._wire.is_closed
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_the_oldest_idle_connection_of_all_makes_room(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=3)
    a, b, second_a = await _acquired(pool, A, B, A)
    for connection in (b, a, second_a):
        pool.release(connection)
    await _acquired(pool, C)
    assert [connection._wire.is_closed for connection in (a, b, second_a)] == [False, True, False]


@in_event_loops
@pytest.mark.parametrize("position", range(4))
async def test_a_waiter_cancelled_anywhere_in_the_line_is_passed_over(world: World, position: int) -> None:
    pool = silent_pool(world, 99, max_connections=1)
    (held,) = await _acquired(pool, A)
    tasks = await waiting_for(world, pool, A, B, A, C)
    cancelled = tasks.pop(position)
    cancelled.cancel()
    await cancelled.ended()
    assert pool.waiting == 3
    for task in tasks:
        check_invariants(pool)
        pool.release(held)
        held = await task.result()
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_event_loops
@pytest.mark.parametrize("position", range(4))
async def test_a_waiter_cancelled_in_the_tick_of_its_grant_passes_it_on_to_any_origin(
    world: World, position: int
) -> None:
    pool = silent_pool(world, 99, max_connections=1)
    (held,) = await _acquired(pool, A)
    tasks = await waiting_for(world, pool, A, B, A, C)
    for number, task in enumerate(tasks):
        check_invariants(pool)
        pool.release(held)
        if number == position:
            task.cancel()
            await task.ended()
            if task.was_cancelled:
                continue
        held = await task.result()
    if position == 3 and tasks[3].was_cancelled:
        assert pool.lent == 0
    else:
        assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
@pytest.mark.parametrize("position", range(3))
async def test_a_waiter_whose_time_is_over_anywhere_in_the_line_is_passed_over(world: World, position: int) -> None:
    pool = silent_pool(world, 99, max_connections=1)
    (held,) = await _acquired(pool, A)
    tasks: list[Task] = []
    for number, origin in enumerate([A, B, A]):

        async def wait(origin: Origin = origin, limit: float | None = 0.02 if number == position else None) -> Any:
            return await pool.acquire(origin, {"pool": limit})

        tasks.append(await world.beside(wait))
        # Who joins may find that the first has left the line already: on a busy machine its time is soon over.
        await world.until(lambda: pool.waiting + sum(task.is_done for task in tasks) == len(tasks))
    late = tasks.pop(position)
    with pytest.raises(PoolTimeout):
        await late.result()
    for task in tasks:
        check_invariants(pool)
        pool.release(held)
        held = await task.result()
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_a_waiter_who_cannot_connect_passes_the_place_on(world: World) -> None:
    pool, _ = scripted_pool(world, [], ConnectError("refused"), [], max_connections=1)
    (held,) = await _acquired(pool, A)
    first, second = await waiting_for(world, pool, B, C)
    pool.release(held)
    with pytest.raises(ConnectError, match="refused"):
        await first.result()
    assert (await second.result()).route == C


@in_every_world
async def test_a_granted_connection_that_was_sent_something_meanwhile_is_replaced(world: World) -> None:
    """What arrives between two requests of a busy connection would answer the second."""
    pool, backend = scripted_pool(world, [], [], max_connections=1)
    (held,) = await _acquired(pool, A)
    (task,) = await waiting_for(world, pool, A)
    await held._wire.write(b"a request that was answered", None)
    held._wire.steps = [sends(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")]
    pool.release(held)
    assert await task.result() is not held
    assert held._wire.is_closed
    assert len(backend.connected) == 2
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_a_connection_in_constant_use_grows_no_older_than_its_limit(world: World) -> None:
    pool, backend = scripted_pool(world, [], [], max_connections=1, max_connection_age=60.0)
    (held,) = await _acquired(pool, A)
    (task,) = await waiting_for(world, pool, A)
    held.born -= 61.0
    pool.release(held)
    assert await task.result() is not held
    assert len(backend.connected) == 2


@in_every_world
async def test_the_line_stays_short_where_everybody_gives_up(world: World) -> None:
    """Nobody releases anything, so nobody else would tidy up."""
    pool = silent_pool(world, 9, max_connections=2, max_connections_per_origin=1)
    await _acquired(pool, A, B)
    for number in range(300):
        with pytest.raises(PoolTimeout):
            await pool.acquire(Origin("http", f"{number % 3}.example", 80), {"pool": 0.0})
        assert len(pool._line) < 20
    assert len(pool._places) == 2
    assert pool.waiting == 0


async def _steps_of_a_release(world: World, count: int, origins: list[Origin]) -> int:
    """Return how many lines of the pool run for one release, and the next request, with `count` waiting."""
    pool = silent_pool(world, count + 9, max_connections=1)
    (held,) = await _acquired(pool, A)
    tasks = []
    for number in range(count):
        tasks.append(await world.beside(lambda number=number: pool.acquire(origins[number % len(origins)], {})))
        await world.turn()
    assert pool.waiting == count
    lines = 0

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.endswith("_pool.py"):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        pool.release(held)
    finally:
        sys.settrace(before)
    for task in tasks:
        task.cancel()
    for task in tasks:
        await task.ended()
    return lines


@in_event_loops
@pytest.mark.parametrize("origins", [[A], [B, C, A]])
async def test_a_release_costs_the_same_whoever_waits(world: World, origins: list[Origin]) -> None:
    few = await _steps_of_a_release(world, 10, origins)
    assert await _steps_of_a_release(world, 1_000, origins) == few


@in_every_world
async def test_a_request_costs_the_same_however_many_connections_are_open(world: World) -> None:
    """Only a look at all of them, which nobody asks for, would make a difference."""
    pool = silent_pool(world, 3_000)
    connections = await _acquired(pool, *[A] * 3_000)
    looked_at: list[Any] = []
    for connection in connections:
        connection._wire.is_readable = lambda connection=connection: looked_at.append(connection)
        pool.release(connection)
    for _ in range(10):
        held = pool._take_idle(A)
        assert held is connections[-1]
        pool.release(held)
    assert looked_at == [connections[-1]] * 10


@in_event_loops
async def test_everybody_is_served_in_turn_under_load(world: World) -> None:
    """With equal work, nobody waits longer than all who came before take."""
    rng = random.Random(1)
    pool, backend = scripted_pool(world, max_connections=10, max_connections_per_origin=7)
    backend._streams = [ScriptedStream([]) for _ in range(2_000)]
    arrivals = itertools.count()
    served: list[int] = []

    async def work() -> None:
        number = next(arrivals)
        connection = await pool.acquire(rng.choice([A, B]), {})
        served.append(number)
        await world.turn()
        pool.release(connection)

    tasks = [await world.beside(work) for _ in range(1_000)]
    for task in tasks:
        await task.result()
    late = max(position - number for position, number in enumerate(served))
    assert late < 60, "only those at their origin's limit were overtaken, and by few"
    check_invariants(pool)
