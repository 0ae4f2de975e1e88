"""Uploads and downloads on one connection in tiny buffers, some of which run out of time: all others are answered."""

import random
import socket
import threading
from collections import Counter
from typing import Any

import courser

from .crowds import WORLDS, crowd
from .http2_cancellations import DOWNLOAD, check_letters
from .http2_peer import INITIAL_WINDOW_SIZE, FramePeer, over_http2
from .peer import serving

AT_ONCE = 12
TINY = 4096
UPLOAD = 200_000


def run(seed: int, count: int) -> str:
    """Send `count` requests in each world, twelve at any time; a third of them has little time."""
    return "; ".join([f"{world} {_run(world, seed, count)}" for world in WORLDS])


def _run(world: str, seed: int, count: int) -> str:
    rng = random.Random(seed)
    failures: list[BaseException] = []
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def talk(sock: socket.socket) -> None:
        try:
            check_letters(FramePeer(sock, {INITIAL_WINDOW_SIZE: 2**24}))
        except AssertionError as error:
            failures.append(error)
            raise

    with serving(talk, buffer=TINY) as port:
        url = f"http://127.0.0.1:{port}"

        async def job(client: courser.AsyncClient, number: int) -> None:
            if not number:
                async with client.stream("GET", f"{url}/firsta") as response:
                    own: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
                    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TINY)
            with lock:
                letter, goes_up, limit = rng.choice("abcdefghij"), rng.random() < 0.5, rng.choice([0.01, None, None])
            content = letter.encode()
            timeout = courser.Timeout(30.0, total=limit)
            try:
                if goes_up:
                    response = await client.post(f"{url}/{letter}", content=content * UPLOAD, timeout=timeout)
                else:
                    response = await client.get(f"{url}/large{letter}", timeout=timeout)
            except courser.TimeoutException:
                assert limit is not None, f"{world}: one with enough time ran out of it"
                outcome = "out of time"
            else:
                assert response.content == content * (5 if goes_up else DOWNLOAD)
                outcome = "answered"
            with lock:
                seen[outcome] += 1

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            assert (await client.get(f"{url}/lastz")).content == b"zzzzz"
            assert pool.stats().streams == 0
            seen["connections"] = pool.stats().connections_made

        crowd(world, job, count, AT_ONCE, last, **over_http2())
    assert not failures, failures
    assert seen["answered"] + seen["out of time"] == count
    return f"{seen['answered']} answered, {seen['out of time']} out of time, {seen['connections']} connection(s)"
