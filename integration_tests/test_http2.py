"""Both clients over HTTP/2 against servers that others wrote: nginx, nghttpd, hypercorn, node.

`COURSER_SOAK` multiplies how often the long tests do what they do; with 10 they do it as often as docs/design/http2.md
says.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

import courser

from .conftest import do_without
from .servers.certificates import Authority
from .servers.http2_servers import LARGE_SIZE, run_hypercorn, run_nghttpd, run_node
from .servers.nginx import LARGE as LARGE_OF_NGINX
from .servers.nginx import SMALL as SMALL_OF_NGINX
from .servers.nginx import Nginx, NginxIsMissing, run_nginx
from .servers.processes import ServerIsMissing
from .worlds import World

SOAK = int(os.environ.get("COURSER_SOAK", "1"))
UPLOAD = 100_000_000
PIECE = bytes(100_000)


@dataclass
class Server:
    """Where a server has what, and how much that is."""

    url: str
    small: str = "/small"
    content: bytes = b"hello"
    large: str = "/large"
    large_size: int = LARGE_SIZE
    sink: str = "/small"


@pytest.fixture(scope="module", params=["nginx", "nghttpd", "hypercorn", "node"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        try:
            if request.param == "nginx":
                nginx = stack.enter_context(run_nginx(directory, authority))
                there = Server(nginx.http2, "/small.json", SMALL_OF_NGINX, "/large.bin", len(LARGE_OF_NGINX), "/sink")
            elif request.param == "nghttpd":
                there = Server(stack.enter_context(run_nghttpd(directory, authority)))
            elif request.param == "hypercorn":
                there = Server(stack.enter_context(run_hypercorn(directory, authority)))
            else:
                there = Server(stack.enter_context(run_node(directory, authority)))
        except (ServerIsMissing, NginxIsMissing) as missing:
            do_without(missing)
        yield there


@pytest.fixture
def h2_only(tmp_path: Path, authority: Authority) -> Iterator[str]:
    """The URL of a server that speaks nothing else."""
    try:
        with run_nghttpd(tmp_path, authority) as url:
            yield url
    except ServerIsMissing as missing:
        do_without(missing)


@pytest.fixture
def strict_node(tmp_path: Path, authority: Authority) -> Iterator[str]:
    """The URL of a server that says goodbye to those who close more than a thousand streams early."""
    try:
        with run_node(tmp_path, authority, is_patient=False) as url:
            yield url
    except ServerIsMissing as missing:
        do_without(missing)


def _settings(authority: Authority, **settings: Any) -> dict[str, Any]:
    return {"verify": str(authority.bundle), "http2": True, "timeout": 30.0, **settings}


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(UPLOAD // len(PIECE)):
        yield PIECE


async def _download(client: courser.AsyncClient, server: Server, times: int) -> int:
    received = 0
    for _ in range(times):
        async with client.stream("GET", server.url + server.large) as response:
            assert response.http_version == "HTTP/2"
            async for chunk in response.aiter_bytes():
                received += len(chunk)
    return received


async def _upload(client: courser.AsyncClient, server: Server) -> int:
    headers = {"Content-Length": str(UPLOAD)}
    response = await client.post(server.url + server.sink, content=_pieces(), headers=headers)
    return response.status_code


def test_a_thousand_requests_at_once(server: Server, authority: Authority) -> None:
    async def program() -> None:
        async with courser.AsyncClient(**_settings(authority)) as client:
            responses = await asyncio.gather(*[client.get(server.url + server.small) for _ in range(1000)])
            assert {(response.http_version, response.content) for response in responses} == {("HTTP/2", server.content)}
            assert client._transport.pool.stats().connections_made <= 12  # type: ignore[union-attr]

    asyncio.run(program())


def test_a_thousand_requests_at_once_under_trio(server: Server, authority: Authority) -> None:
    contents: list[bytes] = []

    async def program() -> None:
        async def fetch() -> None:
            contents.append((await client.get(server.url + server.small)).content)

        async with courser.AsyncClient(**_settings(authority)) as client, trio.open_nursery() as nursery:
            for _ in range(1000):
                nursery.start_soon(fetch)

    trio.run(program)
    assert contents == [server.content] * 1000


def test_threads_share_one_connection(server: Server, authority: Authority) -> None:
    """The count is 50,000 with COURSER_SOAK=10."""
    limits = courser.Limits(max_connections=1, keepalive_expiry=None)
    with courser.Client(**_settings(authority, limits=limits)) as client:

        def fetch(_: int) -> bytes:
            return client.get(server.url + server.small).content

        with ThreadPoolExecutor(32) as pool:
            contents = list(pool.map(fetch, range(500 if SOAK == 1 else 5000 * SOAK)))
        assert set(contents) == {server.content}
        assert client._transport.pool.stats().streams == 0  # type: ignore[union-attr]


def test_a_hundred_megabytes_down_and_up_and_both_at_once(server: Server, authority: Authority) -> None:
    times = 100_000_000 // server.large_size

    async def program() -> None:
        limits = courser.Limits(max_connections=1)
        async with courser.AsyncClient(**_settings(authority, limits=limits)) as client:
            assert await _download(client, server, times) == times * server.large_size
            assert await _upload(client, server) in (200, 204)
            received, status = await asyncio.gather(_download(client, server, times), _upload(client, server))
            assert (received, status in (200, 204)) == (times * server.large_size, True)
            assert client._transport.pool.stats().connections_made == 1  # type: ignore[union-attr]

    asyncio.run(program())


def test_a_body_goes_up_in_every_world(world: World, server: Server, authority: Authority) -> None:
    async def program(client: courser.AsyncClient) -> tuple[int, str]:
        response = await client.post(server.url + server.sink, content=bytes(5_000_000))
        return response.status_code, response.http_version

    assert world.run(program, **_settings(authority)) in ((200, "HTTP/2"), (204, "HTTP/2"))


def test_streams_closed_early_cost_nothing(server: Server, authority: Authority) -> None:
    """10,000 with COURSER_SOAK=10: no error, and no window lost."""

    async def program() -> None:
        limits = courser.Limits(max_connections=1, keepalive_expiry=None)
        async with courser.AsyncClient(**_settings(authority, limits=limits)) as client:

            async def leave_early() -> None:
                for _ in range(10 * SOAK):
                    async with client.stream("GET", server.url + server.large) as response:
                        assert response.status_code == 200

            await asyncio.gather(*[leave_early() for _ in range(100)])
            assert (await client.get(server.url + server.small)).content == server.content
            pool = client._transport.pool  # type: ignore[union-attr]
            assert pool.stats().streams == 0
            for connection in pool._connections:
                session = connection._session
                assert not session.streams
                assert session._receive_window + session._unreturned == 24 * 1024 * 1024

    asyncio.run(program())


def test_one_of_fifty_that_times_out_fails_alone(server: Server, authority: Authority) -> None:
    async def program() -> None:
        async with courser.AsyncClient(**_settings(authority)) as client:
            stop = threading.Event()

            async def never_ends() -> AsyncIterator[bytes]:
                yield b"begun"
                while not stop.is_set():
                    await asyncio.sleep(0.01)

            slow = asyncio.wait_for(client.post(server.url + server.sink, content=never_ends()), 0.3)
            others = [client.get(server.url + server.small) for _ in range(49)]
            first, *rest = await asyncio.gather(slow, *others, return_exceptions=True)
            stop.set()
            assert isinstance(first, TimeoutError) or first.status_code in (200, 204, 413)
            assert [response.content for response in rest] == [server.content] * 49

    asyncio.run(program())


def test_a_server_without_http2_is_spoken_to_in_http1(world: World, nginx: Nginx, authority: Authority) -> None:
    async def program(client: courser.AsyncClient) -> tuple[str, bytes]:
        response = await client.get(nginx.https + "/small.json")
        return response.http_version, response.content

    assert world.run(program, **_settings(authority)) == ("HTTP/1.1", SMALL_OF_NGINX)


def test_a_server_without_http1_needs_http2(world: World, h2_only: str, authority: Authority) -> None:
    async def program(client: courser.AsyncClient) -> str:
        return (await client.get(h2_only + "/small")).http_version

    assert world.run(program, **_settings(authority)) == "HTTP/2"
    with pytest.raises(courser.TransportError, match=r"127\.0\.0\.1"):
        world.run(program, **_settings(authority, http2=False))


def test_connections_that_nginx_ends_after_three_requests_lose_none(
    world: World, nginx: Nginx, authority: Authority
) -> None:
    async def program(client: courser.AsyncClient) -> tuple[set[bytes], int]:
        responses = [await client.post(nginx.short_lived, content=b"x") for _ in range(20)]
        return {response.content for response in responses}, len({r.headers["x-connection"] for r in responses})

    assert world.run(program, **_settings(authority)) == ({b"ok"}, 7)


def test_a_burst_on_connections_that_nginx_ends_after_three_requests_loses_none(
    nginx: Nginx, authority: Authority
) -> None:
    async def program() -> None:
        async with courser.AsyncClient(**_settings(authority)) as client:
            url = nginx.short_lived
            responses = await asyncio.gather(*[client.post(url, content=b"x") for _ in range(50)])
            assert {response.content for response in responses} == {b"ok"}
            assert client._transport.pool.stats().connections_made >= 50 // 3  # type: ignore[union-attr]

    asyncio.run(program())


def test_a_server_that_takes_early_closing_for_an_attack_is_come_back_to(
    strict_node: str, authority: Authority
) -> None:
    """It ends the connection (ENHANCE_YOUR_CALM); what it did not process is sent again, on another."""

    async def program() -> None:
        async with courser.AsyncClient(**_settings(authority)) as client:

            async def leave_early() -> None:
                for _ in range(30):
                    async with client.stream("GET", strict_node + "/large") as response:
                        assert response.status_code == 200

            await asyncio.gather(*[leave_early() for _ in range(50)])
            assert (await client.get(strict_node + "/small")).content == b"hello"
            assert client._transport.pool.stats().connections_made > 1  # type: ignore[union-attr]

    asyncio.run(program())
