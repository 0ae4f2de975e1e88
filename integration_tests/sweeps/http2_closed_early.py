"""Streams of one connection that are closed before their end: the server hears of each, and no window drifts."""

import socket
from typing import Any

import courser

from .crowds import WORLDS, crowd
from .http2_peer import HEADERS, FramePeer, over_http2
from .peer import serving

AT_ONCE = 50
CONTENT = bytes(5000)


def run(seed: int, count: int) -> str:
    """Close `count` streams early in each world, on one connection."""
    return "; ".join([f"{world} {_run(world, count)}" for world in WORLDS])


def _run(world: str, count: int) -> str:
    peers: list[FramePeer] = []

    def talk(sock: socket.socket) -> None:
        peer = FramePeer(sock)
        peers.append(peer)
        for frame in peer.frames():
            if frame.kind == HEADERS:
                peer.head(frame.stream)
                peer.data(frame.stream, CONTENT, ends=peer.path_of[frame.stream] == "/last")

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}"

        async def job(client: courser.AsyncClient, number: int) -> None:
            async with client.stream("GET", f"{url}/{number}") as response:
                assert response.status_code == 200

        async def last(client: courser.AsyncClient, pool: Any) -> None:
            # Once this is answered, the server has heard all that left before.
            assert (await client.get(f"{url}/last")).content == CONTENT
            [connection] = pool._connections
            session = connection._session
            assert not session.streams
            assert pool.stats().streams == 0
            # What we take to be left of the window is what the server may send, and the rest waits to be given back.
            drift = max(
                abs(session._receive_window - peers[0].window),
                abs(session._receive_window + session._unreturned - pool.limits.http2_connection_window),
            )
            assert drift == 0, f"{world}: the window drifts by {drift} bytes"

        crowd(world, job, count, AT_ONCE, last, **over_http2())
    [peer] = peers
    assert len(peer.resets) == len(set(peer.resets)) == count, f"{world}: {len(peer.resets)} resets"
    return f"{len(peer.resets)} RST_STREAM on {len(peers)} connection, drift 0 bytes after {peer.sent} bytes"
