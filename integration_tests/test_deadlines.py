"""Every limit ends what it limits in time: a quarter of a second late at most, whatever the server does."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

import courser

from .servers.certificates import Authority
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


def asks_again_and_again(connection: socket.socket) -> None:
    for _ in requests(connection):
        time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")


def closes_before_it_answers(connection: socket.socket) -> None:
    for number, _ in enumerate(requests(connection)):
        if number:
            return
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")


def is_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def reads_slowly(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while connection.recv(4096):
        time.sleep(0.02)


def reads_nothing(connection: socket.socket) -> None:
    threading.Event().wait(3)


def ends_in_time(work: Callable[[], object], kind: Kind, says: str) -> None:
    """Do what must end with a time-out; once or twice it may be the machine that is late, three times it is us."""
    took = [_time_of(work, kind, says)]
    while took[-1] > LIMIT + LATE and len(took) < 3:
        took.append(_time_of(work, kind, says))
    assert LIMIT - 0.02 <= took[-1] <= LIMIT + LATE, took


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


class Persistent(courser.Auth):
    """Answers every challenge, for ever."""

    def auth_flow(self, request: courser.Request) -> Generator[courser.Request, courser.Response, None]:
        while True:
            yield request


def test_the_total_limit_ends_authentication(world: World) -> None:
    settings = {"timeout": courser.Timeout(5.0, total=LIMIT), "auth": Persistent()}
    with serving(asks_again_and_again) as port:
        ends_in_time(
            lambda: world.fetch("GET", f"http://127.0.0.1:{port}/", settings=settings),
            (courser.ReadTimeout, courser.WriteTimeout),
            r"127\.0\.0\.1.*0\.3 s after the request began",
        )


@pytest.mark.parametrize(
    ("timeout", "says"),
    [
        (courser.Timeout(5.0, total=LIMIT), r"looking up slow\.test timed out 0\.3 s after the request began"),
        (courser.Timeout(5.0, connect=LIMIT), r"looking up slow\.test timed out after 0\.3 s"),
    ],
)
def test_a_limit_ends_a_look_up_that_the_system_does_not_end(
    world: World, timeout: courser.Timeout, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        if host not in ("slow.test", b"slow.test"):
            return look_up(host, port, family, type, proto, flags)
        if not flags & socket.AI_NUMERICHOST:  # which trio asks for first, and is answered at once
            may_end.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def program(client: courser.AsyncClient) -> float:
        started = time.monotonic()
        with pytest.raises(courser.ConnectTimeout, match=says):
            await client.get("http://slow.test/", timeout=timeout)
        took = time.monotonic() - started
        may_end.set()  # before the loop ends: asyncio waits for its threads then
        return took

    def took() -> float:
        may_end.clear()
        return world.run(program)

    assert LIMIT - 0.02 <= min(took() for _ in range(2)) <= LIMIT + LATE


def test_the_total_limit_goes_on_where_a_request_is_sent_again(world: World) -> None:
    """The connection that is found to be lost, and the new one, share it."""

    async def program(client: courser.AsyncClient) -> None:
        await client.get(f"http://127.0.0.1:{port}/")
        await client.get(f"http://127.0.0.1:{port}/", timeout=courser.Timeout(5.0, total=LIMIT))

    served = 0

    def talk(connection: socket.socket) -> None:
        nonlocal served
        served += 1
        if served % 2:
            closes_before_it_answers(connection)
        else:
            drips_its_body(connection)

    with serving(talk) as port:
        ends_in_time(lambda: world.run(program), courser.ReadTimeout, r"127\.0\.0\.1.*0\.3 s after the request began")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_closing_waits_for_no_peer(world: World, scheme: str, authority: Authority) -> None:
    """Nor for one that reads nothing, while what was meant for it, and over TLS a goodbye, waits to leave."""

    async def program(client: courser.AsyncClient) -> float:
        with pytest.raises(courser.WriteTimeout):
            await client.post(f"{scheme}://127.0.0.1:{port}/", content=b"x" * 50_000_000)
        async with client.stream("GET", f"{scheme}://127.0.0.1:{port}/") as response:
            assert response.status_code == 200
        return time.monotonic()

    def talk(connection: socket.socket) -> None:
        if connection.recv(4) == b"POST":
            reads_nothing(connection)
        else:
            connection.sendall(OK + b"Content-Length: 10\r\n\r\nhello")
            reads_nothing(connection)

    settings = {"timeout": courser.Timeout(5.0, write=LIMIT), "verify": authority.client_context()}
    context = authority.server_context("127.0.0.1") if scheme == "https" else None
    with serving(talk, context) as port:
        assert min(time.monotonic() - world.run(program, **settings) for _ in range(2)) < LATE


def test_the_time_of_day_is_of_no_importance(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It jumps by an hour whenever it is asked for, and nothing is too late or too old."""
    hours = itertools.cycle([0.0, 3600.0, -3600.0])
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0 + next(hours))
    connections = 0

    def talk(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        for _ in requests(connection):
            connection.sendall(OK + b"Keep-Alive: timeout=60\r\nContent-Length: 5\r\n\r\nhello")

    async def program(client: courser.AsyncClient) -> None:
        for _ in range(10):
            assert (await client.get(f"http://127.0.0.1:{port}/")).content == b"hello"

    with serving(talk) as port:
        world.run(program, timeout=courser.Timeout(5.0, total=10.0))
    assert connections == 1


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
        )
