"""The main job, shown: many requests at once, a large download, JSON out and back, and errors that say what happened.

Needs no network: it talks to a server of its own on loopback (tools/demo_server.py), over HTTP/1.1 and TLS.

    python3 tools/bootstrap.py demo
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import courser
from demo_server import DemoServer

CONCURRENT = 500


async def many_at_once(client: courser.AsyncClient) -> None:
    started = time.perf_counter()
    responses = await asyncio.gather(*(client.get(f"/item/{number}") for number in range(CONCURRENT)))
    took = time.perf_counter() - started
    assert [response.json()["item"] for response in responses] == list(range(CONCURRENT))
    print(f"{CONCURRENT} GETs at once     {took * 1000:.0f} ms, {CONCURRENT / took:,.0f} a second, each answer its own")


async def large_download(client: courser.AsyncClient) -> None:
    started = time.perf_counter()
    async with client.stream("GET", "/download") as response:
        total = int(response.headers["content-length"])
        async for _ in response.aiter_bytes():
            show_progress(response.num_bytes_downloaded, total)
    took = time.perf_counter() - started
    rate = total / took / 1e6
    print(f"\rdownload over TLS    {total / 1e6:.0f} MB in {took:.2f} s, {rate:,.0f} MB a second" + " " * 30)


def show_progress(received: int, total: int) -> None:
    if sys.stdout.isatty():
        done = 40 * received // total
        print(f"\rdownload over TLS    [{'#' * done}{'.' * (40 - done)}] {received / 1e6:4.0f} MB", end="", flush=True)


async def json_there_and_back(client: courser.AsyncClient) -> None:
    response = await client.post("/echo", json={"name": "saddle", "sizes": [15, 17]})
    print(f"POST of JSON         {response.status_code} {response.reason_phrase}: {response.text}")


async def a_timeout(client: courser.AsyncClient) -> None:
    try:
        await client.get("/slow", timeout=courser.Timeout(5.0, read=0.5))
    except courser.ReadTimeout as error:
        print(f"a time-out           ReadTimeout: {error}")
    else:
        raise AssertionError("the slow page must time out")


async def not_found(client: courser.AsyncClient) -> None:
    try:
        (await client.get("/nowhere?token=secret")).raise_for_status()
    except courser.HTTPStatusError as error:
        print(f"a 404                HTTPStatusError: {error}")
    else:
        raise AssertionError("the page that is not there must raise")


async def a_stranger(server: DemoServer) -> None:
    async with courser.AsyncClient() as client:
        try:
            await client.get(server.https)
        except courser.ConnectError as error:
            print(f"an unknown authority ConnectError: {error}")
        else:
            raise AssertionError("a certificate that nobody vouches for must raise")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, DemoServer(Path(folder)) as server:
        print(f"courser {courser.__version__}, with a server of its own at {server.http} and {server.https}\n")
        async with courser.AsyncClient(base_url=server.http) as client:
            await many_at_once(client)
        async with courser.AsyncClient(base_url=server.https, verify=server.authority) as client:
            await large_download(client)
            await json_there_and_back(client)
            await a_timeout(client)
            await not_found(client)
        await a_stranger(server)
    print("\nEverything above was asserted, not only printed.")


if __name__ == "__main__":
    asyncio.run(main())
