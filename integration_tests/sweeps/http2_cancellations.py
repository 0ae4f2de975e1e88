"""Requests over HTTP/2 that are cancelled at random steps: no stream, window or place is lost, no byte goes astray."""

import random
import socket
from collections import Counter
from typing import Any

import courser

from .crowds import LOOPS, cancelled_at, crowd
from .http2_peer import DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, FramePeer, over_http2
from .peer import serving

AT_ONCE = 20
FURTHEST_STEP = 24
UPLOAD = 200_000
DOWNLOAD = 100_000


def run(seed: int, count: int) -> str:
    """Cancel `count` requests in each event loop, several of them under way at any time on the one connection."""
    return "; ".join([f"{world} {_run(world, seed, count)}" for world in LOOPS])


def letter_of(path: str) -> bytes:
    """Return the letter that all content of this request consists of."""
    return path[-1:].encode()


def check_letters(peer: FramePeer) -> Counter[str]:
    """Answer every request, and let no content be of another one's letters; return what was heard."""
    heard: Counter[str] = Counter()
    for frame in peer.frames():
        stream, path = frame.stream, peer.path_of.get(frame.stream, "")
        if frame.kind == DATA:
            assert not frame.payload.strip(letter_of(path)), f"another request's bytes on stream {stream}"
            heard["bytes up"] += len(frame.payload)
        if frame.kind in (HEADERS, DATA) and frame.flags & END_STREAM:
            heard["requests"] += 1
            peer.head(stream)
            size = DOWNLOAD if path.startswith("/large") else 5
            while size:
                # In a window that the client keeps large; what it gives up is over for us as well.
                piece = min(size, 16384, peer.window, peer.window_of.get(stream, peer.initial_window))
                size -= piece
                peer.data(stream, letter_of(path) * piece, ends=not size)
    return heard


def _run(world: str, seed: int, count: int) -> str:
    rng = random.Random(seed)
    peers: list[FramePeer] = []
    seen: Counter[str] = Counter()
    failures: list[BaseException] = []

    def talk(sock: socket.socket) -> None:
        peers.append(FramePeer(sock, {INITIAL_WINDOW_SIZE: 100_000}))
        try:
            check_letters(peers[-1])
        except AssertionError as error:
            failures.append(error)
            raise

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}"

        async def job(client: courser.AsyncClient, number: int) -> None:
            while seen["cancelled"] < count:
                letter = rng.choice("abcdefghij")
                kind = rng.choice(["small", "large", "upload"])
                if await cancelled_at(world, rng.randrange(1, FURTHEST_STEP), lambda: exchange(client, kind, letter)):  # noqa: B023
                    seen["cancelled"] += 1

        async def exchange(client: courser.AsyncClient, kind: str, letter: str) -> None:
            if kind == "upload":
                response = await client.post(f"{url}/{kind}{letter}", content=letter.encode() * UPLOAD)
            else:
                response = await client.get(f"{url}/{kind}{letter}")
            assert response.content == letter.encode() * (DOWNLOAD if kind == "large" else 5)
            seen["answered"] += 1

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            assert (await client.get(f"{url}/lastz")).content == b"zzzzz"
            stats = pool.stats()
            assert (stats.streams, stats.idle, stats.open, stats.waiting) == (0, 1, 1, 0), stats
            [connection] = pool._connections
            session = connection._session
            assert not session.streams
            assert session._receive_window == peers[-1].window
            assert session._receive_window + session._unreturned == pool.limits.http2_connection_window
            seen["connections"] = stats.connections_made

        crowd(world, job, AT_ONCE, AT_ONCE, last, **over_http2())
    assert not failures, failures
    resets = sum(len(peer.resets) for peer in peers)
    return (
        f"{seen['cancelled']} cancelled and {seen['answered']} answered on {seen['connections']} connection(s), "
        f"{resets} RST_STREAM, 1 idle place of 1, windows as at first"
    )
