"""What is dropped and not closed: a warning tells, and nothing is lost."""

from __future__ import annotations

import contextlib
import gc
import inspect
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from courser_models import LocalProtocolError, Origin, Request
from courser_transport import AsyncHTTPTransport, ConnectionPool, HTTPTransport
from courser_transport._body import SyncBody
from courser_transport._http1._connection import HTTP1Connection
from courser_transport.testing import ScriptedStream, Step, ThreadBackend, hangs, sends
from owners import NotingOwner
from pools import check_invariants, numbers, scripted_pool, waiting_for
from serving import OK, Certificates, serving
from worlds import World, in_event_loops, in_every_world

A = Origin("http", "a.example", 80)
HALF: list[Step] = [sends(OK[:-3]), hangs()]
OURS = "a response to GET http://a.example/secret was dropped before it was read or closed"


def _request() -> Request:
    return Request("GET", "http://a.example/secret")


def _drop(held: list[Any]) -> None:
    held.clear()
    gc.collect()


def _drop_in_thread(held: list[Any]) -> None:
    thread = threading.Thread(target=_drop, args=[held])
    thread.start()
    thread.join()


async def _settled(world: World, pool: ConnectionPool) -> None:
    await world.until(lambda: pool.lent == 0)


@in_every_world
async def test_a_dropped_response_warns_of_where_it_was_opened_and_frees_its_place(world: World) -> None:
    pool, backend = scripted_pool(world, HALF, [sends(OK)], max_connections=1)
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    response: Any = await pool.send(_request())
    held = [response]
    del response
    with pytest.warns(ResourceWarning) as caught:
        _drop(held)
    message = str(caught[0].message)
    assert message == (
        f"{OURS} (it was opened at {__file__}:{line}); read it, or close it, or use `with client.stream(…)`"
    )
    await _settled(world, pool)
    assert numbers(pool) == {}
    assert (await pool.send(_request())).status_code == 200
    assert len(backend.connected) == 2


@in_every_world
async def test_a_waiter_gets_the_place_of_a_dropped_response(world: World) -> None:
    pool, _ = scripted_pool(world, HALF, [], max_connections=1)
    response: Any = await pool.send(_request())
    tasks = await waiting_for(world, pool, A)
    held = [response]
    del response
    with pytest.warns(ResourceWarning, match=OURS):
        _drop(held)
    assert (await tasks[0].result()).route == A
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_a_response_that_another_thread_drops_frees_its_place(world: World) -> None:
    pool, _ = scripted_pool(world, HALF, [], max_connections=1)
    held: list[Any] = [await pool.send(_request())]
    tasks = await waiting_for(world, pool, A)
    with pytest.warns(ResourceWarning, match=OURS):
        _drop_in_thread(held)
    assert (await tasks[0].result()).route == A
    assert numbers(pool) == {"open": 1, "lent": 1}


@in_every_world
async def test_a_response_dropped_while_the_pool_is_busy_with_itself_is_passed_on(world: World) -> None:
    """A garbage collection comes at any line, those under the pool's lock included."""
    pool, _ = scripted_pool(world, HALF, [], max_connections=1)
    response: Any = await pool.send(_request())
    tasks = await waiting_for(world, pool, A)
    held = [response]
    del response

    async def drop() -> None:
        with pool._lock:
            _drop(held)
            if world.has_loop:
                await world.turn()
                await world.turn()

    with pytest.warns(ResourceWarning, match=OURS):
        await drop()
    assert not tasks[0].is_done
    pool.stats()
    assert (await tasks[0].result()).route == A


async def _is_refused(pool: ConnectionPool) -> None:
    with pytest.raises(LocalProtocolError):
        await pool.send(Request("GET", "http://b.example/", headers=[("Host", "b.example"), ("Host", "c.example")]))


async def _looks_at_idle_connections(pool: ConnectionPool) -> None:
    pool.look_at_idle()


async def _makes_ahead_what_is_there(pool: ConnectionPool) -> None:
    await pool.warm_up(A, 0)


async def _hears_of_a_connection_that_is_gone(pool: ConnectionPool) -> None:
    pool.has_changed(_foreign())


async def _gives_back_a_connection_that_is_gone(pool: ConnectionPool) -> None:
    pool._discard(_foreign())


async def _gives_back_a_place_that_is_gone(pool: ConnectionPool) -> None:
    pool._pass_on(Origin("http", "gone.example", 80), None)


def _foreign() -> Any:
    owner = NotingOwner(ThreadBackend(), SyncBody)
    return HTTP1Connection(ScriptedStream([]), Origin("http", "gone.example", 80), owner)


@in_every_world
@pytest.mark.parametrize(
    "has_the_lock",
    [
        _is_refused,
        _looks_at_idle_connections,
        _makes_ahead_what_is_there,
        _hears_of_a_connection_that_is_gone,
        _gives_back_a_connection_that_is_gone,
        _gives_back_a_place_that_is_gone,
    ],
)
async def test_whoever_has_the_lock_passes_on_what_came_free_meanwhile(world: World, has_the_lock: Any) -> None:
    """Also who has nothing to do there: nobody else may come for a long time."""
    pool, _ = scripted_pool(world, [], max_connections=1)
    held = await pool.acquire(A, {})
    tasks = await waiting_for(world, pool, A)
    with pool._lock:  # as another thread, which goes on with what it has it for
        pool.release(held)
    assert not tasks[0].is_done
    await has_the_lock(pool)
    assert await tasks[0].result() is held


@in_every_world
@pytest.mark.parametrize("asking", ["acquire", "send", "warm_up", "ask"])
async def test_a_closed_pool_ends_empty_whoever_had_the_lock(world: World, asking: str) -> None:
    pool, _ = scripted_pool(world, [], max_connections=1)
    held = await pool.acquire(A, {})
    pool.close()
    with pool._lock:
        pool.release(held)
    assert pool.open == 1
    with pytest.raises(RuntimeError, match="this client is closed"):
        if asking == "send":
            await pool.send(_request())
        elif asking == "warm_up":
            await pool.warm_up(A)
        elif asking == "ask":
            pool._ask(A, is_fresh=True)
        else:
            await pool.acquire(A, {})
    assert pool.open == 0


@in_every_world
async def test_many_dropped_responses_leave_nothing_behind(world: World) -> None:
    pool, backend = scripted_pool(world, max_connections=3)

    async def drop() -> None:
        backend._streams = [ScriptedStream(HALF)]
        await pool.send(_request())
        gc.collect(0)
        await _settled(world, pool)

    for _ in range(100):
        with pytest.warns(ResourceWarning, match=OURS):
            await drop()
        check_invariants(pool)
    gc.collect()
    await _settled(world, pool)
    assert numbers(pool) == {}


def test_a_thread_that_waits_can_be_served_by_its_own_garbage_collection() -> None:
    """The response is dropped in the thread that waits for its place, between any two lines of its waiting."""
    from courser_transport._backends.threads import ThreadWaiter

    waiter: ThreadWaiter[str] = ThreadWaiter()
    seen = []

    def trace(frame: Any, event: str, argument: object) -> Any:
        if frame.f_code.co_filename == threading.__file__ or event == "c_call":
            seen.append(frame.f_code.co_name)
            waiter.deliver("grant")
        return trace

    def wait() -> Any:
        sys.settrace(trace)
        try:
            return waiter.wait(5.0).send(None)
        except StopIteration as stop:
            return stop.value
        finally:
            sys.settrace(None)

    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(wait()), daemon=True)
    thread.start()
    if not seen:  # nothing of the standard library's own Python runs between the first line and the wait
        waiter.deliver("grant")
    thread.join(10)
    assert outcome == ["grant"]


@contextlib.contextmanager
def _telling() -> Iterator[list[str]]:
    """Give what warnings say was dropped; a list of the warnings themselves would keep what they are about alive."""
    told: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: told.append(str(message).partition(" was dropped")[0])
        yield told


@in_event_loops
async def test_a_client_dropped_in_a_running_loop_does_no_harm_to_the_next(world: World) -> None:
    """The loop watches the sockets by number, and numbers are used again."""
    with serving() as server:
        for _ in range(3):
            transport: Any = AsyncHTTPTransport()
            responses = [await transport.handle_async_request(Request("GET", f"{server.url}/half")) for _ in range(2)]
            for _ in range(2):
                assert (
                    await (await transport.handle_async_request(Request("GET", f"{server.url}/"))).aread() == b"hello"
                )
            with _telling() as told:
                del transport, responses
                # The loop has the places to pass on, and holds the pool for it.
                await world.until(lambda told=told: gc.collect() >= 0 and len(told) >= 3)  # type: ignore[misc]
            assert told.count("a client with 1 open connections") == 1
            assert told.count(f"a response to GET {server.url}/half") == 2
            assert len(told) == 3
        async with AsyncHTTPTransport() as transport:
            for _ in range(3):
                assert (
                    await (await transport.handle_async_request(Request("GET", f"{server.url}/"))).aread() == b"hello"
                )
        gc.collect()


PROGRAM = """
import asyncio, gc, sys
from courser_models import Request
from courser_transport import AsyncHTTPTransport, HTTPTransport

url, world, when, authority = sys.argv[1:]
settings = {"verify": authority} if authority else {}

def threads():
    client = HTTPTransport(**settings)
    assert client.handle_request(Request("GET", url)).read() == b"hello"
    return client

async def loop():
    client = AsyncHTTPTransport(**settings)
    response = await client.handle_async_request(Request("GET", url))
    assert await response.aread() == b"hello"
    if when == "in the loop":
        del client, response
        gc.collect()
        await asyncio.sleep(0) if world != "trio" else None
    else:
        kept.append(client)  # not returned: a loop may remember what its main task returned

kept = []
if world == "threads":
    kept.append(threads())
elif world == "trio":
    import trio
    trio.run(loop)
elif world == "uvloop":
    import uvloop
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(loop())
else:
    asyncio.run(loop())
if when != "at exit":
    kept.clear()
    gc.collect()
print("done")
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("when", ["in the loop", "after it", "at exit"])
@pytest.mark.parametrize("world", ["threads", "asyncio", "uvloop", "trio"])
def test_a_dropped_client_warns_once_and_raises_nothing(
    world: str, when: str, scheme: str, certificates: Certificates
) -> None:
    with serving(certificates.server if scheme == "https" else None) as server:
        arguments = [f"{server.url}/", world, when, certificates.file if scheme == "https" else ""]
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == "done\n", ended.stderr
    assert ended.returncode == 0
    told = [line for line in ended.stderr.splitlines() if "Warning" in line or "Error" in line]
    assert all("ResourceWarning: a client with 1 open connections was dropped and not closed" in line for line in told)
    assert len(told) == 1, ended.stderr


def test_a_client_that_was_never_used_is_dropped_without_a_word() -> None:
    client: Any = HTTPTransport()
    del client
    gc.collect()
