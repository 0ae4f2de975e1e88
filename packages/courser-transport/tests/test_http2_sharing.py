"""Many who send and read on one connection: nobody waits for another longer than the network makes him."""

from __future__ import annotations

import queue
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from courser_models import Origin, Request
from courser_transport import Deadline, WriteTimeout, run_sync
from courser_transport._http2._connection import HTTP2Connection
from exchanges import collect, serving
from frames import DATA, END_STREAM, HEADERS, FramePeer
from http2 import URL, Wire, client, http2, played
from owners import NotingOwner
from worlds import PATIENCE, ThreadWorld, World, in_event_loops, in_every_world

LARGE_WINDOWS = {4: 2**30}

# More than one of loopback's segments, else TCP waits for each.
BUFFER = 131072


def narrow(handler: Any) -> Any:
    """Play a server whose socket holds little, so that writing to it is soon blocked."""

    def play(peer: FramePeer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        peer.window(0, 2**30)
        handler(peer)

    return play


class _Noting:
    """A stream that notes how much it is given at a time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.posted: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def post(self, data: bytes) -> bool:
        self.posted.append(len(data))
        is_clear: bool = self._stream.post(data)
        return is_clear


def _make_narrow(wire: Wire) -> None:
    wire.connection.extra("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)


@in_every_world
async def test_uploads_at_once_take_turns(world: World) -> None:
    """Neither has to wait until the other is through."""
    sizes = {"/a": 0, "/b": 0}
    first_end: list[dict[str, int]] = []

    def handler(peer: FramePeer) -> None:
        paths: dict[int, str] = {}
        while len(first_end) < 2:
            frame = peer.next()
            if frame.kind == HEADERS:
                fields = dict(peer.decoder.decode(frame.payload, raw=True))
                paths[frame.stream] = bytes(fields[b":path"]).decode()
            elif frame.kind == DATA:
                sizes[paths[frame.stream]] += len(frame.payload)
                if frame.flags & END_STREAM:
                    first_end.append(dict(sizes))
                    peer.answer(frame.stream)
        peer.until_goodbye()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        tasks = []
        for path in ("a", "b"):
            request = Request("POST", URL + path, content=bytes(8_000_000))
            tasks.append(await world.beside(lambda request=request: wire.fetch(request)))
        for task in tasks:
            assert (await task.result())[1] == b"hello"
    assert min(first_end[0].values()) > 4_000_000, "the one waited for the other"


@in_every_world
async def test_little_of_a_large_body_waits_here(world: World) -> None:
    goes_on: queue.Queue[bool] = queue.Queue()

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        stream, _, _ = peer.request()
        assert goes_on.get(timeout=PATIENCE)
        assert len(peer.content(stream)) == 4_000_000
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        noting = _Noting(wire.connection._wire)
        wire.connection._wire = noting  # type: ignore[assignment]
        await wire.fetch()
        upload = await world.beside(lambda: wire.fetch(Request("POST", URL, content=bytes(4_000_000))))
        await world.until(lambda: not wire.connection.is_clear)
        for _ in range(20):
            await world.turn()
        assert sum(noting.posted) < 2_000_000, "what the system does not accept is not sent"
        goes_on.put(True)
        assert (await upload.result())[1] == b"hello"
        assert max(noting.posted) < 300_000


@in_every_world
async def test_the_total_limit_ends_a_write_that_hardly_moves(world: World) -> None:
    """Each time-out for the next bytes is kept to, and still it takes too long."""
    over = threading.Event()

    def handler(peer: FramePeer) -> None:
        peer.request()
        while not over.wait(0.02):
            peer.sock.recv(3000)
        peer.sock.close()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        request = Request("POST", URL, content=bytes(50_000_000), extensions={"timeout": {"write": 5.0}})
        started = time.monotonic()
        try:
            with pytest.raises(WriteTimeout, match=r"0\.5 s after the request began \(the total limit\)"):
                await wire.connection.send(request, Deadline.of_exchange(0.5))
            assert time.monotonic() - started < 3.0
        finally:
            over.set()


@in_every_world
async def test_who_waits_for_another_ones_write_is_not_out_of_time_while_it_moves(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        paths = {stream: b"large"}
        sizes = {stream: 0}
        ended = 0
        while ended < 2:
            frame = peer.next()
            if frame.kind == HEADERS:
                paths[frame.stream] = b"second"
                sizes[frame.stream] = 0
            elif frame.kind == DATA:
                time.sleep(0.001)
                sizes[frame.stream] += len(frame.payload)
                if frame.flags & END_STREAM:
                    ended += 1
                    peer.answer(frame.stream)
        peer.until_goodbye()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        large = await world.beside(lambda: wire.fetch(Request("POST", URL, content=bytes(5_000_000))))
        await world.until(lambda: not wire.connection.is_clear)
        second = Request("POST", URL, content=bytes(1_000_000))
        assert (await wire.fetch(second, timeout={"write": 0.25}))[1] == b"hello"
        await large.result()


@in_event_loops
async def test_what_a_cancelled_upload_leaves_behind_is_sent_for_those_who_wait(world: World) -> None:
    """Its flusher is gone, and the request of another one lies behind its bytes."""
    goes_on: queue.Queue[bool] = queue.Queue()

    def handler(peer: FramePeer) -> None:
        peer.request()
        assert goes_on.get(timeout=PATIENCE)
        streams: list[int] = []
        while len(streams) < 3:
            frame = peer.next()
            if frame.kind == HEADERS:
                streams.append(frame.stream)
        for stream in streams:
            peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        upload = await world.beside(lambda: wire.fetch(Request("POST", URL, content=bytes(3_000_000))))
        await world.until(lambda: not wire.connection.is_clear)
        others = [await world.beside(wire.fetch) for _ in range(3)]
        await world.until(lambda: len(wire.session.streams) == 4)
        upload.cancel()
        await upload.ended()
        goes_on.put(True)
        for other in others:
            assert (await other.result())[1] == b"hello"


@in_every_world
async def test_a_response_is_not_kept_waiting_by_another_ones_write(world: World) -> None:
    over: queue.Queue[bool] = queue.Queue()

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        other, _, _ = peer.request()  # of whose content nothing is read
        peer.answer(other, b"refused")
        for last in range(10):
            peer.data(stream, b"x" * 10_000, ends=last == 9)
        assert over.get(timeout=PATIENCE)
        peer.sock.close()

    async with http2(world, narrow(handler), settings=LARGE_WINDOWS) as wire:
        _make_narrow(wire)
        download = await wire.send()
        upload = await world.beside(lambda: wire.fetch(Request("POST", URL, content=bytes(5_000_000))))
        try:
            assert await collect(download) == b"x" * 100_000
            assert (await upload.result())[1] == b"refused"
        finally:
            over.put(True)


class _Owned:
    """A lock that knows which thread has it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.owner: int | None = None

    def acquire(self, blocking: bool = True) -> bool:
        is_mine = self._lock.acquire(blocking)
        if is_mine:
            self.owner = threading.get_ident()
        return is_mine

    def release(self) -> None:
        self.owner = None
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Watched:
    """A stream that tells who waits for the network, and whether he holds a lock meanwhile."""

    def __init__(self, stream: Any, lock: _Owned) -> None:
        self._stream = stream
        self._lock = lock
        self.readers = 0
        self.most_readers = 0
        self.waits = 0
        self.waits_with_lock = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _note(self) -> None:
        self.waits += 1
        self.waits_with_lock += self._lock.owner == threading.get_ident()

    async def read(self, limit: int, timeout: float | None) -> bytes:
        self._note()
        self.readers += 1
        self.most_readers = max(self.most_readers, self.readers)
        try:
            data: bytes = await self._stream.read(limit, timeout)
        finally:
            self.readers -= 1
        return data

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        self._note()
        await self._stream.writable(timeout, or_readable)


def test_threads_that_wait_for_the_network_hold_no_lock_and_one_at_a_time_reads() -> None:
    threads, each = 32, 20
    watched: list[_Watched] = []

    def handler(peer: FramePeer) -> None:
        for _ in range(threads * each):
            peer.serve_one()
        peer.until_goodbye()

    async def program() -> None:
        async with serving(ThreadWorld(), played(handler)) as peer:
            world = ThreadWorld()
            stream = await world.backend.connect_tcp(peer.addresses, "example.org", Deadline(PATIENCE))
            owner = NotingOwner(world.backend, world.body)
            connection = HTTP2Connection(stream, Origin("http", "example.org", 80), owner)
            lock = _Owned()
            watched.append(_Watched(connection._wire, lock))
            connection._lock, connection._wire = lock, watched[0]  # type: ignore[assignment]

            def fetch(_: int) -> bytes:
                response = run_sync(connection.send(Request("GET", URL)))
                return response.read()

            with ThreadPoolExecutor(threads) as pool:
                assert set(pool.map(fetch, range(threads * each))) == {b"hello"}
            connection.close()

    run_sync(program())
    assert watched[0].waits > 0
    assert watched[0].waits_with_lock == 0
    assert watched[0].most_readers == 1


@in_every_world
async def test_requests_are_spread_over_the_connections_that_there_are(world: World) -> None:
    """With room on both, the next goes where fewer are under way."""
    peers: list[FramePeer] = []
    streams: list[list[int]] = [[], []]

    def hears(count: int) -> Any:
        def handler(peer: FramePeer) -> None:
            streams[len(peers)] += [peer.request()[0] for _ in range(count)]
            peers.append(peer)

        return played(handler)

    async with client(world, hears(3), hears(1), max_streams_per_connection=3) as it:
        tasks = [await world.beside(it.fetch) for _ in range(3)]
        await world.until(lambda: len(peers) == 1)
        tasks.append(await world.beside(it.fetch))
        await world.until(lambda: len(peers) == 2)
        peers[0].answer(streams[0].pop())
        await world.until(lambda: it.pool.stats().streams == 3)
        tasks.append(await world.beside(it.fetch))
        await world.in_thread(peers[1].serve_one)  # and not on the other, which has room too
        for peer, left in zip(peers, streams, strict=True):
            for stream in left:
                peer.answer(stream)
        for task in tasks:
            assert await task.result() == b"hello"
        assert it.pool.stats().connections_made == 2
