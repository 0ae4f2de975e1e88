"""Connections that nothing uses: kept, made ahead, and let go once their time is over or their peer has left."""

from __future__ import annotations

from typing import Any

import pytest

from courser_models import URL, Origin, Request
from courser_transport import ConnectError, ConnectionPool, Limits, PoolStats, UnsupportedProtocol
from courser_transport import _pool as pool_module
from courser_transport._connect import Connector
from courser_transport._stats import OriginStats
from courser_transport._tls import TLSSettings
from courser_transport.testing import breaks, expects, sends
from exchanges import collect
from pools import numbers, scripted_pool, silent_pool, waiting_for
from serving import OK, Certificates, Server, serving
from worlds import World, in_event_loops, in_every_world

A, B = Origin("http", "a.example", 80), Origin("http", "b.example", 80)


def _real_pool(world: World, certificates: Certificates | None = None, **limits: Any) -> ConnectionPool:
    connector = Connector(world.backend, TLSSettings(certificates.file if certificates else True))
    return ConnectionPool(world.backend, connector, Limits(**limits), world.body)


async def _get(pool: ConnectionPool, server: Server) -> None:
    assert await collect(await pool.send(Request("GET", f"{server.url}/"))) == b"hello"


@in_event_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_the_peer_closed_is_let_go_without_another_request(
    world: World, scheme: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_LOOK_EVERY", 0.02)
    with serving(certificates.server if scheme == "https" else None) as server:
        pool = _real_pool(world, certificates, keepalive_expiry=None)
        made = await pool.warm_up(server.url, 5)
        assert numbers(pool) == {"open": 5, "idle": 5}
        await world.until(lambda: server.served == made)
        await world.in_thread(server.let_go)
        await world.until(lambda: pool.open == 0)
        pool.close()


@in_event_loops
async def test_what_has_expired_is_let_go_without_another_request(world: World) -> None:
    with serving() as server:
        pool = _real_pool(world, keepalive_expiry=0.02)
        await pool.warm_up(server.url, 2)
        await world.until(lambda: pool.open == 0)
        pool.close()


@in_every_world
async def test_what_the_peer_closed_is_let_go_when_somebody_connects(world: World) -> None:
    with serving() as server, serving() as other:
        pool = _real_pool(world)
        made = await pool.warm_up(server.url, 3)
        await world.until(lambda: server.served == made)
        await world.in_thread(server.let_go)
        pool._looks_after_idle, pool._look_due = False, 0.0  # as after a while
        await _get(pool, other)
        assert numbers(pool) == {"open": 1, "idle": 1}
        pool.close()


@in_every_world
async def test_looking_keeps_what_is_good_in_the_order_it_had(world: World) -> None:
    pool = silent_pool(world, 9)
    held = [await pool.acquire(A, {}) for _ in range(4)]
    for connection in held:
        pool.release(connection)
    until = [connection.idle_until for connection in held]
    for _ in range(3):
        pool.look_at_idle()
    assert [connection.idle_until for connection in held] == until, "a look is no use, and prolongs nothing"
    held[1].idle_until = 0.0
    pool.look_at_idle()
    assert numbers(pool) == {"open": 3, "idle": 3}
    assert [pool._take_idle(A) for _ in range(3)] == [held[3], held[2], held[0]]


@in_every_world
async def test_nobody_else_has_a_connection_while_it_is_looked_at(world: World) -> None:
    """Looking may decrypt, and two that read from one connection take each other's bytes."""
    pool = silent_pool(world, 9, max_connections=1)
    connection: Any = await pool.acquire(A, {})
    taken: list[Any] = []
    connection._wire.is_readable = lambda: taken.append(pool._take_idle(A))
    pool.release(connection)
    pool.look_at_idle()
    assert taken == [None]
    assert numbers(pool) == {"open": 1, "idle": 1}


@in_event_loops
async def test_one_timer_at_a_time_looks_after_idle_connections(world: World) -> None:
    pool, backend = scripted_pool(world, *([] for _ in range(50)))
    timers: list[Any] = []
    backend.call_later = lambda seconds, function: timers.append(function) or True  # type: ignore[method-assign, func-returns-value]
    for _ in range(20):
        pool._look_due = 0.0
        held = [await pool.acquire(A, {}), await pool.acquire(A, {})]
        for connection in held:
            pool.release(connection)
        pool.look_at_idle()
    assert len(timers) == 1
    timers.pop()()
    assert len(timers) == 1, "the next look"
    for connection in list(pool._idle_by_age):
        connection.idle_until = 0.0
    timers.pop()()
    assert timers == [], "nothing is left to look after"
    assert numbers(pool) == {}


@in_every_world
@pytest.mark.parametrize("origin", [A, "http://a.example/path", URL("http://a.example")])
async def test_connections_are_made_ahead(world: World, origin: Any) -> None:
    pool, backend = scripted_pool(world, *([] for _ in range(9)))
    assert await pool.warm_up(origin, 3) == 3
    assert await pool.warm_up(origin, 2) == 3
    assert numbers(pool) == {"open": 3, "idle": 3}
    assert backend.connected == ["a.example:80"] * 3


@in_every_world
@pytest.mark.parametrize(
    "limits",
    [{"max_connections": 2}, {"max_connections_per_origin": 2}, {"max_keepalive_connections": 2}],
)
async def test_no_more_are_made_ahead_than_the_limits_allow(world: World, limits: dict[str, int]) -> None:
    pool = silent_pool(world, 9, **limits)
    assert await pool.warm_up(A, 5) == 2
    assert numbers(pool) == {"open": 2, "idle": 2}


@in_every_world
async def test_making_ahead_can_fail_and_leaves_nothing(world: World) -> None:
    pool, _ = scripted_pool(world, [], ConnectError("refused"))
    with pytest.raises(ConnectError, match="refused"):
        await pool.warm_up(A, 2)
    assert numbers(pool) == {"open": 1, "idle": 1}
    for wrong in ("ftp://a.example/", "/x"):
        with pytest.raises(UnsupportedProtocol, match="is no http:// or https:// URL"):
            await pool.warm_up(wrong)


@in_every_world
async def test_who_waits_gets_what_is_made_ahead(world: World) -> None:
    pool = silent_pool(world, 9, max_connections_per_origin=1)
    held = await pool.acquire(A, {})
    (task,) = await waiting_for(world, pool, A)
    assert await pool.warm_up(A) == 0
    held.is_reusable = False
    pool.release(held)
    assert (await task.result()).route == A


@in_every_world
async def test_a_connection_made_ahead_may_turn_out_to_be_closed_like_any_other_idle_one(world: World) -> None:
    from courser_transport import ReadError

    pool, backend = scripted_pool(world, [expects(b"GET"), breaks(ReadError("reset"))], [expects(b"GET"), sends(OK)])
    await pool.warm_up(A)
    assert await collect(await pool.send(Request("GET", "http://a.example/"))) == b"hello"
    assert len(backend.connected) == 2


@in_every_world
async def test_a_pool_counts_what_it_does_by_origin(world: World) -> None:
    pool = silent_pool(world, 9, max_connections=3)
    await pool.warm_up(A, 2)
    first = await pool.acquire(A, {})
    first.served += 1
    pool.release(first)
    assert await pool.acquire(A, {}) is first
    await pool.acquire(B, {})
    assert pool.stats() == PoolStats(
        open=3,
        idle=1,
        connecting=0,
        lent=2,
        waiting=0,
        connections_made=3,
        requests=3,
        reused=1,
        origins={
            "http://a.example": OriginStats(open=2, idle=1, connecting=0, lent=1, waiting=0),
            "http://b.example": OriginStats(open=1, idle=0, connecting=0, lent=1, waiting=0),
        },
    )
    await pool.acquire(B, {})  # in the place of the idle one
    await waiting_for(world, pool, A, B)
    assert pool.stats().origins == {
        "http://a.example": OriginStats(open=1, idle=0, connecting=0, lent=1, waiting=1),
        "http://b.example": OriginStats(open=2, idle=0, connecting=0, lent=2, waiting=1),
    }
    assert repr(pool) == (
        "<ConnectionPool: 3 of 3 connections are open (3 in use, 0 idle, 0 connecting), 2 requests wait>"
    )
