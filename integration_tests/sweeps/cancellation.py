"""Requests that are cancelled at any moment, while others wait for the same places: afterwards all places are there.

Two origins, one of them over TLS, share a pool of 1, of 2 and of 10 connections. Garbage is not collected meanwhile, so
that nothing comes back by accident.
"""

import gc
import os
import random
import socket
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import courser

from ..servers.certificates import Authority
from ..worlds import Loop
from .peer import requests, serving
from .together import LOOPS, CancelledTogether

WORKERS = 30
PLACES = [1, 2, 10]
PATIENCE = 30.0
LARGE = b"x" * 300_000
UPLOAD = 200_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def run(seed: int, count: int) -> str:
    """Cancel `count` requests in each loop and with each limit."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with serving(_talk) as plain, serving(_talk, authority.server_context("127.0.0.1")) as secured:
            urls = [f"http://127.0.0.1:{plain}"] * 3 + [f"https://127.0.0.1:{secured}"]
            for world, tasks in LOOPS:
                for places in PLACES:
                    load = Load(urls, places, random.Random(f"{seed} {world.name} {places}"), count, tasks)
                    found.append(f"{world.name} with {places}: {load.run_in(world, authority)}")
    return "; ".join(found)


def _talk(connection: socket.socket) -> None:
    for number, (_, path, _) in enumerate(requests(connection)):
        if path == "/once" and number:
            return
        if path == "/late":
            time.sleep(0.002)
        if path == "/chunks":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
            connection.sendall(b"3\r\nllo\r\n0\r\n\r\n")
        elif path == "/large":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
        elif path == "/half":
            connection.sendall(OK[:-3])
        else:
            connection.sendall(OK)


class Load:
    """Many workers on one client, whose requests are cancelled most of the time."""

    def __init__(
        self,
        urls: list[str],
        places: int,
        rng: random.Random,
        count: int,
        tasks: CancelledTogether,
    ) -> None:
        self._urls = urls
        self._places = places
        self._rng = rng
        self._count = count
        self._tasks = tasks
        self._seen: Counter[str] = Counter()

    def run_in(self, world: Loop, authority: Authority) -> str:
        """Run it, and say what came of it."""
        settings = {"limits": courser.Limits(max_connections=self._places), "verify": authority.client_context()}
        used = courser.AsyncHTTPTransport(**settings)
        fresh = courser.AsyncHTTPTransport(**settings)
        before = _descriptors()
        gc.disable()
        try:
            numbers = world.run(lambda client: self._play(client, used), transport=used, timeout=PATIENCE)
            expected = world.run(lambda client: self._fill(client, fresh), transport=fresh, timeout=PATIENCE)
            assert numbers == expected, f"{numbers} after the cancellations, {expected} in a fresh pool"
            patience = time.monotonic() + PATIENCE
            while _descriptors() > before:  # the servers' ends are closed by their threads
                assert time.monotonic() < patience, f"{before} descriptors before, {_descriptors()} afterwards"
                time.sleep(0.01)
        finally:
            gc.enable()
        gc.collect()
        return f"{self._seen['cancelled']} cancelled, {self._seen['answered']} answered, none lost"

    async def _play(self, client: courser.AsyncClient, transport: courser.AsyncHTTPTransport) -> list[tuple[int, ...]]:
        async def work() -> None:
            while self._seen["cancelled"] < self._count:
                # The fewer places, the longer the line in which everybody stands first.
                turns = int(self._rng.expovariate(self._places / 200))
                if self._rng.random() < 0.1:
                    await self._request(client)
                elif await self._tasks.cancel_after(turns, lambda: self._request(client)):
                    self._seen["cancelled"] += 1
                stats = transport.pool.stats()
                assert stats.open == stats.idle + stats.lent + stats.connecting <= self._places, stats

        await self._tasks.run_all([work] * WORKERS)
        return await self._fill(client, transport)

    async def _request(self, client: courser.AsyncClient) -> None:
        kind = self._rng.choice(["", "late", "chunks", "large", "once", "upload"])
        url = f"{self._rng.choice(self._urls)}/{kind}"
        if kind == "upload":
            response = await client.post(url, content=_pieces(), headers={"Content-Length": str(UPLOAD)})
        else:
            response = await client.get(url)
        assert response.content == (LARGE if kind == "large" else b"hello")
        self._seen["answered"] += 1

    async def _fill(self, client: courser.AsyncClient, transport: courser.AsyncHTTPTransport) -> list[tuple[int, ...]]:
        """Use all places at once, and none; return what the pool counts then."""
        numbers = []
        held = []
        for _ in range(self._places):
            request = client.build_request("GET", f"{self._urls[0]}/half")
            held.append(await client.send(request, stream=True))
        numbers.append(transport.pool.stats()[:5])
        for response in held:
            await response.aclose()
        numbers.append(transport.pool.stats()[:5])
        return numbers


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield bytes(UPLOAD // 4)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
