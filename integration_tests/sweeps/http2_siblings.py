"""One of fifty requests on a connection runs out of time, again and again: the 49 others never notice."""

import socket
import threading
from collections import Counter
from typing import Any

import courser

from .crowds import WORLDS, crowd
from .http2_peer import HEADERS, RST_STREAM, FramePeer, over_http2
from .peer import serving

STREAMS = 50


def run(seed: int, count: int) -> str:
    """Let one of fifty run out of time, `count` times in each world."""
    return "; ".join([f"{world} {_run(world, seed, count)}" for world in WORLDS])


def _run(world: str, seed: int, count: int) -> str:
    seen: Counter[str] = Counter()
    lock = threading.Lock()
    peers: list[FramePeer] = []

    def talk(sock: socket.socket) -> None:
        """Answer all but one when that one is given up, and not before."""
        peer = FramePeer(sock)
        peers.append(peer)
        patient: list[int] = []
        given_up = 0
        for frame in peer.frames():
            if frame.kind == HEADERS and peer.path_of[frame.stream] != "/slow":
                patient.append(frame.stream)
            elif frame.kind == RST_STREAM:
                given_up += 1
            if len(patient) == STREAMS - 1 and given_up:
                for stream in patient:
                    peer.answer(stream, b"hello")
                patient, given_up = [], given_up - 1

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}"

        async def job(client: courser.AsyncClient, number: int) -> None:
            if number % STREAMS == seed % STREAMS:
                try:
                    await client.get(f"{url}/slow", timeout=courser.Timeout(30.0, read=0.1))
                except courser.ReadTimeout:
                    with lock:
                        seen["timed out"] += 1
                return
            response = await client.get(f"{url}/{number}")
            assert response.content == b"hello"
            with lock:
                seen["answered"] += 1

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            seen["connections"] = pool.stats().connections_made

        crowd(world, job, count * STREAMS, STREAMS, last, **over_http2())
    assert seen["connections"] == 1
    assert (seen["timed out"], seen["answered"]) == (count, count * (STREAMS - 1)), seen
    return f"{seen['timed out']} timed out, {seen['answered']} answered, 1 connection"
