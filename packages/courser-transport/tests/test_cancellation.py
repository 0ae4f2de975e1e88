"""A request that is cancelled at any await, whichever, leaves the pool as it was; over real sockets."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import pytest

from courser_models import Request, Response
from courser_transport import AsyncHTTPTransport, Limits, Proxy
from pools import check_invariants
from relay import relaying
from serving import Certificates, Server, serving
from worlds import PATIENCE, World, in_asyncio_loops, in_event_loops

SOAK = int(os.environ.get("COURSER_SOAK", "1"))
SEED = int(os.environ.get("COURSER_SEED", "2026"))


class Counting:
    """Awaits `work`, and calls `act` with what it waits for when it suspends for the `step`-th time."""

    def __init__(self, work: Awaitable[Any], step: int, act: Callable[[Any], None]) -> None:
        self._work = work
        self._step = step
        self._act = act
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        inner: Any = self._work.__await__()
        advance: Callable[[], Any] = functools.partial(inner.send, None)
        while True:
            try:
                awaited = advance()
            except StopIteration as stop:
                return stop.value
            self.suspensions += 1
            if self.suspensions == self._step:
                self._act(awaited)
            try:
                answer = yield awaited
            except BaseException as error:
                advance = functools.partial(inner.throw, error)
            else:
                advance = functools.partial(inner.send, answer)


async def _pieces() -> AsyncIterator[bytes]:
    for piece in (b"a" * 400_000, b"b" * 400_000, b"c"):
        yield piece


def _plain(server: Server) -> Request:
    return Request("GET", f"{server.url}/")


def _late(server: Server) -> Request:
    return Request("GET", f"{server.url}/late")


def _chunked(server: Server) -> Request:
    return Request("GET", f"{server.url}/chunks")


def _large(server: Server) -> Request:
    return Request("GET", f"{server.url}/large")


def _upload(server: Server) -> Request:
    return Request("POST", f"{server.url}/late", content=_pieces())


def _sent_again(server: Server) -> Request:
    return Request("GET", f"{server.url}/once")


EXCHANGES = {  # where the connection is there already, the answer is late: else there might be nothing to wait for
    "new connection": (_plain, False),
    "used connection": (_late, True),
    "chunked download": (_chunked, False),
    "large download": (_large, True),
    "streamed upload": (_upload, False),
    "streamed upload on a used connection": (_upload, True),
    "sent again": (_sent_again, True),
}


async def _get(transport: AsyncHTTPTransport, request: Request) -> bytes:
    response = await transport.handle_async_request(request)
    return await response.aread()


async def _cancelled_at(
    world: World, server: Server, make: Any, is_warm: bool, step: int, is_late: bool, **settings: Any
) -> bool:
    """Cancel one exchange at its `step`-th await, early or as it is over; return whether it came that far."""
    transport = AsyncHTTPTransport(limits=Limits(max_connections=1), **settings)
    if is_warm:
        assert await _get(transport, _plain(server)) == b"hello"
    cancelled: Any = None

    def cancel(awaited: Any) -> None:
        if is_late and asyncio.isfuture(awaited):
            awaited.add_done_callback(lambda _: cancelled.cancel())
        else:
            cancelled.cancel()

    counting = Counting(_get(transport, make(server)), step, cancel)

    async def work() -> Any:
        return await counting

    cancelled = await world.beside(work)
    waiting = await world.beside(lambda: _get(transport, _plain(server)))
    await cancelled.ended()
    assert await waiting.result() == b"hello", "who waits gets the place"
    pool = transport.pool
    check_invariants(pool)
    assert (pool.lent, pool.waiting, pool.connecting) == (0, 0, 0)
    assert await _get(transport, _plain(server)) == b"hello"
    assert (pool.open, pool.idle) == (1, 1)
    await transport.aclose()
    assert pool.stats()[:5] == (0, 0, 0, 0, 0)
    return counting.suspensions >= step


async def _sweep(world: World, server: Server, kind: str, is_late: bool, **settings: Any) -> None:
    make, is_warm = EXCHANGES[kind]
    hits = misses = 0
    while misses < 3:  # an answer that is there at once saves an await, so the end is not the same every time
        if await _cancelled_at(world, server, make, is_warm, hits + 1, is_late, **settings):
            hits += 1
            assert hits < 500
        else:
            misses += 1
    assert hits > 0
    for _ in range(5):
        await world.turn()
    gc.collect()  # an open socket would be a ResourceWarning, and that an error


@in_event_loops
@pytest.mark.parametrize("kind", EXCHANGES)
async def test_a_request_cancelled_at_any_await_leaves_the_pool_as_it_was(world: World, kind: str) -> None:
    with serving() as server:
        await _sweep(world, server, kind, is_late=False)


@in_asyncio_loops
@pytest.mark.parametrize("kind", EXCHANGES)
async def test_a_request_cancelled_as_an_await_is_over_leaves_the_pool_as_it_was(world: World, kind: str) -> None:
    with serving() as server:
        await _sweep(world, server, kind, is_late=True)


@in_event_loops
@pytest.mark.parametrize("kind", EXCHANGES)
async def test_the_same_over_tls(world: World, certificates: Certificates, kind: str) -> None:
    with serving(certificates.server) as server:
        await _sweep(world, server, kind, is_late=False, verify=certificates.file)


@in_asyncio_loops
async def test_the_same_over_tls_as_an_await_is_over(world: World, certificates: Certificates) -> None:
    with serving(certificates.server) as server:
        await _sweep(world, server, "new connection", is_late=True, verify=certificates.file)


class _Answering:
    """A scheme that answers a challenge."""

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = "Test answer"
            yield request


@in_event_loops
@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("way", ["http", "http guarded", "https", "socks5h", "socks4a"])
async def test_the_same_through_a_proxy(world: World, certificates: Certificates, way: str, is_secure: bool) -> None:
    scheme, _, guard = way.partition(" ")
    proxying = relaying(scheme, certificates.server, bool(guard))
    with serving(certificates.server if is_secure else None) as server, proxying as relay:
        auth = _Answering() if guard else None
        proxy = Proxy(relay.url, auth=auth, tunnels_http=not scheme.startswith("socks"))
        await _sweep(world, server, "new connection", is_late=False, verify=certificates.file, proxy=proxy)


@in_event_loops
@pytest.mark.parametrize("turns", range(4))
async def test_a_response_that_is_closed_by_a_cancelled_task_gives_its_place_back(world: World, turns: int) -> None:
    """Closing gives the connection back before it waits for anything, so a second cancellation breaks nothing."""

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await world.turn()
        finally:
            for _ in range(3):
                await world.turn()  # under trio cancelled as well, at once

    with serving() as server:
        transport = AsyncHTTPTransport(limits=Limits(max_connections=1))
        pool = transport.pool
        url = f"{server.url}/early"

        async def work() -> None:
            response = await transport.handle_async_request(Request("POST", url, content=endless()))
            opened.append(response)
            try:
                await response.aread()
            finally:
                await response.aclose()

        opened: list[Any] = []
        task = await world.beside(work)
        await world.until(lambda: bool(opened))
        task.cancel()
        for _ in range(turns):
            await world.turn()
        task.cancel()
        await task.ended()
        assert task.was_cancelled
        assert pool.stats()[:5] == (0, 0, 0, 0, 0)
        assert await _get(transport, _plain(server)) == b"hello"
        await transport.aclose()


@in_event_loops
@pytest.mark.parametrize("places", [1, 2, 10])
async def test_requests_cancelled_at_random_under_load_leave_the_pool_as_it_was(world: World, places: int) -> None:
    rng = random.Random(SEED)
    with serving() as server:
        transport = AsyncHTTPTransport(limits=Limits(max_connections=places))
        pool = transport.pool
        makers = [make for make, _ in EXCHANGES.values()]
        for _ in range(SOAK):
            tasks = [await world.beside(lambda: _get(transport, rng.choice(makers)(server))) for _ in range(150)]
            for task in rng.sample(tasks, 120):
                for _ in range(rng.randrange(4)):
                    await world.turn()
                task.cancel()
                check_invariants(pool)
            for task in tasks:
                await task.ended()
                if not task.was_cancelled:
                    await task.result()
        assert (pool.lent, pool.waiting, pool.connecting) == (0, 0, 0)
        held = [await pool.acquire(_plain(server).url.origin, {"pool": PATIENCE}) for _ in range(places)]
        for connection in held:
            pool.release(connection)
        assert pool.open == pool.idle == places
        await transport.aclose()
