"""One transport and several event loops, threads, processes: connections stay where they were made."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
import uvloop

from courser_models import Request
from courser_transport import AsyncHTTPTransport, HTTPTransport, Limits
from serving import Certificates, Server, serving


def _run_in_uvloop(main: Callable[..., Any], *arguments: Any) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main(*arguments))


def _run_in_asyncio(main: Callable[..., Any], *arguments: Any) -> Any:
    return asyncio.run(main(*arguments))


RUNS = {"asyncio": _run_in_asyncio, "uvloop": _run_in_uvloop, "trio": trio.run}


async def _get(transport: AsyncHTTPTransport, server: Server) -> None:
    response = await transport.handle_async_request(Request("GET", f"{server.url}/"))
    assert await response.aread() == b"hello"


async def _twice(transport: AsyncHTTPTransport, server: Server) -> None:
    await _get(transport, server)
    await _get(transport, server)
    assert (transport.pool.open, transport.pool.idle) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("second", RUNS)
@pytest.mark.parametrize("first", RUNS)
def test_a_transport_outlives_the_loops_it_was_used_in(
    first: str, second: str, scheme: str, certificates: Certificates
) -> None:
    with serving(certificates.server if scheme == "https" else None) as server:
        transport = AsyncHTTPTransport(verify=certificates.file)
        RUNS[first](_twice, transport, server)
        RUNS[second](_twice, transport, server)
        assert len(server.connections) == 2
        assert len(transport._pools) == 1, "that of the first loop is forgotten"
        RUNS[first](transport.aclose)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_is_closed_without_ceremony_is_forgotten_too(loop_factory: Any) -> None:
    with serving() as server:
        transport = AsyncHTTPTransport()
        loop = loop_factory()
        loop.run_until_complete(_twice(transport, server))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        asyncio.run(_twice(transport, server))
        asyncio.run(transport.aclose())


def test_an_asyncio_loop_that_is_only_closed_leaves_no_warning() -> None:
    with serving() as server:
        transport = AsyncHTTPTransport()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_twice(transport, server))
        loop.close()
        asyncio.run(_twice(transport, server))
        asyncio.run(transport.aclose())


@pytest.mark.parametrize("run", RUNS)
def test_loops_in_two_threads_share_a_transport_and_no_connection(run: str) -> None:
    both = threading.Barrier(2, timeout=10)
    pools = []

    async def main(transport: AsyncHTTPTransport, server: Server) -> None:
        await _twice(transport, server)
        both.wait()
        pools.append(transport.pool)
        for _ in range(50):
            await _twice(transport, server)
        both.wait()

    with serving() as server:
        transport = AsyncHTTPTransport()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                RUNS[run](main, transport, server)
            except BaseException as error:
                errors.append(error)
                both.abort()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert pools[0] is not pools[1]
        assert len(server.connections) == 2
        RUNS[run](transport.aclose)


@pytest.mark.parametrize("elsewhere", RUNS)
@pytest.mark.parametrize("run", RUNS)
def test_closing_in_another_loop_closes_the_connections_of_a_loop_that_runs(run: str, elsewhere: str) -> None:
    used, closed = threading.Event(), threading.Event()
    seen: list[Any] = []

    async def main(transport: AsyncHTTPTransport, server: Server) -> None:
        await _twice(transport, server)
        pool = transport.pool
        used.set()
        while not closed.is_set():
            await (trio.lowlevel.checkpoint() if run == "trio" else asyncio.sleep(0))
        for _ in range(1000):
            await (trio.lowlevel.checkpoint() if run == "trio" else asyncio.sleep(0))
        seen.append(pool.open)
        with pytest.raises(RuntimeError, match="this client is closed"):
            await _get(transport, server)

    with serving() as server:
        transport = AsyncHTTPTransport()
        thread = threading.Thread(target=lambda: RUNS[run](main, transport, server))
        thread.start()
        assert used.wait(10)
        RUNS[elsewhere](transport.aclose)
        closed.set()
        thread.join()
        assert seen == [0]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_closing_while_the_connections_loop_pauses_closes_them_once_it_goes_on(loop_factory: Any) -> None:
    with serving() as server:
        transport = AsyncHTTPTransport()
        loop = loop_factory()
        loop.run_until_complete(_twice(transport, server))
        (pool,) = transport._pools
        asyncio.run(transport.aclose())
        assert pool.open == 1
        loop.run_until_complete(asyncio.sleep(0))
        assert pool.open == 0
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def test_an_asyncio_loop_that_never_goes_on_leaves_no_warning_either() -> None:
    with serving() as server:
        transport = AsyncHTTPTransport()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_twice(transport, server))
        asyncio.run(transport.aclose())
        loop.close()


FORKING = """
import asyncio, logging, os, sys
from courser_models import Request
from courser_transport import AsyncHTTPTransport, HTTPTransport

logging.getLogger("asyncio").setLevel(logging.ERROR)  # how slow this machine is does not matter
url, world, authority = sys.argv[1:]

if world == "threads":
    transport = HTTPTransport(verify=authority)
    def get():
        assert transport.handle_request(Request("GET", url)).read() == b"hello"
    pool = lambda: transport.pool
    child = get
else:
    transport = AsyncHTTPTransport(verify=authority)
    async def fetch():
        response = await transport.handle_async_request(Request("GET", url))
        assert await response.aread() == b"hello"
    if world == "uvloop":
        import uvloop
        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    def get():
        loop.run_until_complete(fetch())
    pool = lambda: transport._pools[0]
    def child():
        asyncio.run(fetch())

get()
for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 3):
    pid = os.fork()
    if pid == 0:
        try:
            assert pool().open == 0, pool()
            for _ in range(3):
                child()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
            code = 1
        os._exit(code)
    for _ in range(3):
        get()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for _ in range(3):
        get()
assert pool().stats().connections_made == 1, pool().stats()
if world == "threads":
    transport.close()
else:
    loop.run_until_complete(transport.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
print("done")
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("world", ["threads", "asyncio", "uvloop"])
def test_a_forks_child_begins_anew_and_its_parent_goes_on(world: str, scheme: str, certificates: Certificates) -> None:
    with serving(certificates.server if scheme == "https" else None) as server:
        command = [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            "-c",
            FORKING,
            f"{server.url}/",
            world,
            certificates.file,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.stdout, ended.stderr) == ("done\n", "")


def test_a_response_of_the_parents_changes_nothing_in_the_child() -> None:
    """As a fork's child sees it: the pool forgot everything, and what was open ends afterwards."""
    with serving() as server:
        transport = HTTPTransport(limits=Limits(max_connections=1))
        url = f"{server.url}/"
        parents = transport.pool
        response = transport.handle_request(Request("GET", f"{server.url}/half"))
        streams = [connection._wire for connection in parents._connections]
        parents.abandon()
        assert transport.handle_request(Request("GET", url)).read() == b"hello"
        response.close()
        assert parents.stats()[:5] == (1, 1, 0, 0, 0)
        assert transport.handle_request(Request("GET", url)).read() == b"hello"
        assert len(streams) == 1
        transport.close()


def test_thirty_two_threads_share_a_client() -> None:
    wrong: list[object] = []
    with serving() as server, HTTPTransport(limits=Limits(max_connections=10)) as transport:

        def work() -> None:
            for _ in range(200):
                try:
                    body = transport.handle_request(Request("GET", f"{server.url}/")).read()
                    if body != b"hello":
                        wrong.append(body)
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        stats = transport.pool.stats()
        assert stats.open == stats.idle == stats.connections_made <= 10
        assert stats.requests == 6_400
