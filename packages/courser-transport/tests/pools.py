"""Pools on a scripted network, and what can be said of any pool between two lines."""

from __future__ import annotations

from typing import Any

from courser_models import Origin
from courser_transport import ConnectionPool, Limits, Proxy, proxy_of
from courser_transport._connect import Connector
from courser_transport._tls import TLSSettings
from courser_transport.testing import ScriptedBackend, ScriptedStream, Step
from worlds import Task, World

OPEN_POOLS: list[ConnectionPool] = []


def scripted_pool(
    world: World, *scripts: list[Step] | Exception, **limits: Any
) -> tuple[ConnectionPool, ScriptedBackend]:
    """Return a pool whose connections follow `scripts`, and its network; it is forgotten when the test is over."""
    streams = [script if isinstance(script, Exception) else ScriptedStream(script) for script in scripts]
    backend = ScriptedBackend(streams, world.backend)
    pool = ConnectionPool(backend, Connector(backend, TLSSettings()), Limits(**limits), world.body)
    OPEN_POOLS.append(pool)
    return pool, backend


def proxied_pool(
    world: World, proxy: Proxy | str, *scripts: list[Step] | Exception, **limits: Any
) -> tuple[ConnectionPool, ScriptedBackend]:
    """Return a pool whose requests go through `proxy`, which is a script like everybody."""
    pool, backend = scripted_pool(world, *scripts, **limits)
    pool._connector.proxy = proxy_of(proxy)
    return pool, backend


def silent_pool(world: World, connections: int, **limits: Any) -> ConnectionPool:
    """Return a pool that can make so many connections, on which nothing is ever said."""
    return scripted_pool(world, *([] for _ in range(connections)), **limits)[0]


def numbers(pool: ConnectionPool) -> dict[str, int]:
    """Return what the pool counts, without the zeros."""
    check_invariants(pool)
    counted = {name: getattr(pool, name) for name in ("open", "idle", "lent", "connecting", "waiting")}
    return {name: number for name, number in counted.items() if number}


def check_invariants(pool: ConnectionPool) -> None:
    """Assert the sentences at the top of `_pool.py`."""
    stats, limits, places = pool.stats(), pool.limits, pool._places
    assert stats.open == stats.lent + stats.idle + stats.connecting
    assert min(stats[:5]) >= 0
    assert limits.max_connections is None or stats.open <= limits.max_connections
    for name in ("open", "lent", "idle", "connecting", "waiting"):
        assert sum(getattr(origin, name) for origin in stats.origins.values()) == getattr(stats, name)
    for origin in stats.origins.values():
        assert origin.open == origin.lent + origin.idle + origin.connecting
        assert min(origin) >= 0
        assert limits.max_connections_per_origin is None or origin.open <= limits.max_connections_per_origin
        assert origin.open or origin.waiting, "an origin that nobody is interested in takes no room"
    is_full = limits.max_connections is not None and stats.open >= limits.max_connections
    for place in places.values():
        if place.waiters:
            assert not place.idle, "nobody waits while an idle connection suits"
            own = limits.max_connections_per_origin
            if own is None or place.open < own:
                assert is_full, "nobody waits while a place is free"
                assert not stats.idle, "nobody waits while an idle connection could make room"
                assert any(entry == (place.first, place.route) for entry in pool._line)


async def waiting_for(world: World, pool: ConnectionPool, *origins: Origin) -> list[Task]:
    """Let a task queue for a connection to each of these, in this order."""
    tasks: list[Task] = []
    before = pool.waiting
    for origin in origins:
        tasks.append(await world.beside(lambda origin=origin: pool.acquire(origin, {})))
        await world.until(lambda: pool.waiting == before + len(tasks))
    return tasks
