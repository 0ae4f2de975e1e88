"""How exchanges and connections of HTTP/2 end, early or late, and whom it concerns."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from courser_models import Request
from courser_transport import ReadTimeout, RemoteProtocolError
from courser_transport._deadline import Deadline
from courser_transport._resend import is_unprocessed
from exchanges import collect, give_up
from frames import DATA, GOAWAY, PING, RST_STREAM, FramePeer
from http2 import URL, http2
from worlds import World, in_event_loops, in_every_world

CANCEL, NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 8, 0, 7, 11


def _resets(peer_heard: list[Any]) -> list[tuple[int, int]]:
    return [(frame.stream, frame.number) for frame in peer_heard if frame.kind == RST_STREAM]


@in_every_world
async def test_a_goodbye_lets_running_exchanges_end_and_refuses_the_others(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        first, _, _ = peer.request()
        peer.request()
        peer.goodbye(first)
        peer.answer(first)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        one = await world.beside(wire.fetch)
        await world.until(lambda: len(wire.session.streams) == 1)
        two = await world.beside(wire.fetch)
        assert (await one.result())[1] == b"hello"
        with pytest.raises(RemoteProtocolError, match="takes no more requests") as caught:
            await two.result()
        assert is_unprocessed(caught.value)
        assert wire.connection.capacity == 0


@in_every_world
async def test_a_goodbye_with_stream_zero_refuses_all(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.request()
        peer.goodbye(0, ENHANCE_YOUR_CALM, b"too many\x01cooks")
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        with pytest.raises(RemoteProtocolError, match=r"ENHANCE_YOUR_CALM.*cooks") as caught:
            await wire.fetch()
        assert is_unprocessed(caught.value)
        with pytest.raises(RemoteProtocolError, match="takes no more requests on this connection") as caught:
            await wire.fetch()
        assert is_unprocessed(caught.value)


@in_every_world
async def test_a_graceful_goodbye_in_two_steps_loses_nobody(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        first, _, _ = peer.request()
        peer.goodbye(2**31 - 1)
        peer.goodbye(first)
        peer.answer(first)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_what_the_peer_says_it_refused_may_be_sent_again_and_nothing_else(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        for code in (REFUSED_STREAM, ENHANCE_YOUR_CALM):
            stream, _, _ = peer.request()
            peer.reset(stream, code)
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        with pytest.raises(RemoteProtocolError, match="REFUSED_STREAM") as caught:
            await wire.fetch()
        assert is_unprocessed(caught.value)
        with pytest.raises(RemoteProtocolError, match=r"ended the exchange \(ENHANCE_YOUR_CALM\)") as caught:
            await wire.fetch()
        assert not is_unprocessed(caught.value)
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_a_reset_after_a_complete_response_takes_nothing_from_it(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream, 413)
        peer.data(stream, b"too large", ends=True)
        peer.reset(stream, NO_ERROR)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response, content = await wire.fetch(Request("POST", URL, content=b"x" * 1_000_000))
        assert (response.status_code, content) == (413, b"too large")
    assert not wire.session.streams


@in_every_world
async def test_a_complete_response_ends_an_upload_that_cannot_go_on(world: World) -> None:
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        received = 0
        while received < 65535:
            received += len(peer.expect(DATA, stream).payload)
        peer.head(stream, 413)
        peer.data(stream, b"too large", ends=True)
        heard.extend(peer.until_goodbye())

    async with http2(world, handler) as wire:
        response, content = await wire.fetch(Request("POST", URL, content=b"x" * 1_000_000), timeout={"read": 5.0})
        assert (response.status_code, content) == (413, b"too large")
        wire.connection.close()
        await world.until(lambda: bool(heard))
    assert _resets(heard) == [(1, NO_ERROR)]


@in_every_world
async def test_who_reads_while_the_window_is_closed_lets_others_run(world: World) -> None:
    is_reading = threading.Event()

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        received = 0
        while received < 65535:
            received += len(peer.expect(DATA, stream).payload)
        peer.head(stream)
        assert is_reading.wait(10.0), "who reads keeps everybody else from running"
        peer.data(stream, b"hello", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send(Request("POST", URL, content=b"x" * 1_000_000))
        reading = await world.beside(lambda: collect(response))
        for _ in range(3):
            await world.turn()
        is_reading.set()
        assert await reading.result() == b"hello"


@in_every_world
async def test_a_broken_connection_tells_every_exchange_why(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        for _ in range(3):
            peer.request()
        peer.send(PING, 0, 0, b"short")
        assert peer.expect(GOAWAY).payload[7] == 6
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        tasks = [await world.beside(wire.fetch) for _ in range(3)]
        errors = []
        for task in tasks:
            with pytest.raises(RemoteProtocolError, match="frame of kind 6 with 5 bytes, not 8") as caught:
                await task.result()
            errors.append(caught.value)
    assert len({id(error) for error in errors}) == 3


@in_every_world
async def test_a_connection_that_ends_tells_every_exchange_so(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.request()
        peer.head(stream, 200, (b"content-length", b"10"))
        peer.data(stream, b"half")
        peer.sock.shutdown(socket.SHUT_WR)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        one = await world.beside(wire.fetch)
        await world.until(lambda: len(wire.session.streams) == 1)
        two = await world.beside(wire.fetch)
        for task in (one, two):
            with pytest.raises(RemoteProtocolError, match="closed the connection before its response was complete"):
                await task.result()
    assert len(wire.owner.released) == 2


@in_every_world
async def test_closing_a_response_early_resets_its_stream_alone(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.data(stream, b"x" * 1000)
        reset = peer.expect(RST_STREAM)
        assert (reset.stream, reset.number) == (stream, CANCEL)
        peer.data(stream, b"y" * 1000)
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send()
        await give_up(response)
        assert (await wire.fetch())[1] == b"hello"
        assert wire.session._unreturned == 2005, "what arrived for nobody is given back as well"
    assert not wire.session.streams
    assert len(wire.owner.released) == 2


@in_event_loops
async def test_cancelling_a_request_resets_its_stream_alone(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        first, _, _ = peer.request()
        second, _, _ = peer.request()
        reset = peer.expect(RST_STREAM)
        assert (reset.stream, reset.number) == (first, CANCEL)
        peer.answer(second)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        one = await world.beside(wire.fetch)
        await world.until(lambda: len(wire.session.streams) == 1)
        two = await world.beside(wire.fetch)
        await world.until(lambda: len(wire.session.streams) == 2)
        one.cancel()
        assert (await two.result())[1] == b"hello"
        await one.ended()
        assert one.was_cancelled
    assert len(wire.owner.released) == 2


@in_every_world
async def test_the_reader_that_goes_passes_its_role_on(world: World) -> None:
    """Each exchange but the last times out while it reads for all."""

    def handler(peer: FramePeer) -> None:
        streams = [peer.request()[0] for _ in range(5)]
        for stream in streams[:-1]:
            assert peer.expect(RST_STREAM).stream == stream
        peer.answer(streams[-1])
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        tasks = []
        for number in range(5):
            seconds = 5.0 if number == 4 else 0.1 + number * 0.05
            tasks.append(await world.beside(lambda seconds=seconds: wire.fetch(timeout={"read": seconds})))
            await world.until(lambda number=number: len(wire.session.streams) == number + 1)
        for task in tasks[:-1]:
            with pytest.raises(ReadTimeout):
                await task.result()
        assert (await tasks[-1].result())[1] == b"hello"


@in_every_world
async def test_the_total_limit_is_for_the_body_too(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.data(stream, b"x")
        peer.expect(RST_STREAM)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.connection.send(Request("GET", URL), Deadline.of_exchange(0.2))
        with pytest.raises(ReadTimeout, match=r"0\.2 s after the request began \(the total limit\)"):
            await collect(response)


@in_every_world
async def test_stream_numbers_run_out(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        assert peer.serve_one() == 2**31 - 1
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        wire.session.next_id = 2**31 - 1
        assert (await wire.fetch())[1] == b"hello"
        assert wire.connection.capacity == 0
        with pytest.raises(RemoteProtocolError, match="takes no more requests"):
            await wire.fetch()


@in_every_world
async def test_a_ping_on_an_idle_connection_is_answered_before_it_is_used_again(world: World) -> None:
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        peer.send(PING, 0, 0, b"12345678")
        heard.append(peer.expect(PING))
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        await wire.fetch()
        await world.until(lambda: wire.connection.is_stale() or bool(heard))
        assert heard[0][1:] == (1, 0, b"12345678")
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_a_silent_peer_is_asked_and_given_up(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.request()
        peer.expect(PING)
        peer.until_goodbye()

    async with http2(world, handler, http2_ping_interval=0.05, http2_ping_timeout=0.1) as wire:
        with pytest.raises(ReadTimeout, match=r"has not answered a PING within 0\.1 s"):
            await wire.fetch(timeout={"read": 8.0})
        assert wire.connection.capacity == 0


@in_every_world
async def test_a_peer_that_answers_its_ping_is_waited_for(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        for _ in range(3):
            peer.send(PING, 1, 0, peer.expect(PING).payload)
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, handler, http2_ping_interval=0.03, http2_ping_timeout=5.0) as wire:
        assert (await wire.fetch(timeout={"read": 8.0}))[1] == b"hello"


@in_every_world
async def test_a_connection_that_was_silent_for_long_is_asked_before_it_is_used(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        assert peer.next().kind in (PING, 4)
        peer.until_goodbye()

    async with http2(world, handler, http2_ping_interval=0.02, http2_ping_timeout=0.1) as wire:
        await wire.fetch()
        wire.connection._liveness.heard_at -= 1.0
        with pytest.raises(ReadTimeout, match="PING") as caught:
            await wire.fetch()
        assert is_unprocessed(caught.value), "nothing of the request has left"
