"""Requests that are cancelled while their bytes are stuck: what one has begun to send never ends in another's.

`COURSER_SOAK` multiplies how often; with 10 it is a thousand times.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

import pytest

from courser_models import Origin, Request
from courser_transport import Deadline
from courser_transport._http2._connection import HTTP2Connection
from courser_transport._tls import TLSSettings, start_tls
from exchanges import collect, serving
from frames import DATA, END_STREAM, HEADERS, RST_STREAM, FramePeer
from owners import NotingOwner
from serving import Certificates
from worlds import PATIENCE, World, in_event_loops

SOAK = int(os.environ.get("COURSER_SOAK", "1"))
URL = "https://127.0.0.1/"


def _letter(number: int) -> bytes:
    return b"abcdefghijklmnopqrstuvwxyz"[number % 26 :][:1]


def _check_all(peer: FramePeer) -> None:
    """Hear frames to the end; content must be that of its own stream, from its beginning."""
    peer.greet({4: 2**24})
    peer.window(0, 2**30)
    letters: dict[int, bytes] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            frame = peer.next()
            if frame.kind == HEADERS:
                fields = dict(peer.decoder.decode(frame.payload, raw=True))
                letters[frame.stream] = bytes(fields[b":path"][1:2])
                if frame.flags & END_STREAM:
                    peer.answer(frame.stream)
            elif frame.kind == DATA:
                assert frame.payload.strip(letters[frame.stream]) == b"", "another request's bytes"


@pytest.mark.parametrize("secure", [True, False])
@in_event_loops
async def test_what_is_cancelled_in_a_blocked_write_ends_in_nobody_elses_stream(
    world: World, certificates: Certificates, secure: bool
) -> None:
    heard: list[FramePeer] = []

    def server(sock: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if secure:
            sock = certificates.server_with(["h2"]).wrap_socket(sock, server_side=True)
        with sock:
            heard.append(FramePeer(sock))
            _check_all(heard[0])

    async with serving(world, server) as listening:
        deadline = Deadline(PATIENCE)
        stream: Any = await world.backend.connect_tcp(listening.addresses, "127.0.0.1", deadline)
        stream.extra("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        if secure:
            settings = TLSSettings(certificates.file, http2=True)
            stream = await start_tls(stream, settings, "127.0.0.1", "127.0.0.1", deadline)
        owner = NotingOwner(world.backend, world.body)
        connection = HTTP2Connection(stream, Origin("https", "127.0.0.1", 443), owner)
        rounds = 100 * SOAK
        await collect(await connection.send(Request("GET", URL + "z")))
        for number in range(rounds):
            letter = _letter(number)
            request = Request("POST", URL + letter.decode(), content=letter * 300_000)
            task = await world.beside(lambda request=request: connection.send(request))
            for _ in range(1 + number % 7):
                await world.turn()
            task.cancel()
            await task.ended()
        assert (await collect(await connection.send(Request("GET", URL + "z")))) == b"hello"
        assert not connection._session.streams
        assert len(owner.released) == rounds + 2
        connection.close()
    resets = [frame.stream for frame in heard[0].heard if frame.kind == RST_STREAM]
    assert len(resets) == len(set(resets))
