"""Every limit ends what it limits in time: a quarter of a second late at most, whatever the server does."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import courser

from .sweeps.peer import requests, serving
from .worlds import World

Kind = type[courser.TimeoutException] | tuple[type[courser.TimeoutException], ...]

LIMIT = 0.3
LATE = 0.25
OK = b"HTTP/1.1 200 OK\r\n"


def _drips(connection: socket.socket, head: bytes, more: bytes) -> None:
    connection.sendall(head)
    while True:
        time.sleep(0.02)
        connection.sendall(more)


def drips_its_head(connection: socket.socket) -> None:
    for _ in requests(connection):
        _drips(connection, OK + b"X-Slow: ", b"x")


def drips_its_body(connection: socket.socket) -> None:
    for _ in requests(connection):
        _drips(connection, OK + b"Content-Length: 100000\r\n\r\n", b"x")


def drips_its_chunks(connection: socket.socket) -> None:
    for _ in requests(connection):
        _drips(connection, OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")


def goes_on_and_on(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(OK + b"Content-Length: 10000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)


def sends_interim_responses(connection: socket.socket) -> None:
    for _ in requests(connection):
        _drips(connection, b"", b"HTTP/1.1 102 Processing\r\n\r\n")


def redirects_for_ever(connection: socket.socket) -> None:
    for _ in requests(connection):
        time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


def is_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def reads_slowly(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while connection.recv(4096):
        time.sleep(0.02)


def reads_nothing(connection: socket.socket) -> None:
    threading.Event().wait(3)


def ends_in_time(work: Callable[[], object], kind: Kind, says: str, limit: float = LIMIT) -> None:
    """Do what must end with a time-out; once or twice it may be the machine that is late, three times it is us."""
    took = [_time_of(work, kind, says)]
    while took[-1] > limit + LATE and len(took) < 3:
        took.append(_time_of(work, kind, says))
    assert LIMIT - 0.02 <= took[-1] <= limit + LATE, took


def _time_of(work: Callable[[], object], kind: Kind, says: str) -> float:
    started = time.monotonic()
    with pytest.raises(kind, match=says):
        work()
    return time.monotonic() - started


@pytest.mark.parametrize(
    "talk",
    [
        drips_its_head,
        drips_its_body,
        drips_its_chunks,
        goes_on_and_on,
        sends_interim_responses,
        redirects_for_ever,
        is_silent,
    ],
)
def test_the_total_limit_ends_the_exchange(world: World, talk: Callable[[socket.socket], None]) -> None:
    settings = {"timeout": courser.Timeout(5.0, total=LIMIT), "follow_redirects": True, "max_redirects": 1000}
    # Where requests follow each other it may run out in any of their phases.
    kind = (courser.ReadTimeout, courser.WriteTimeout) if talk is redirects_for_ever else courser.ReadTimeout
    with serving(talk) as port:
        ends_in_time(
            lambda: world.fetch("GET", f"http://127.0.0.1:{port}/", settings=settings),
            kind,
            r"127\.0\.0\.1.*0\.3 s after the request began",
        )


@pytest.mark.parametrize("talk", [reads_slowly, reads_nothing])
def test_the_total_limit_ends_sending(world: World, talk: Callable[[socket.socket], None]) -> None:
    settings = {"timeout": courser.Timeout(5.0, total=LIMIT)}
    with serving(talk) as port:
        ends_in_time(
            lambda: world.fetch("POST", f"http://127.0.0.1:{port}/", settings=settings, content=b"x" * 50_000_000),
            courser.WriteTimeout,
            r"127\.0\.0\.1.*0\.3 s after the request began",
        )


def test_the_total_limit_ends_a_handshake(world: World) -> None:
    settings = {"timeout": courser.Timeout(5.0, total=LIMIT)}
    with serving(is_silent) as port:
        ends_in_time(
            lambda: world.fetch("GET", f"https://127.0.0.1:{port}/", settings=settings),
            courser.ConnectTimeout,
            r"TLS handshake with 127\.0\.0\.1.*0\.3 s",
        )


@pytest.mark.parametrize("limit", [{"pool": LIMIT}, {"total": LIMIT}])
def test_the_wait_for_a_connection_ends(world: World, limit: dict[str, float]) -> None:
    async def program(client: courser.AsyncClient) -> None:
        async with client.stream("GET", f"http://127.0.0.1:{port}/"):
            await client.get(f"http://127.0.0.1:{port}/", timeout=courser.Timeout(5.0, **limit))

    def begins(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(OK + b"Content-Length: 5\r\n\r\nhe")

    with serving(begins) as port:
        ends_in_time(
            lambda: world.run(program, limits=courser.Limits(max_connections=1)),
            courser.PoolTimeout,
            r"waiting for a connection to 127\.0\.0\.1.*0\.3 s",
        )


def test_connecting_ends(world: World) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []  # fill its queue, so that the next one is not even answered
        for _ in range(3):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            waiting.append(other)
        settings: dict[str, Any] = {"timeout": courser.Timeout(5.0, connect=LIMIT)}
        try:
            ends_in_time(
                lambda: world.fetch("GET", f"http://127.0.0.1:{full.getsockname()[1]}/", settings=settings),
                courser.ConnectTimeout,
                r"connecting to 127\.0\.0\.1.*0\.3 s",
            )
        finally:
            for other in waiting:
                other.close()


@pytest.mark.parametrize("talk", [is_silent])
def test_the_read_limit_ends_a_wait(world: World, talk: Callable[[socket.socket], None]) -> None:
    settings = {"timeout": courser.Timeout(5.0, read=LIMIT)}
    with serving(talk) as port:
        ends_in_time(
            lambda: world.fetch("GET", f"http://127.0.0.1:{port}/", settings=settings),
            courser.ReadTimeout,
            r"reading from 127\.0\.0\.1.*0\.3 s",
        )


def test_the_write_limit_ends_a_standstill(world: World) -> None:
    settings = {"timeout": courser.Timeout(5.0, write=LIMIT)}
    with serving(reads_nothing) as port:
        ends_in_time(
            lambda: world.fetch("POST", f"http://127.0.0.1:{port}/", settings=settings, content=b"x" * 50_000_000),
            courser.WriteTimeout,
            r"writing to 127\.0\.0\.1.*0\.3 s",
            limit=2 * LIMIT,  # asyncio tells once in each limit whether anything moved
        )
