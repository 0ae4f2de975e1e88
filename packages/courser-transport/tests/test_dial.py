"""Sockets as the settings want them: Unix sockets, the address to connect from, options; and what a trace tells."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courser_models import Request
from courser_transport import (
    AsyncHTTPTransport,
    ConnectError,
    ConnectTimeout,
    Deadline,
    HTTPTransport,
    Limits,
    public_addresses_only,
)
from courser_transport._dial import Dialer
from courser_transport._dial_settings import dial_settings
from courser_transport.testing import ScriptedBackend, ScriptedStream, sends
from darkness import refusing
from dialling import dialer, dialling, get, names
from exchanges import OK, hear
from loopback import peer
from serving import serving
from worlds import PATIENCE, World, in_event_loops, in_every_world, run_in

ABSTRACT = ["\0courser-test"] if sys.platform == "linux" else []


class UnixServer:
    """Answers each connection once, at a path; `heads` are those of the requests."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self.heads: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    self.heads.append(hear(sock))
                    sock.sendall(OK)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()


@contextlib.contextmanager
def serving_at(path: str) -> Iterator[UnixServer]:
    server = UnixServer(path)
    try:
        yield server
    finally:
        server.close()


@in_every_world
@pytest.mark.parametrize("path", ["a socket", *ABSTRACT])
async def test_a_unix_socket_is_in_the_place_of_every_host(world: World, path: str, tmp_path: Path) -> None:
    if not path.startswith("\0"):
        path = str(tmp_path / path)
    # No name is looked up and no address is asked for: the path is the operator's.
    settings = {"uds": path, "resolver": names(world, []), "connect_filter": public_addresses_only}
    with serving_at(path) as server, dialling(world, **settings) as pool:
        for host in ("docker.example", "127.0.0.1:8080"):
            assert await get(pool, f"http://{host}/") == b"hello"
        assert [b"Host: docker.example\r\n" in server.heads[0], b"Host: 127.0.0.1:8080\r\n" in server.heads[1]] == [
            True
        ] * 2


@in_every_world
async def test_the_way_to_a_unix_socket_is_told_where_it_fails(world: World, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    cases = {
        missing: f"connecting to a.example:80 by the Unix socket {missing} failed: no such file or directory",
        str(tmp_path): f"connecting to a.example:80 by the Unix socket {tmp_path} failed: connection refused",
        "x" * 200: "AF_UNIX path too long",
        "\0courser-nobody": "by the Unix socket @courser-nobody failed: connection refused",
    }
    for path, sentence in cases.items():
        with dialling(world, uds=path) as pool, pytest.raises(ConnectError) as caught:
            await get(pool, "http://a.example/")
        assert sentence in str(caught.value)


@in_every_world
async def test_a_unix_socket_whose_queue_is_full_is_waited_for(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "busy")
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        sockets.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        busy = dialer(world, uds=path)
        with pytest.raises(ConnectTimeout, match=r"by the Unix socket .*busy timed out after 0\.05 s"):
            await busy.dial("a.example", 80, "a.example:80", Deadline(0.05), None)

        async def dial() -> Any:
            return await busy.dial("a.example", 80, "a.example:80", Deadline(PATIENCE), None)

        task = await world.beside(dial)
        if world.has_loop:
            await world.turn()
        sockets.enter_context(listener.accept()[0])
        stream = await task.result()
        accepted = sockets.enter_context(listener.accept()[0])
        await stream.write(b"ping", PATIENCE)
        assert accepted.recv(100) == b"ping"
        stream.close()


@in_event_loops
async def test_a_cancelled_wait_for_a_unix_socket_leaves_none_open(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "busy")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        before = set(os.listdir("/dev/fd"))

        async def dial() -> None:
            await dialer(world, uds=path).dial("a.example", 80, "a.example:80", Deadline(PATIENCE), None)

        task = await world.beside(dial)
        await world.until(lambda: set(os.listdir("/dev/fd")) - before != set())
        task.cancel()
        await task.ended()
        assert task.was_cancelled
        assert len(os.listdir("/dev/fd")) <= len(before)


@in_every_world
async def test_a_connection_comes_from_the_local_address(world: World) -> None:
    with peer() as p:
        for local, expected in (("127.0.0.5", "127.0.0.5"), ("0.0.0.0", "127.0.0.1")):
            stream = await dialer(world, local_address=local).dial("127.0.0.1", p.port, "p", Deadline(PATIENCE), None)
            assert p.accept().getpeername()[0] == expected
            stream.close()


@in_every_world
async def test_a_local_address_chooses_the_family(world: World) -> None:
    with serving() as server:
        several = names(world, ["::1", "127.0.0.1"])
        with dialling(world, resolver=several, local_address="0.0.0.0") as pool:
            assert await get(pool, f"http://a.example:{server.port}/") == b"hello"
        sentence = r"connecting to 127\.0\.0\.1:80 failed: local_address :: is IPv6, and the peer has no such address"
        with dialling(world, local_address="::") as pool, pytest.raises(ConnectError, match=sentence):
            await get(pool, "http://127.0.0.1/")


@in_every_world
@pytest.mark.parametrize("addresses", [1, 2])
async def test_a_local_address_that_is_not_of_this_machine_is_told(world: World, addresses: int) -> None:
    settings = {"local_address": "192.0.2.1", "resolver": names(world, ["127.0.0.1", "127.0.0.2"][:addresses])}
    sentence = (
        r"^connecting to a\.example:80 failed: local_address 192\.0\.2\.1 cannot be used: "
        "cannot assign requested address$"
    )
    with dialling(world, **settings) as pool, pytest.raises(ConnectError, match=sentence):
        await get(pool, "http://a.example/")


def option(stream: Any, level: int, name: int) -> int:
    value: int = stream.extra("socket").getsockopt(level, name)
    return value


@in_every_world
@pytest.mark.parametrize("addresses", [1, 2])
async def test_small_writes_leave_at_once_and_dead_peers_are_found(world: World, addresses: int) -> None:
    with peer() as p:
        twice = names(world, ["127.0.0.1", "::1"][:addresses])
        stream = await dialer(world, resolver=twice).dial("a.example", p.port, "p", Deadline(PATIENCE), None)
        assert option(stream, socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert option(stream, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        stream.close()


@in_every_world
async def test_options_are_set_on_every_socket_and_go_before_what_is_set_by_default(world: World) -> None:
    options: Any = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0),
        (socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\5\0\0\0"),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000),
    ]
    with peer() as p:
        stream = await dialer(world, socket_options=options).dial("127.0.0.1", p.port, "p", Deadline(PATIENCE), None)
        assert not option(stream, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert option(stream, socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert stream.extra("socket").getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\5\0\0\0"
        assert option(stream, socket.SOL_SOCKET, socket.SO_RCVBUF) <= 40_000
        stream.close()


@in_every_world
async def test_options_are_set_on_unix_sockets_too(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with serving_at(path):
        settings: Any = {"uds": path, "socket_options": [(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)]}
        stream = await dialer(world, **settings).dial("a", 80, "a:80", Deadline(PATIENCE), None)
        assert option(stream, socket.SOL_SOCKET, socket.SO_RCVBUF) <= 40_000
        await stream.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE)
        assert await stream.read(65536, PATIENCE) == OK
        stream.close()


@in_every_world
async def test_an_option_that_the_system_does_not_take_is_named(world: World) -> None:
    with dialling(world, socket_options=[(255, 255, 1)]) as pool:
        with pytest.raises(ConnectError, match=r"failed: socket option \(255, 255, 1\) cannot be set: [a-z ]+$"):
            await get(pool, "http://127.0.0.1/")
        assert pool.open == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"uds": ""}, "uds must be the path of a Unix socket"),
        ({"local_address": "localhost"}, "local_address is 'localhost', which is no IP address; give an address"),
        ({"socket_options": [(1, 2)]}, r"socket_options has \(1, 2\); an option is \(level, option, value\)"),
        ({"socket_options": [(1, 2, "3")]}, "socket_options has"),
        ({"socket_options": [(1, 2, 3, 4)]}, "socket_options has"),
    ],
)
def test_settings_that_make_no_sense_are_refused_when_the_transport_is_made(settings: Any, sentence: str) -> None:
    for transport in (HTTPTransport, AsyncHTTPTransport):
        with pytest.raises(ValueError, match=sentence):
            transport(**settings)


def test_settings_of_all_kinds_are_kept_as_one_object(tmp_path: Path) -> None:
    settings: Any = {"uds": tmp_path, "local_address": "[::1]", "socket_options": iter([(1, 2, None, 3)])}
    kept = dial_settings(has_loop=True, **settings)
    assert (kept.uds, kept.sockets.local_address, kept.sockets.options) == (str(tmp_path), "::1", ((1, 2, None, 3),))
    assert dial_settings(has_loop=True) == dial_settings(has_loop=False)


@pytest.mark.parametrize("world_name", ["threads", "asyncio", "uvloop", "trio"])
def test_both_doors_hand_the_settings_on(world_name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def over_unix(world: World) -> None:
        if world.has_loop:
            async with AsyncHTTPTransport(True, None, True, True, False, Limits(), uds=path) as transport:
                response = await transport.handle_async_request(Request("GET", "http://a.example/"))
                assert await response.aread() == b"hello"
            return
        with HTTPTransport(True, None, True, True, False, Limits(), uds=path) as plain:
            assert plain.handle_request(Request("GET", "http://a.example/")).read() == b"hello"

    with serving_at(path) as server:
        run_in(world_name, over_unix, {})
        assert len(server.heads) == 1


@in_every_world
async def test_a_trace_tells_how_somebody_was_reached(world: World, tmp_path: Path) -> None:
    events: list[tuple[str, Any]] = []

    def trace(event: str, info: dict[str, Any]) -> None:
        if event.startswith("connection.") and not event.endswith(".complete"):
            events.append((event, {name: info[name] for name in info if name != "request"}))

    path = str(tmp_path / "socket")
    with serving_at(path), dialling(world, uds=path) as pool:
        await get(pool, "http://a.example/", extensions={"trace": trace})
    with (
        refusing() as (_, (_, port)),
        dialling(world, resolve={"a.example": "127.0.0.1"}) as pool,
        pytest.raises(ConnectError),
    ):
        await get(pool, f"http://a.example:{port}/", extensions={"trace": trace})
    where = {"host": "a.example", "port": port, "timeout": None}
    assert events[:3] == [
        ("connection.connect_unix_socket.started", {"path": path, "timeout": None}),
        ("connection.resolve.started", where),
        ("connection.connect_tcp.started", where),
    ]
    assert [event for event, _ in events[3:]] == ["connection.connect_tcp.failed"]


@in_every_world
async def test_a_script_plays_unix_sockets_too(world: World) -> None:
    backend = ScriptedBackend([ScriptedStream([sends(OK)])], world.backend)
    scripted = Dialer(backend, dial_settings(has_loop=world.has_loop, uds="/run/example.sock"))
    await scripted.dial("a.example", 80, "a.example:80", Deadline(PATIENCE), None)
    assert backend.connected == ["/run/example.sock"]
