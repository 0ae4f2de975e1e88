"""Servers that say anything at all in HTTP/2: always a response or an error that has a name, soon, in every world.

What they say is what a good server says, damaged: bytes changed, frames left out, said twice, in another order, or made
up. However that ends, the next request is served, and the client holds nothing any more.
"""

import random
import socket
import struct
import threading
import time
from collections import Counter
from typing import Any

import hpack

import courser

from .crowds import WORLDS, crowd
from .http2_peer import over_http2, packed
from .peer import serving

AT_ONCE = 8
PATIENCE = 0.5


def run(seed: int, count: int) -> str:
    """Answer `count` requests so, spread over the worlds."""
    share = count // len(WORLDS)
    return "; ".join([f"{world} {_run(world, seed + number, share)}" for number, world in enumerate(WORLDS)])


def script_of(rng: random.Random) -> bytes:
    """Return what a server says, damaged."""
    encoder = hpack.Encoder()
    fields = [(b":status", rng.choice([b"200", b"204", b"103", b"999", b"2x"]) if rng.random() < 0.3 else b"200")]
    fields += [(b"x-%d" % number, rng.randbytes(3).hex().encode()) for number in range(rng.randrange(4))]
    if rng.random() < 0.3:
        fields.append((b"content-length", rng.choice([b"5", b"4", b"6", b"x", b"-1"])))
    frames = [
        packed(4, 0, 0, b""),
        packed(4, 1, 0),
        packed(1, 4, 1, encoder.encode(fields)),
        packed(0, 0, 1, b"hel"),
        packed(0, 1, 1, b"lo"),
    ]
    for _ in range(rng.choice([0, 0, 1, 2])):
        kind, flags = rng.choice([*range(10), 200]), rng.choice([0, 1, 4, 5, 8, 0x20, 0xFF])
        size = rng.choice([0, 1, 4, 5, 6, 8, 9, 30])
        stream = rng.choice([0, 1, 1, 1, 2, 3, 2**31 - 1])
        setting = struct.pack(">HI", rng.randrange(8), rng.choice([0, 1, 100_000, 2**31]))
        payload = rng.randbytes(size) if rng.random() < 0.5 else setting
        frames.insert(rng.randrange(len(frames) + 1), packed(kind, flags, stream, payload))
    chance = rng.random()
    if chance < 0.2:
        del frames[rng.randrange(len(frames))]
    elif chance < 0.3:
        frames.append(rng.choice(frames))
    elif chance < 0.4:
        first, second = rng.randrange(len(frames)), rng.randrange(len(frames))
        frames[first], frames[second] = frames[second], frames[first]
    said = bytearray(b"".join(frames))
    for _ in range(rng.choice([0, 0, 1, 3])):
        said[rng.randrange(len(said))] = rng.randrange(256)
    return bytes(said)


def _run(world: str, seed: int, count: int) -> str:
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def talk(sock: socket.socket) -> None:
        with lock:
            said = script_of(rng)
            cut, closes = rng.randrange(len(said) + 1), rng.random() < 0.8
        sock.sendall(said[:cut])
        sock.sendall(said[cut:])
        if closes:
            sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}/"

        async def job(client: courser.AsyncClient, number: int) -> None:
            started = time.monotonic()
            try:
                response = await client.get(url)
                outcome, words = f"{response.status_code}", url
            except courser.TransportError as error:
                outcome, words = type(error).__name__, str(error)
            assert "127.0.0.1" in words, words
            # Sent again nine times at most, with pauses of 5 s in all.
            assert time.monotonic() - started < 10 * PATIENCE + 10
            with lock:
                seen[outcome] += 1

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            stats = pool.stats()
            assert (stats.streams, stats.waiting, stats.connecting) == (0, 0, 0), stats

        limits = courser.Limits(max_requests_per_connection=1)
        crowd(world, job, count, AT_ONCE, last, **{**over_http2(), "limits": limits, "timeout": PATIENCE})
    assert sum(seen.values()) == count
    return ", ".join(f"{seen[name]} {name}" for name in sorted(seen))
