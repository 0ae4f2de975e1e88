"""TLS inside TLS, as to an origin behind a proxy that speaks TLS itself: one pump over the other, in every world."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from authorities import Authority
from courser_transport import ConnectError, Deadline, ReadError, ReadTimeout
from courser_transport._network import SharedStream
from courser_transport._tls import TLSSettings, TLSStream, start_tls
from loopback import Peer, peer
from worlds import PATIENCE, World, in_every_world

LARGE = bytes(range(256)) * 8192


class Inside:
    """The server's end of the TLS inside; what it sends and receives goes through the TLS outside."""

    def __init__(self, outside: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        self.outside = outside
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._run(self.tls.do_handshake)

    def send(self, data: bytes) -> None:
        for start in range(0, len(data), 65536):
            piece = data[start : start + 65536]
            self._run(lambda piece=piece: self.tls.write(piece))  # type: ignore[misc]

    def receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            received += self._run(lambda: self.tls.read(65536))
        return received

    def hears_goodbye(self) -> bool:
        return self._run(lambda: self.tls.read(1)) == b"" and self.outside.recv(1) == b""

    def say_goodbye(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.outside.sendall(self._outgoing.read())

    def _run(self, step: Callable[[], bytes]) -> bytes:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.outside.recv(65536)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        leaving = self._outgoing.read()
        if leaving:
            self.outside.sendall(leaving)


@contextlib.asynccontextmanager
async def nested(world: World, authority: Authority, serve: Callable[[Inside], None]) -> AsyncIterator[TLSStream]:
    """Give a stream inside a stream; `serve` is what the server does meanwhile, in a thread."""
    failures: list[BaseException] = []
    proxy = authority.server_with(authority.ca.issue_cert("proxy.example"))

    def run(listening: Peer) -> None:
        try:
            accepted = listening.accept()
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent is there
            with proxy.wrap_socket(accepted, server_side=True) as outside:
                serve(Inside(outside, authority.server))
        except BaseException as error:
            failures.append(error)

    with peer() as listening:
        thread = threading.Thread(target=run, args=(listening,))
        thread.start()
        deadline = Deadline(PATIENCE)
        try:
            settings = TLSSettings(authority.file)
            stream = await world.backend.connect_tcp(listening.addresses, "proxy.example:443", deadline)
            outside = await start_tls(stream, settings, "proxy.example", "proxy.example:443", deadline)
            inside = await start_tls(outside, settings, "example.org", "example.org:443", deadline)
            assert outside.extra("ssl_object") is not inside.extra("ssl_object")
            try:
                yield inside
            finally:
                inside.close()
        finally:
            await world.in_thread(thread.join, PATIENCE)
    assert failures == []


async def receive(stream: TLSStream | SharedStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = await stream.read(65536, PATIENCE)
        assert piece
        received += piece
    return received


@in_every_world
async def test_bytes_go_both_ways_and_both_sides_say_goodbye(world: World, authority: Authority) -> None:
    def serve(inside: Inside) -> None:
        inside.send(inside.receive(4))
        inside.send(inside.receive(len(LARGE)))
        assert inside.hears_goodbye()

    async with nested(world, authority, serve) as stream:
        await stream.write(b"ping", PATIENCE)
        assert await stream.read(100, PATIENCE) == b"ping"
        await stream.write(LARGE, PATIENCE)
        assert await receive(stream, len(LARGE)) == LARGE


@in_every_world
async def test_one_may_read_while_others_write(world: World, authority: Authority) -> None:
    """As HTTP/2 does, and with more under way than the system takes at once."""

    def serve(inside: Inside) -> None:
        inside.send(b"ready")
        assert inside.receive(len(LARGE) + 4) == LARGE + b"last"
        inside.send(LARGE)

    async with nested(world, authority, serve) as stream:
        shared = stream.share()
        assert await receive(shared, 5) == b"ready"
        for start in range(0, len(LARGE), 100_000):
            shared.post(LARGE[start : start + 100_000])
        while not shared.post(b""):
            await shared.writable(PATIENCE, False)
        reading = await world.beside(lambda: receive(shared, len(LARGE)))
        shared.post(b"last")
        while not shared.post(b""):
            await shared.writable(PATIENCE, False)
        assert await reading.result() == LARGE


@in_every_world
async def test_a_push_is_accepted_piece_by_piece(world: World, authority: Authority) -> None:
    def serve(inside: Inside) -> None:
        assert inside.receive(len(LARGE)) == LARGE
        inside.send(b"thanks")

    async with nested(world, authority, serve) as stream:
        is_accepted = await stream.push(LARGE, PATIENCE)
        while not is_accepted:
            is_accepted = await stream.push(b"", PATIENCE)
        assert await receive(stream, 6) == b"thanks"


@in_every_world
async def test_silence_is_a_time_out(world: World, authority: Authority) -> None:
    may_end = threading.Event()
    async with nested(world, authority, lambda inside: bool(may_end.wait(PATIENCE))) as stream:  # type: ignore[arg-type]
        try:
            with pytest.raises(ReadTimeout):
                await stream.read(100, 0.01)
        finally:
            may_end.set()


@in_every_world
async def test_an_end_that_only_the_outer_side_signed_is_none(world: World, authority: Authority) -> None:
    def leave_politely(inside: Inside) -> None:
        inside.send(b"all")
        inside.say_goodbye()

    def leave(inside: Inside) -> None:
        inside.send(b"some")
        # The goodbye leaves, and nobody waits for the client's; what it says at its end may be there all the same.
        inside.outside.settimeout(0.0)
        with contextlib.suppress(ssl.SSLError):
            inside.outside.unwrap()

    async with nested(world, authority, leave_politely) as stream:
        assert await receive(stream, 3) == b"all"
        assert await stream.read(100, PATIENCE) == b""
    async with nested(world, authority, leave) as stream:
        assert await receive(stream, 4) == b"some"
        with pytest.raises(ReadError, match=r"example\.org:443 cut the connection without a TLS goodbye"):
            await stream.read(100, PATIENCE)
        stream.close()


@in_every_world
async def test_tickets_make_it_no_more_readable_than_content_does(world: World, authority: Authority) -> None:
    """Each handshake leaves tickets behind; those inside come in records of their own outside."""
    has_sent, may_send = threading.Event(), threading.Event()

    def serve(inside: Inside) -> None:
        inside.send(inside.receive(1))
        assert may_send.wait(PATIENCE)
        inside.send(b"unasked")
        has_sent.set()
        assert inside.hears_goodbye()

    async with nested(world, authority, serve) as stream:
        await stream.write(b"?", PATIENCE)
        assert await receive(stream, 1) == b"?"
        assert not stream.is_readable()
        assert stream.take() is None
        may_send.set()
        assert await world.in_thread(has_sent.wait, PATIENCE)
        assert stream.is_readable()
        assert stream.take() == b"unasked"


@in_every_world
async def test_the_peer_inside_must_be_the_right_one(world: World, authority: Authority) -> None:
    failures: list[ConnectError] = []

    def run(listening: Peer) -> None:
        with contextlib.suppress(OSError):
            context = authority.server_with(authority.ca.issue_cert("proxy.example"))
            with context.wrap_socket(listening.accept(), server_side=True) as outside:
                Inside(outside, authority.server)

    with peer() as listening:
        thread = threading.Thread(target=run, args=(listening,))
        thread.start()
        deadline = Deadline(PATIENCE)
        settings = TLSSettings(authority.file)
        stream = await world.backend.connect_tcp(listening.addresses, "proxy.example:443", deadline)
        outside = await start_tls(stream, settings, "proxy.example", "proxy.example:443", deadline)
        try:
            await start_tls(outside, settings, "evil.example", "evil.example:443", deadline)
        except ConnectError as error:
            failures.append(error)
        await world.in_thread(thread.join, PATIENCE)
        assert not thread.is_alive(), "the connection is closed at once"
    assert "evil.example:443 failed: the certificate is not trusted: Hostname mismatch" in str(failures[0])
