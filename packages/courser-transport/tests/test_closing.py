"""Closing a client while requests run, wait and connect: each ends with an error that says so."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from courser_models import Origin, Request
from courser_transport import ConnectionPool, HTTPTransport, Limits, NetworkError, ReadError
from courser_transport._connect import Connector
from courser_transport._network import Address
from courser_transport._tls import TLSSettings
from courser_transport.testing import ScriptedBackend, ScriptedStream, sends
from exchanges import collect
from pools import OPEN_POOLS, numbers, scripted_pool, waiting_for
from serving import OK, Certificates, serving
from worlds import PATIENCE, Task, World, in_event_loops, in_every_world

A = Origin("http", "a.example", 80)


class Gate(ScriptedBackend):
    """A network on which connecting takes until `opened`."""

    def __init__(self, world: World) -> None:
        super().__init__([ScriptedStream([sends(OK)])], world.backend)
        self.opened = world.backend.waiter()

    async def connect_tcp(self, addresses: list[Address], *arguments: Any) -> ScriptedStream:
        stream = await super().connect_tcp(addresses, *arguments)
        await self.opened.wait(None)
        return stream


def _gated_pool(world: World) -> tuple[ConnectionPool, Gate]:
    gate = Gate(world)
    pool = ConnectionPool(gate, Connector(gate, TLSSettings()), Limits(), world.body)
    OPEN_POOLS.append(pool)
    return pool, gate


async def _close(pool: ConnectionPool, from_another_thread: bool) -> None:
    if not from_another_thread:
        pool.close()
        return
    thread = threading.Thread(target=pool.close)
    thread.start()
    thread.join()


@in_every_world
@pytest.mark.parametrize("from_another_thread", [False, True])
async def test_those_who_wait_are_told(world: World, from_another_thread: bool) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    connection = await pool.acquire(A, {})
    tasks = await waiting_for(world, pool, *[A] * 5)
    await _close(pool, from_another_thread)
    for task in tasks:
        with pytest.raises(RuntimeError, match="this client was closed while the request waited for a connection"):
            await task.result()
    pool.release(connection)
    assert numbers(pool) == {}


@in_every_world
@pytest.mark.parametrize("from_another_thread", [False, True])
async def test_those_who_connect_are_told(world: World, from_another_thread: bool) -> None:
    pool, gate = _gated_pool(world)
    task = await world.beside(lambda: pool.send(Request("GET", "http://a.example/")))
    await world.until(lambda: bool(gate.connected))
    assert numbers(pool) == {"open": 1, "connecting": 1}
    await _close(pool, from_another_thread)
    gate.opened.deliver(None)
    with pytest.raises(RuntimeError, match="this client was closed while the request was connecting"):
        await task.result()
    await world.until(lambda: pool.open == 0)
    assert numbers(pool) == {}


@in_every_world
@pytest.mark.parametrize("from_another_thread", [False, True])
@pytest.mark.parametrize("path", ["/silent", "/half"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_those_who_read_are_told(
    world: World, path: str, from_another_thread: bool, scheme: str, certificates: Certificates
) -> None:
    with serving(certificates.server if scheme == "https" else None) as server:
        connector = Connector(world.backend, TLSSettings(certificates.file))
        pool = ConnectionPool(world.backend, connector, Limits(), world.body)

        async def fetch() -> bytes:
            return await collect(await pool.send(Request("GET", f"{server.url}{path}")))

        tasks: list[Task] = [await world.beside(fetch) for _ in range(3)]
        await world.until(lambda: len(server.heard) == 3)
        await _close(pool, from_another_thread)
        for task in tasks:
            with pytest.raises(ReadError, match="was closed by this program while it was in use"):
                await task.result()
        assert numbers(pool) == {}


@in_every_world
async def test_closing_again_does_nothing(world: World) -> None:
    pool, _ = scripted_pool(world, [])
    pool.release(await pool.acquire(A, {}))
    for _ in range(3):
        pool.close()
        assert numbers(pool) == {}
    for asking in (pool.acquire(A, {}), pool.send(Request("GET", "http://a.example/")), pool.warm_up(A)):
        with pytest.raises(RuntimeError, match="this client is closed"):
            await asking


@in_event_loops
async def test_closing_at_any_moment_ends_every_request(world: World) -> None:
    for turns in range(25):
        with serving() as server:
            connector = Connector(world.backend, TLSSettings())
            pool = ConnectionPool(world.backend, connector, Limits(max_connections=2), world.body)

            async def fetch(pool: ConnectionPool = pool, url: str = server.url) -> bytes:
                return await collect(await pool.send(Request("GET", f"{url}/chunks")))

            tasks = [await world.beside(fetch) for _ in range(6)]
            for _ in range(turns):
                await world.turn()
            pool.close()
            for task in tasks:
                assert await _outcome(task) in ("hello", "closed")
            assert numbers(pool) == {}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("heard", [0, 1, 2, 5, 20])
def test_closing_while_many_threads_ask_ends_every_request(heard: int, scheme: str, certificates: Certificates) -> None:
    outcomes: list[str] = []
    with serving(certificates.server if scheme == "https" else None) as server:
        for _ in range(5):
            transport = HTTPTransport(verify=certificates.file, limits=Limits(max_connections=3))
            server.heard.clear()

            def ask(transport: HTTPTransport = transport, url: str = server.url) -> None:
                while True:
                    try:
                        response = transport.handle_request(Request("POST", f"{url}/chunks", content=b"x" * 200_000))
                        outcomes.append(response.read().decode())
                    except (RuntimeError, NetworkError) as error:
                        outcomes.append("closed" if "clos" in str(error) else str(error))
                        return

            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            while len(server.heard) < heard:
                threads[0].join(0.0001)
            transport.close()
            for thread in threads:
                thread.join(PATIENCE)
                assert not thread.is_alive()
            assert set(outcomes) <= {"hello", "closed"}
            assert transport.pool.stats()[:5] == (0, 0, 0, 0, 0)
            outcomes.clear()


async def _outcome(task: Task) -> str:
    """Return what was read, or "closed" for an error that says so."""
    try:
        return (await task.result()).decode()
    except (RuntimeError, ReadError) as error:
        return "closed" if "clos" in str(error) else str(error)
