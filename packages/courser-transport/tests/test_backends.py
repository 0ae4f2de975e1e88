"""Each world's streams and promises against real sockets on loopback; the test plays the peer."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
from typing import Any

import anyio
import pytest

from courser_transport import ConnectError, ConnectTimeout, ReadError, ReadTimeout, WriteError, WriteTimeout
from courser_transport._backends import current_backend
from courser_transport._deadline import Deadline
from courser_transport._network import READ_SIZE
from loopback import peer, reset
from worlds import PATIENCE, World, in_asyncio_loops, in_event_loops, in_every_world

SOON = 0.02


async def _connected(world: World, p: Any) -> tuple[Any, socket.socket]:
    stream = await world.backend.connect_tcp(p.addresses, "peer:1", Deadline(PATIENCE))
    return stream, p.accept()


@in_every_world
async def test_bytes_go_both_ways(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        await stream.write(b"ping", PATIENCE)
        assert sock.recv(100) == b"ping"
        sock.sendall(b"pong")
        assert await stream.read(100, PATIENCE) == b"pong"
        sock.close()
        assert await stream.read(100, PATIENCE) == b""
        assert await stream.read(100, PATIENCE) == b""
        stream.close()


@in_every_world
async def test_a_read_that_finds_nothing_times_out_and_the_next_one_works(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        for _ in range(2):
            with pytest.raises(ReadTimeout, match=r"^reading from peer:1 timed out after 0.02 s$"):
                await stream.read(100, SOON)
        sock.sendall(b"late")
        assert await stream.read(100, PATIENCE) == b"late"
        stream.close()


@in_every_world
async def test_a_shorter_time_out_after_a_longer_one_is_kept(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        sock.sendall(b"x")
        assert await stream.read(100, 60.0) == b"x"
        with pytest.raises(ReadTimeout, match=r"after 0\.02 s"):
            await stream.read(100, SOON)
        stream.close()


@in_every_world
async def test_no_patience_at_all_is_a_time_out(world: World) -> None:
    with peer() as p:
        stream, _ = await _connected(world, p)
        with pytest.raises(ReadTimeout, match="after 0 s"):
            await stream.read(100, 0)
        stream.close()


@in_every_world
async def test_a_write_that_nobody_takes_times_out(world: World) -> None:
    with peer() as p:
        stream, _ = await _connected(world, p)
        with pytest.raises(WriteTimeout, match=r"^writing to peer:1 timed out after 0.02 s$"):
            for _ in range(1000):
                await stream.write(b"x" * 1_000_000, SOON)
        stream.close()


@in_every_world
async def test_a_large_write_arrives_whole(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        size = 20_000_000

        async def send() -> None:
            await stream.write(b"x" * size, PATIENCE)

        task = await world.beside(send)
        received = 0
        while received < size:
            received += len(await world.in_thread(sock.recv, 1_000_000))
        await task.result()
        stream.close()


@in_every_world
async def test_what_follows_bytes_that_were_taken_in_part_comes_after_them(world: World) -> None:
    content = b"".join([number.to_bytes(4) for number in range(2_000_000)])
    with peer() as p:
        connected, sock = await _connected(world, p)
        stream = connected.share()
        assert not stream.post(content)
        # Now there is room again, and nobody has had a turn to use it.
        received = bytearray(sock.recv(1_000_000))

        is_through = stream.post(b"the end")

        async def post_the_rest() -> None:
            nonlocal is_through
            while not is_through:
                await stream.writable(PATIENCE, or_readable=False)
                is_through = stream.post(b"")

        task = await world.beside(post_the_rest)
        while len(received) < len(content) + len(b"the end"):
            received += await world.in_thread(sock.recv, 1_000_000)
        await task.result()
        assert received == content + b"the end"
        stream.close()


@in_every_world
async def test_a_reset_is_an_error_with_a_reason(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        reset(sock)
        with pytest.raises(ReadError, match="reading from peer:1 failed: connection reset by peer"):
            await stream.read(100, PATIENCE)
        with pytest.raises(WriteError, match="writing to peer:1 failed"):
            for _ in range(3):
                await stream.write(b"x", PATIENCE)
        stream.close()


@in_every_world
async def test_last_words_are_heard_although_writing_has_failed(world: World) -> None:
    """A server that says why and resets the connection: an early answer, or an alert of TLS."""
    with peer() as p:
        stream, sock = await _connected(world, p)
        sock.sendall(b"last words")
        reset(sock)
        # No await in between: a loop learns by the write that the connection is gone.
        with contextlib.suppress(WriteError):
            await stream.write(b"too late", PATIENCE)
        assert await stream.read(100, PATIENCE) == b"last words"
        # What came may not be all: a body that ends with the connection has not ended.
        with pytest.raises(ReadError):
            await stream.read(100, PATIENCE)
        stream.close()


@in_every_world
async def test_what_has_arrived_is_seen_without_waiting_even_if_nobody_fetched_it(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        assert not stream.is_readable()
        assert stream.take() is None
        sock.sendall(b"early")
        # No await in between: a loop has had no turn in which to look.
        assert stream.is_readable()
        assert stream.take() == b"early"
        assert not stream.is_readable()
        sock.close()
        assert stream.is_readable()
        assert stream.take() == b""
        stream.close()


@in_every_world
async def test_a_reset_makes_an_idle_stream_readable(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        reset(sock)
        assert stream.is_readable()
        if world.has_loop:
            await world.turn()
            assert stream.is_readable()
        stream.close()


@in_every_world
async def test_closing_wakes_whoever_reads(world: World) -> None:
    with peer() as p:
        stream, _ = await _connected(world, p)

        async def read() -> None:
            with pytest.raises(ReadError, match="connection to peer:1 was closed by this program while it was in use"):
                await stream.read(100, PATIENCE)

        task = await world.beside(read)
        if world.has_loop:
            await world.turn()
        stream.close()
        stream.close()
        await task.result()
        with pytest.raises(ReadError, match="closed by this program"):
            await stream.read(100, PATIENCE)
        with pytest.raises(WriteError, match="closed by this program"):
            await stream.write(b"x", PATIENCE)


@in_every_world
async def test_the_farewell_leaves_before_the_connection_closes(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        stream.close(b"bye")
        if world.has_loop:
            await world.turn()
        assert sock.recv(100) == b"bye"
        assert sock.recv(100) == b""


@in_every_world
async def test_the_ends_of_a_stream_are_known(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        assert stream.extra("peer_address") == ("127.0.0.1", p.port)
        assert stream.extra("local_address") == sock.getpeername()
        assert stream.extra("socket").fileno() > 0
        assert stream.extra("ssl_object") is None
        stream.close()


@in_every_world
async def test_a_refused_connection_names_peer_and_reason(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        addresses: Any = [(socket.AF_INET, unused.getsockname())]
        with pytest.raises(ConnectError, match=r"^connecting to peer:1 failed: connection refused$"):
            await world.backend.connect_tcp(addresses * 2, "peer:1", Deadline(PATIENCE))


@in_every_world
async def test_the_next_address_is_tried(world: World) -> None:
    with socket.socket() as unused, peer() as p:
        unused.bind(("127.0.0.1", 0))
        refusing: Any = (socket.AF_INET, unused.getsockname())
        stream = await world.backend.connect_tcp([refusing, *p.addresses], "peer:1", Deadline(PATIENCE))
        stream.close()


@in_every_world
async def test_a_connection_that_is_not_accepted_times_out_by_its_limit(world: World) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        waiting = []
        try:
            for _ in range(3):  # fills the queue of connections that nobody accepts
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(busy.getsockname())
                waiting.append(sock)
            addresses: Any = [(socket.AF_INET, busy.getsockname())]
            with pytest.raises(ConnectTimeout, match=r"^connecting to peer:1 timed out after 0.05 s$"):
                await world.backend.connect_tcp(addresses, "peer:1", Deadline(0.05))
        finally:
            for sock in waiting:
                sock.close()


@in_every_world
async def test_a_host_is_looked_up(world: World) -> None:
    addresses = await world.backend.resolve("localhost", 80, Deadline(PATIENCE))
    assert ("127.0.0.1", 80) in [address[:2] for _, address in addresses]


@in_every_world
@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".example"])
async def test_an_unknown_host_is_named(world: World, host: str) -> None:
    with pytest.raises(ConnectError, match=f"^looking up {host} failed: .+"):
        await world.backend.resolve(host, 80, Deadline(PATIENCE))


@in_every_world
async def test_a_promise_is_kept_once(world: World) -> None:
    waiter = world.backend.waiter()
    assert waiter.deliver("grant")
    assert not waiter.deliver("another")
    assert await waiter.wait(PATIENCE) == "grant"


@in_every_world
async def test_a_promise_that_nobody_keeps_ends_with_time(world: World) -> None:
    waiter = world.backend.waiter()
    assert await waiter.wait(SOON) is None
    assert not waiter.deliver("late")


@in_every_world
async def test_an_abandoned_promise_gives_its_grant_back(world: World) -> None:
    kept, given_up = world.backend.waiter(), world.backend.waiter()
    assert kept.deliver("grant")
    assert kept.abandon() == "grant"
    assert given_up.abandon() is None
    assert not given_up.deliver("late")


@in_every_world
async def test_a_promise_wakes_who_waits(world: World) -> None:
    waiter = world.backend.waiter()

    async def wait() -> Any:
        return await waiter.wait(PATIENCE)

    task = await world.beside(wait)
    if world.has_loop:
        await world.turn()
    assert waiter.deliver("grant")
    assert await task.result() == "grant"


@in_asyncio_loops
async def test_a_promise_is_cancelled_as_any_future_is(world: World) -> None:
    waiter = world.backend.waiter()

    async def wait() -> None:
        await waiter.wait(PATIENCE)

    task = asyncio.create_task(wait())
    await world.turn()
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match=r"^enough$"):
        await task
    assert waiter.done()
    assert not waiter.deliver("late")
    assert waiter.abandon() is None
    with pytest.raises(asyncio.CancelledError, match=r"^enough$"):
        await waiter.wait(None)


@in_asyncio_loops
async def test_a_grant_stays_where_the_cancellation_comes_after_it(world: World) -> None:
    waiter = world.backend.waiter()

    async def wait() -> None:
        await waiter.wait(PATIENCE)

    task = asyncio.create_task(wait())
    await world.turn()
    assert waiter.deliver("grant")
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert waiter.abandon() == "grant"


@in_asyncio_loops
async def test_a_cancel_scope_ends_the_wait_for_a_promise(world: World) -> None:
    waiter = world.backend.waiter()
    with anyio.move_on_after(0.01) as scope:
        await waiter.wait(None)
    assert scope.cancelled_caught
    assert not waiter.deliver("late")


@in_asyncio_loops
async def test_one_task_waits_for_a_promise(world: World) -> None:
    waiter = world.backend.waiter()

    async def wait() -> Any:
        return await waiter.wait(None)

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await world.turn()
    assert waiter.deliver("grant")
    assert await first == "grant"
    with pytest.raises(RuntimeError, match="only one task"):
        await second


@in_asyncio_loops
async def test_a_task_written_in_python_waits_too(world: World) -> None:
    waiter = world.backend.waiter()

    async def wait() -> Any:
        return await waiter.wait(PATIENCE)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **kwargs: asyncio.tasks._PyTask(coro, loop=loop, **kwargs))
    try:
        task = asyncio.create_task(wait())
        await world.turn()
        waiter.deliver("grant")
        assert await task == "grant"
    finally:
        loop.set_task_factory(None)


@in_asyncio_loops
async def test_bytes_that_come_with_a_cancellation_are_kept(world: World) -> None:
    with peer() as p:
        stream, _ = await _connected(world, p)
        task = asyncio.ensure_future(stream.read(100, PATIENCE))
        await world.turn()
        stream.data_received(b"just now")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert stream.take() == b"just now"
        stream.close()


@in_event_loops
async def test_two_tasks_cannot_read_one_connection(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)

        async def read() -> Any:
            return await stream.read(100, PATIENCE)

        task = await world.beside(read)
        await world.turn()
        with pytest.raises(RuntimeError, match="two tasks are reading the same connection to peer:1"):
            await stream.read(100, PATIENCE)
        sock.sendall(b"x")
        assert await task.result() == b"x"
        stream.close()


@in_event_loops
async def test_a_slow_reader_slows_its_peer(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        sock.settimeout(0.1)

        def flood() -> int:
            total = 0
            try:
                for _ in range(10_000):
                    total += sock.send(b"x" * 100_000)
            except TimeoutError:
                pass
            return total

        sent = await world.in_thread(flood)
        assert sent < 50_000_000, "the peer is held up, because what waits here is bounded"
        received = 0
        while received < sent:
            received += len(await stream.read(65536, PATIENCE))
        assert received == sent
        stream.close()


@in_every_world
async def test_what_comes_faster_than_it_is_read_comes_in_order_and_whole(world: World) -> None:
    content = b"".join([number.to_bytes(4) for number in range(1_000_000)])
    with peer() as p:
        stream, sock = await _connected(world, p)

        def flood() -> None:
            sock.sendall(content)
            sock.close()

        flooding = threading.Thread(target=flood)
        flooding.start()
        received = bytearray()
        while data := await stream.read(262144, PATIENCE):
            received += data
        await world.in_thread(flooding.join)
        assert received == content
        stream.close()


@in_every_world
async def test_a_reset_in_the_middle_of_a_flood_is_no_goodbye(world: World) -> None:
    size = 4 * 65536  # so that every read is full, and nothing says that there is no more
    with peer() as p:
        stream, sock = await _connected(world, p)
        await world.in_thread(sock.sendall, b"x" * size)
        received = len(await stream.read(65536, PATIENCE))
        reset(sock)
        with pytest.raises(ReadError, match="reading from peer:1 failed: connection reset by peer"):
            while True:
                data = await stream.read(65536, PATIENCE)
                assert data, "a reset was taken for a goodbye"
                received += len(data)
        assert received <= size
        stream.close()


@in_asyncio_loops
async def test_whoever_reads_a_flood_lets_others_run(world: World) -> None:
    class Endless:
        """A system that always has more."""

        def take(self, limit: int) -> bytes:
            return b"x" * limit

    with peer() as p:
        stream, sock = await _connected(world, p)

        def flood() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock.sendall(b"x" * 1_000_000)

        flooding = threading.Thread(target=flood)
        flooding.start()
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while flooding.is_alive():
                turns += 1
                await world.turn()

        counting = await world.beside(count_turns)
        while not stream._is_flooded:
            await stream.read(65536, PATIENCE)
        stream._kernel = Endless()
        turns = 0
        for _ in range(50):
            assert await stream.read(65536, PATIENCE)
        assert turns >= 2
        stream.close()
        await counting.result()


def test_asyncio_makes_room_for_one_piece_at_a_time() -> None:
    """uvloop has room of its own, and says how much came before it makes any."""

    async def main() -> None:
        backend = current_backend()
        with peer() as p:
            stream = await backend.connect_tcp(p.addresses, "peer:1", Deadline(PATIENCE))
            p.accept().sendall(b"x" * 200_000)
            assert len(await stream.read(200_000, PATIENCE)) <= READ_SIZE
            stream.close()

    asyncio.run(main())


@in_event_loops
async def test_a_cancelled_connect_leaves_no_socket(world: World) -> None:
    with peer() as p:
        for turns in range(6):

            async def connect() -> None:
                (await world.backend.connect_tcp(p.addresses, "peer:1", Deadline(PATIENCE))).close()

            task = await world.beside(connect)
            for _ in range(turns):
                await world.turn()
            task.cancel()
            await task.ended()
        for _ in range(10):
            await world.turn()
        gc.collect()  # an open socket would be a ResourceWarning, and that an error


@in_asyncio_loops
async def test_reads_of_one_connection_share_a_timer(world: World) -> None:
    with peer() as p:
        stream, _ = await _connected(world, p)
        timers = set()
        for _ in range(50):
            reading = asyncio.ensure_future(stream.read(1, PATIENCE))
            await world.turn()
            timers.add(stream._timer)
            stream.data_received(b"x")
            assert await reading == b"x"
        assert len(timers) == 1
        assert None not in timers
        stream.close()


@in_event_loops
async def test_a_large_write_to_a_slow_peer_has_time_as_long_as_something_moves(world: World) -> None:
    with peer() as p:
        stream, sock = await _connected(world, p)
        size = 8_000_000

        async def send() -> None:
            await stream.write(b"x" * size, 0.3)

        task = await world.beside(send)
        pause = threading.Event()

        def receive() -> int:
            pause.wait(0.05)
            return len(sock.recv(500_000))

        received = 0
        while received < size:
            received += await world.in_thread(receive)
        await task.result()
        stream.close()
