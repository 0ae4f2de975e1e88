"""Uploads over TLS that are cancelled while their bytes are stuck: none of them ever lies in another's stream."""

import random
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import courser

from ..servers.certificates import Authority
from .crowds import LOOPS, cancelled_at, crowd
from .http2_cancellations import check_letters
from .http2_peer import INITIAL_WINDOW_SIZE, FramePeer, over_http2
from .peer import serving

AT_ONCE = 3
TINY = 4096
PIECES = 75
FURTHEST_STEP = 12
NEVER = 1_000_000


def run(seed: int, count: int) -> str:
    """Cancel `count` uploads in each event loop, with three at any time in buffers of 4 KiB."""
    return "; ".join([f"{world} {_run(world, seed, count)}" for world in reversed(LOOPS)])


async def _pieces(letter: bytes) -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield letter * TINY


def _run(world: str, seed: int, count: int) -> str:
    rng = random.Random(seed)
    peers: list[FramePeer] = []
    failures: list[BaseException] = []
    seen: Counter[str] = Counter()

    def talk(sock: socket.socket) -> None:
        peers.append(FramePeer(sock, {INITIAL_WINDOW_SIZE: 2**24}))
        try:
            seen.update(check_letters(peers[-1]))
        except AssertionError as error:
            failures.append(error)
            raise

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        context = authority.server_context("127.0.0.1")
        context.set_alpn_protocols(["h2"])
        with serving(talk, context, TINY) as port:
            url = f"https://127.0.0.1:{port}"

            async def job(client: courser.AsyncClient, number: int) -> None:
                if not number:
                    async with client.stream("GET", f"{url}/firsta") as response:
                        own: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
                        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TINY)
                while seen["cancelled"] < count:
                    letter = rng.choice("abcdefghij")
                    step = rng.randrange(1, FURTHEST_STEP) if rng.random() < 0.95 else NEVER
                    if await cancelled_at(world, step, lambda: exchange(client, letter)):  # noqa: B023
                        seen["cancelled"] += 1

            async def exchange(client: courser.AsyncClient, letter: str) -> None:
                response = await client.post(f"{url}/{letter}", content=_pieces(letter.encode()))
                assert response.content == letter.encode() * 5
                seen["answered"] += 1

            async def last(client: courser.AsyncClient, pool: Any) -> None:
                assert (await client.get(f"{url}/lastz")).content == b"zzzzz"
                assert pool.stats().streams == 0
                seen["connections"] = pool.stats().connections_made

            crowd(world, job, AT_ONCE, AT_ONCE, last, verify=authority.client_context(), **over_http2())
    assert not failures, failures
    return (
        f"{seen['cancelled']} cancelled and {seen['answered']} answered on {seen['connections']} connection(s), "
        f"{seen['bytes up']} bytes checked, none in another's stream"
    )
