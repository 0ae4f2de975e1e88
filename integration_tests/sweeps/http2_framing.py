"""Bodies in frames of every size, padded and between each other, up and down: each arrives as it was."""

import hashlib
import random
import socket
from typing import Any

import courser

from .crowds import WORLDS, crowd
from .http2_peer import ACK, DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, FramePeer, over_http2
from .peer import serving

AT_ONCE = 6
LARGEST = 200_000


def run(seed: int, count: int) -> str:
    """Send `count` bodies up in each world, and get others back."""
    return "; ".join([f"{world} {_run(world, seed, count)}" for world in WORLDS])


def body_of(seed: int, path: str) -> bytes:
    """Return the bytes that go with a path."""
    rng = random.Random(f"{seed} {path}")
    return rng.randbytes(rng.choice([0, 1, 100, 20_000, LARGEST]))


def _run(world: str, seed: int, count: int) -> str:
    rng = random.Random(seed)
    failures: list[BaseException] = []
    frames = [0]

    def talk(sock: socket.socket) -> None:
        """Take what comes, and send a few frames of what is under way whenever something has come."""
        peer = FramePeer(sock, {INITIAL_WINDOW_SIZE: rng.randrange(1000, 100_000)})
        sums: dict[int, Any] = {}
        leaving: dict[int, bytes] = {}
        try:
            for frame in peer.frames():
                stream = frame.stream
                if frame.kind == HEADERS:
                    sums[stream] = hashlib.sha256()
                if frame.kind == DATA:
                    sums[stream].update(frame.payload)
                if frame.kind in (HEADERS, DATA) and frame.flags & END_STREAM:
                    expected = hashlib.sha256(body_of(seed, "up" + peer.path_of[stream])).digest()
                    assert sums.pop(stream).digest() == expected, f"{peer.path_of[stream]} did not come up whole"
                    peer.head(stream)
                    leaving[stream] = body_of(seed, "down" + peer.path_of[stream])
                send_some(peer, leaving)
        except AssertionError as error:
            failures.append(error)
            raise

    def send_some(peer: FramePeer, leaving: dict[int, bytes]) -> None:
        """Send what the windows allow, in turns and in pieces."""
        while leaving:
            frames[0] += 1
            stream = rng.choice(list(leaving))
            content = leaving[stream]
            most = rng.choice([0, 1, 100, 1000, 16384])
            padding = rng.choice([None, None, 0, 200]) if most < 16000 else None
            piece = content[:most]
            leaving[stream] = content[len(piece) :]
            peer.data(stream, piece, ends=not leaving[stream], padding=padding)
            if not leaving[stream]:
                del leaving[stream]
            if frames[0] % 20 == 0:
                peer.send(PING, ACK if frames[0] % 40 else 0, 0, bytes(8))

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}"

        async def job(client: courser.AsyncClient, number: int) -> None:
            path = f"/{number}"
            arrived = hashlib.sha256()
            content = body_of(seed, "up" + path)
            async with client.stream("POST", url + path, content=content) as response:
                async for chunk in response.aiter_bytes(rng.choice([None, 10_000])):
                    arrived.update(chunk)
            assert arrived.digest() == hashlib.sha256(body_of(seed, "down" + path)).digest(), f"{path} is not whole"

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            assert pool.stats().streams == 0
            assert pool.stats().connections_made == 1

        crowd(world, job, count, AT_ONCE, last, **over_http2())
    assert not failures, failures
    return f"{count} bodies each way in {frames[0]} frames, all sums right"
