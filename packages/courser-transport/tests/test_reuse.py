"""What one exchange leaves behind on its connection for the next: nothing."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from courser_models import Request
from courser_transport import ReadTimeout
from exchanges import collect, hear, real, serving
from serving import LARGE, OK
from serving import serving as server_at
from worlds import PATIENCE, World, in_every_world


@in_every_world
async def test_the_time_out_of_one_exchange_is_over_with_it(world: World) -> None:
    """Neither the idle connection nor the next exchange, which may take as long as it likes, hears of it."""
    may_answer = threading.Event()

    def play(sock: socket.socket) -> None:
        hear(sock)
        sock.sendall(OK)
        hear(sock)
        may_answer.wait()
        sock.sendall(OK)

    limit = 0.2
    async with serving(world, play) as peer:
        with real(world) as pool:
            url = f"http://127.0.0.1:{peer.port}/"
            impatient = Request("GET", url, extensions={"timeout": {"read": limit, "write": limit}})
            assert await collect(await pool.send(impatient)) == b"hello"
            threading.Timer(2 * limit, may_answer.set).start()
            assert await collect(await pool.send(Request("GET", url))) == b"hello"
            assert pool.stats().connections_made == 1


@in_every_world
async def test_a_shorter_time_out_than_that_of_the_exchange_before_is_kept(world: World) -> None:
    with server_at() as server, real(world) as pool:
        patient = Request("GET", f"{server.url}/", extensions={"timeout": {"read": 60.0}})
        assert await collect(await pool.send(patient)) == b"hello"
        started = time.monotonic()
        with pytest.raises(ReadTimeout, match=r"0\.1 s"):
            await pool.send(Request("GET", f"{server.url}/silent", extensions={"timeout": {"read": 0.1}}))
        assert time.monotonic() - started < PATIENCE
        assert pool.stats()[:5] == (0, 0, 0, 0, 0)


@in_every_world
async def test_a_connection_whose_reading_was_held_up_reads_on_for_the_next(world: World) -> None:
    """Whoever is slow slows its peer, until the response is read to its end."""
    with server_at() as server, real(world) as pool:
        for _ in range(3):
            response = await pool.send(Request("GET", f"{server.url}/large"))
            await world.in_thread(time.sleep, 0.05)
            assert await collect(response) == LARGE
            assert await collect(await pool.send(Request("GET", f"{server.url}/late"))) == b"hello"
        assert pool.stats().connections_made == 1
