"""Requests that are cancelled take nothing with them: no connection, no place in the queue, no byte of another's."""

import asyncio
import random
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

import courser

from .servers.nginx import SMALL, Nginx
from .servers.steps import answer, expects_goodbye, expects_request, sends, sets
from .servers.wire import Wire

REQUESTS = 1_000
CONNECTIONS = 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_thousand_requests_cancelled_at_random_leave_the_pool_as_large_as_before(nginx: Nginx, seed: int) -> None:
    chance = random.Random(seed)
    transport = courser.AsyncHTTPTransport(limits=courser.Limits(max_connections=CONNECTIONS))
    paths = ["/small.json", "/small.json", "/gzip/repetitive.txt", "/slow.bin", "/closing"]

    async def request(client: courser.AsyncClient) -> None:
        await client.get(nginx.http + chance.choice(paths))

    async def main() -> None:
        pool = transport.pool
        async with courser.AsyncClient(transport=transport, timeout=30) as client:
            await fill(client, nginx)
            before = pool.open
            tasks = [asyncio.create_task(request(client)) for _ in range(REQUESTS)]
            for task in chance.sample(tasks, REQUESTS):
                # A number of turns of the loop, not a time: the moments cover every step of a request.
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)

            assert {type(outcome) for outcome in outcomes} == {type(None), asyncio.CancelledError}
            assert (pool.lent, pool.waiting, pool.connecting) == (0, 0, 0)
            assert pool.open == pool.idle <= CONNECTIONS
            await fill(client, nginx)
            assert pool.open == before == CONNECTIONS
            assert (await client.get(f"{nginx.http}/small.json")).content == SMALL
        assert pool.open == 0

    asyncio.run(main())


def test_a_request_cancelled_at_any_step_gives_its_connection_back(nginx: Nginx) -> None:
    async def main() -> None:
        for steps in range(60):
            async with new_client() as client:
                await cancel_after(steps, client.get(f"{nginx.http}/small.json"))
                assert (await client.get(f"{nginx.http}/small.json")).content == SMALL

    asyncio.run(main())


def test_a_request_cancelled_at_any_step_on_a_warm_connection_gives_it_back(nginx: Nginx) -> None:
    async def main() -> None:
        async with new_client() as client:
            for steps in range(60):
                assert (await client.get(f"{nginx.http}/small.json")).content == SMALL
                await cancel_after(steps, client.get(f"{nginx.http}/gzip/repetitive.txt"))

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(5))
def test_waiters_that_give_up_do_not_block_those_that_stay(nginx: Nginx, seed: int) -> None:
    async def main() -> list[bytes]:
        async with new_client() as client:
            async with client.stream("GET", f"{nginx.http}/medium.bin"):
                waiters = [asyncio.create_task(client.get(f"{nginx.http}/small.json")) for _ in range(10)]
                await asyncio.sleep(0)
                leaving = random.Random(seed).sample(waiters, 5)
                for waiter in leaving:
                    waiter.cancel()
            staying = [waiter for waiter in waiters if waiter not in leaving]
            return [(await waiter).content for waiter in staying]

    assert asyncio.run(main()) == [SMALL] * 5


def test_a_waiter_cancelled_in_the_tick_of_its_grant_passes_it_on(nginx: Nginx) -> None:
    async def main() -> bytes:
        async with new_client() as client:
            async with client.stream("GET", f"{nginx.http}/medium.bin") as response:
                first = asyncio.create_task(client.get(f"{nginx.http}/small.json"))
                second = asyncio.create_task(client.get(f"{nginx.http}/small.json"))
                await asyncio.sleep(0)
                await response.aread()  # hands the connection to the first waiter, which has not run yet
                first.cancel()
            return (await second).content

    assert asyncio.run(main()) == SMALL


def test_a_request_cancelled_before_its_answer_does_not_leave_it_to_the_next(nginx: Nginx) -> None:
    asked = threading.Event()
    script = [expects_request(b"GET /first"), sets(asked), expects_goodbye()]
    with Wire(script, [expects_request(b"GET /second"), sends(answer(b"second"))]) as wire:

        async def main() -> bytes:
            async with new_client() as client:
                first = asyncio.create_task(client.get(f"{wire.url}first"))
                assert await asyncio.to_thread(asked.wait, 10)
                first.cancel()
                await asyncio.wait([first])
                return (await client.get(f"{wire.url}second")).content

        assert asyncio.run(main()) == b"second"


def test_a_time_out_from_outside_is_a_cancellation_like_any_other(nginx: Nginx) -> None:
    async def main() -> bytes:
        async with new_client() as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.get(f"{nginx.http}/slow.bin")
            return (await client.get(f"{nginx.http}/small.json")).content

    assert asyncio.run(main()) == SMALL


def new_client() -> courser.AsyncClient:
    """Return a client with a single connection, where nothing lost stays unnoticed."""
    return courser.AsyncClient(limits=courser.Limits(max_connections=1), timeout=courser.Timeout(10.0, pool=5.0))


async def fill(client: courser.AsyncClient, nginx: Nginx) -> None:
    """Use as many connections at once as the client may have, and find that there is not one more."""
    async with AsyncExitStack() as held:
        # More than arrives in one read: a response that is complete has given its connection back already.
        streams = [client.stream("GET", f"{nginx.http}/medium.bin") for _ in range(CONNECTIONS)]
        responses = [await held.enter_async_context(stream) for stream in streams]
        with pytest.raises(courser.PoolTimeout):
            await client.get(f"{nginx.http}/small.json", timeout=courser.Timeout(5.0, pool=0.01))
        for response in responses:
            await response.aread()


async def cancel_after(steps: int, request: Coroutine[Any, Any, courser.Response]) -> None:
    """Cancel the request after it had this many turns of the loop, unless it was through before."""
    task = asyncio.create_task(request)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
