"""The pool on a scripted network, in every world; order replaces sleeping."""

from __future__ import annotations

import random
from typing import Any

import pytest

from courser_models import ByteStream, LocalProtocolError, Origin, Request
from courser_transport import ConnectError, PoolTimeout, ReadTimeout, UnsupportedProtocol
from courser_transport.testing import ScriptedStream, ends, expects, hangs, sends
from pools import numbers, scripted_pool, waiting_for
from worlds import PATIENCE, ThreadWorld, World, in_event_loops, in_every_world

A, B = "http://a.example/", "http://b.example/"
ORIGIN_A, ORIGIN_B = Origin("http", "a.example", 80), Origin("http", "b.example", 80)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HALF = sends(OK[:-3])
REST = sends(OK[-3:])


async def _read(response: Any) -> bytes:
    if isinstance(response.stream, ByteStream):
        return response.stream.read_all()
    chunks = b""
    while chunk := await response.stream.next_chunk():
        chunks += chunk
    return chunks


@in_every_world
async def test_a_connection_is_used_again(world: World) -> None:
    pool, backend = scripted_pool(world, [])
    connection = await pool.acquire(ORIGIN_A, {})
    stream: Any = connection._wire
    pool.release(connection)
    for _ in range(3):
        assert pool._take_idle(ORIGIN_A) is connection
        stream.steps = [sends(OK)]  # now: what a peer sends before it is asked makes a connection stale
        assert await _read(await connection.send(Request("GET", A))) == b"hello"
        assert numbers(pool) == {"open": 1, "idle": 1}
    assert backend.connected == ["a.example:80"]


@in_every_world
async def test_each_origin_has_its_own_connections(world: World) -> None:
    pool, backend = scripted_pool(world, [sends(OK)], [sends(OK)])
    await _read(await pool.send(Request("GET", A)))
    await _read(await pool.send(Request("GET", B)))
    assert backend.connected == ["a.example:80", "b.example:80"]
    assert numbers(pool) == {"open": 2, "idle": 2}


@in_every_world
async def test_the_newest_idle_connection_is_taken(world: World) -> None:
    pool, _ = scripted_pool(world, [], [])
    first = await pool.acquire(ORIGIN_A, {})
    second = await pool.acquire(ORIGIN_A, {})
    pool.release(first)
    pool.release(second)
    assert pool._take_idle(ORIGIN_A) is second
    assert pool._take_idle(ORIGIN_A) is first
    assert pool._take_idle(ORIGIN_A) is None


@in_every_world
async def test_a_connection_with_something_to_read_is_replaced(world: World) -> None:
    pool, backend = scripted_pool(world, [sends(OK), ends()], [sends(OK)])
    await _read(await pool.send(Request("GET", A)))
    await _read(await pool.send(Request("GET", A)))
    assert backend.connected == ["a.example:80"] * 2
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_every_world
async def test_a_connection_past_its_expiry_is_replaced(world: World) -> None:
    pool, backend = scripted_pool(world, [sends(OK)], [sends(OK)], keepalive_expiry=0.0)
    await _read(await pool.send(Request("GET", A)))
    next(iter(pool._connections)).idle_until = 0.0
    await _read(await pool.send(Request("GET", A)))
    assert len(backend.connected) == 2


@in_every_world
async def test_only_so_many_are_kept_idle_and_the_oldest_goes(world: World) -> None:
    pool, _ = scripted_pool(world, [], [], [], max_keepalive_connections=2)
    connections = [await pool.acquire(ORIGIN_A, {}) for _ in range(3)]
    for connection in connections:
        pool.release(connection)
    assert numbers(pool) == {"open": 2, "idle": 2}
    assert [connection._wire.is_closed for connection in connections] == [True, False, False]  # type: ignore[attr-defined]


@in_every_world
async def test_of_thirty_connections_the_twenty_that_were_used_last_are_kept(world: World) -> None:
    """Those in use do not count."""
    pool, _ = scripted_pool(world, *([] for _ in range(35)), max_keepalive_connections=20)
    held = [await pool.acquire(ORIGIN_A, {}) for _ in range(35)]
    released = held[:10] + held[20:30] + held[10:20]
    for connection in released:
        pool.release(connection)
    kept = list(pool._idle_by_age)
    assert kept == released[10:]
    streams: list[Any] = [connection._wire for connection in released]
    assert [stream.is_closed for stream in streams] == [True] * 10 + [False] * 20
    assert numbers(pool) == {"open": 25, "idle": 20, "lent": 5}


@in_every_world
@pytest.mark.parametrize(("seconds", "connections"), [(1, 2), (60, 1)])
async def test_a_connection_is_used_as_long_as_its_server_keeps_it(
    world: World, seconds: int, connections: int
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=%d\r\nContent-Length: 5\r\n\r\nhello" % seconds
    script = [expects(b"GET"), sends(answer)]
    pool, backend = scripted_pool(world, [*script, *script], script)
    for _ in range(2):
        assert await _read(await pool.send(Request("GET", A))) == b"hello"
    assert len(backend.connected) == connections


@in_every_world
async def test_a_connection_serves_as_many_requests_as_it_may(world: World) -> None:
    pool, backend = scripted_pool(world, [], [], max_requests_per_connection=2)
    for number in range(3):
        connection = await pool.acquire(ORIGIN_A, {})
        stream: Any = connection._wire
        stream.steps = [sends(OK)]
        assert await _read(await connection.send(Request("GET", A))) == b"hello"
        assert pool.idle == (0 if number == 1 else 1)
    assert backend.connected == ["a.example:80"] * 2


@in_every_world
async def test_the_oldest_idle_connection_makes_room_for_another_origin(world: World) -> None:
    pool, backend = scripted_pool(world, [sends(OK)], [sends(OK)], max_connections=1)
    await _read(await pool.send(Request("GET", A)))
    await _read(await pool.send(Request("GET", B)))
    assert backend.connected == ["a.example:80", "b.example:80"]
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_every_world
async def test_a_released_connection_goes_to_the_oldest_waiter(world: World) -> None:
    pool, backend = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    order: list[int] = []

    def waiting(number: int) -> Any:
        async def wait() -> None:
            granted = await pool.acquire(ORIGIN_A, {"pool": 5.0})
            assert granted is connection
            order.append(number)
            pool.release(granted)

        return wait

    tasks = []
    for number in range(4):
        tasks.append(await world.beside(waiting(number)))
        await world.until(lambda: pool.waiting == len(tasks))
    assert numbers(pool) == {"open": 1, "lent": 1, "waiting": 4}
    pool.release(connection)
    for task in tasks:
        await task.result()
    assert order == [0, 1, 2, 3]
    assert len(backend.connected) == 1
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_every_world
async def test_a_waiter_for_another_origin_gets_the_place_in_its_turn(world: World) -> None:
    pool, backend = scripted_pool(world, [], [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})

    async def wait() -> Any:
        return await pool.acquire(ORIGIN_B, {"pool": 5.0})

    task = await world.beside(wait)
    await world.until(lambda: pool.waiting == 1)
    pool.release(connection)
    assert (await task.result()).route == ORIGIN_B
    assert connection._wire.is_closed  # type: ignore[attr-defined]
    assert numbers(pool) == {"open": 1, "lent": 1}
    assert backend.connected == ["a.example:80", "b.example:80"]


@in_every_world
async def test_a_connection_that_broke_gives_its_place_to_the_waiter(world: World) -> None:
    pool, backend = scripted_pool(world, [], [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})

    async def wait() -> Any:
        return await pool.acquire(ORIGIN_A, {"pool": 5.0})

    task = await world.beside(wait)
    await world.until(lambda: pool.waiting == 1)
    connection.is_reusable = False
    pool.release(connection)
    assert await task.result() is not connection
    assert len(backend.connected) == 2
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_waiting_has_a_limit_that_the_error_explains(world: World) -> None:
    pool, _ = scripted_pool(world, [], [], max_connections=2)
    first, _ = [await pool.acquire(ORIGIN_A, {}) for _ in range(2)]
    first.lent_at -= 3600.0
    with pytest.raises(PoolTimeout) as caught:
        await pool.acquire(ORIGIN_A, {"pool": 0.01})
    said, _, longest = str(caught.value).partition("; the longest in use has been for ")
    assert said == (
        "waiting for a connection to a.example:80 timed out after 0.01 s: "
        "2 of 2 connections are open (2 in use, 0 idle, 0 connecting), 0 requests wait"
    )
    assert 3600.0 <= float(longest.removesuffix(" s")) < 3600.0 + PATIENCE
    assert numbers(pool) == {"open": 2, "lent": 2}


@in_every_world
async def test_a_connection_that_is_lent_again_has_been_in_use_since_then(world: World) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    connection.lent_at -= 3600.0
    pool.release(connection)
    with pytest.raises(PoolTimeout, match=r"the longest in use has been for \d\.\d s"):
        await pool.acquire(ORIGIN_A, {}) and await pool.acquire(ORIGIN_A, {"pool": 0.01})


@in_every_world
@pytest.mark.parametrize("others", [{}, {"trace": print}])
async def test_one_whose_limit_makes_no_sense_does_not_stay_in_the_line(world: World, others: dict[str, Any]) -> None:
    """What is delivered to it would be lost."""
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    with pytest.raises(TypeError):
        await pool.send(Request("GET", A, extensions={"timeout": {"pool": "soon"}, **others}))
    assert numbers(pool) == {"open": 1, "lent": 1}
    pool.release(connection)
    assert pool._take_idle(ORIGIN_A) is connection


@in_every_world
async def test_a_failed_connect_frees_its_place(world: World) -> None:
    pool, _ = scripted_pool(world, ConnectError("refused"), [sends(OK)], max_connections=1)
    request = Request("GET", A)
    with pytest.raises(ConnectError, match="refused") as caught:
        await pool.send(request)
    assert caught.value.request is request
    assert numbers(pool) == {}
    assert await _read(await pool.send(Request("GET", A))) == b"hello"


@in_every_world
async def test_a_failed_exchange_frees_its_place(world: World) -> None:
    pool, _ = scripted_pool(world, [hangs()], [sends(OK)], max_connections=1)
    request = Request("GET", A, extensions={"timeout": {"read": 0.01}})
    with pytest.raises(ReadTimeout) as caught:
        await pool.send(request)
    assert caught.value.request is request
    assert numbers(pool) == {}
    assert await _read(await pool.send(Request("GET", A))) == b"hello"


@in_every_world
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://a.example/x", "ftp:// is not spoken here, only http:// and https://"),
        ("/x", "'/x' has no scheme; a request needs an http:// or https:// URL"),
        ("mailto:a@a.example", "mailto:// is not spoken here"),
    ],
)
async def test_a_url_that_cannot_be_sent_to_is_refused(world: World, url: str, complaint: str) -> None:
    pool, backend = scripted_pool(world)
    request = Request("GET", url)
    with pytest.raises(UnsupportedProtocol) as caught:
        await pool.send(request)
    assert complaint in str(caught.value)
    assert caught.value.request is request
    assert backend.connected == []


@in_every_world
async def test_what_may_not_be_sent_connects_to_nobody(world: World) -> None:
    pool, backend = scripted_pool(world, [sends(OK)])
    request = Request("GET", A)
    request.method = "G T"
    with pytest.raises(LocalProtocolError):
        await pool.send(request)
    assert backend.connected == []
    assert numbers(pool) == {}


@in_every_world
async def test_a_closed_pool_closes_what_it_has_and_sends_nothing(world: World) -> None:
    pool, _ = scripted_pool(world, [], [])
    idle = await pool.acquire(ORIGIN_A, {})
    lent = await pool.acquire(ORIGIN_A, {})
    pool.release(idle)
    pool.close()
    pool.close()
    assert idle._stream.is_closed  # type: ignore[attr-defined]
    assert lent._stream.is_closed  # type: ignore[attr-defined]
    assert numbers(pool) == {"open": 1, "lent": 1}
    pool.release(lent)
    assert numbers(pool) == {}
    with pytest.raises(RuntimeError, match="this client is closed"):
        await pool.send(Request("GET", A))


@in_every_world
async def test_closing_ends_every_wait(world: World) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    await pool.acquire(ORIGIN_A, {})

    async def wait() -> None:
        with pytest.raises(RuntimeError, match="was closed while the request waited for a connection"):
            await pool.acquire(ORIGIN_A, {"pool": 5.0})

    task = await world.beside(wait)
    await world.until(lambda: pool.waiting == 1)
    pool.close()
    await task.result()


@in_event_loops
async def test_a_cancelled_waiter_is_passed_over(world: World) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    tasks = await waiting_for(world, pool, ORIGIN_A, ORIGIN_A)
    tasks[0].cancel()
    await tasks[0].ended()
    assert pool.waiting == 1
    pool.release(connection)
    assert await tasks[1].result() is connection


@in_event_loops
async def test_a_waiter_cancelled_in_the_tick_of_its_grant_passes_it_on(world: World) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    tasks = await waiting_for(world, pool, ORIGIN_A, ORIGIN_A)
    pool.release(connection)  # granted to the first …
    tasks[0].cancel()  # … which may never get to see it
    await tasks[0].ended()
    if not tasks[0].was_cancelled:  # it did: then it is the one to give the connection back
        pool.release(await tasks[0].result())
    assert await tasks[1].result() is connection
    pool.release(connection)
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_event_loops
async def test_a_waiter_cancelled_in_the_tick_of_closing_takes_no_place(world: World) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(ORIGIN_A, {})
    tasks = await waiting_for(world, pool, ORIGIN_A)
    pool.close()
    tasks[0].cancel()
    await tasks[0].ended()
    pool.release(connection)
    assert numbers(pool) == {}


@in_event_loops
async def test_a_request_cancelled_at_any_step_leaves_the_pool_as_it_was(world: World) -> None:
    """The n-th run is cancelled after n turns of the loop."""
    for turns in range(40):
        pool, backend = scripted_pool(world, [HALF, hangs()], max_connections=1)

        async def fetch(pool: Any = pool) -> bytes:
            return await _read(await pool.send(Request("GET", A)))

        task = await world.beside(fetch)
        for _ in range(turns):
            await world.turn()
        task.cancel()
        await task.ended()
        assert numbers(pool) == {}
        backend._streams = [ScriptedStream([sends(OK)])]
        assert await _read(await pool.send(Request("GET", A))) == b"hello"


@in_event_loops
async def test_a_thousand_requests_cancelled_at_random_leave_the_pool_as_it_was(world: World) -> None:
    rng = random.Random(2026)
    pool, backend = scripted_pool(world, *[[HALF, hangs()] for _ in range(1000)], max_connections=10)

    async def fetch() -> bytes:
        return await _read(await pool.send(Request("GET", A)))

    tasks = [await world.beside(fetch) for _ in range(1000)]
    while pending := [task for task in tasks if not task.is_done]:
        for task in rng.sample(pending, min(len(pending), rng.choice([1, 2, 7]))):
            task.cancel()
            await task.ended()
        for _ in range(rng.randrange(4)):
            await world.turn()
        numbers(pool)
        assert pool.open <= 10
    assert all(task.was_cancelled for task in tasks)
    assert numbers(pool) == {}
    backend._streams = [ScriptedStream([sends(OK)])]
    assert await fetch() == b"hello"


def test_a_pool_prints_what_it_is_doing() -> None:
    pool, _ = scripted_pool(ThreadWorld(), max_connections=3)
    assert repr(pool) == (
        "<ConnectionPool: 0 of 3 connections are open (0 in use, 0 idle, 0 connecting), 0 requests wait>"
    )
