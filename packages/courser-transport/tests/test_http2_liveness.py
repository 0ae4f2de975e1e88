"""Whether the peer is there: who asks it, who answers it, and how long anybody waits for that."""

from __future__ import annotations

import time
from typing import Any

import pytest

from courser_models import Request
from courser_transport import Deadline, ReadTimeout
from courser_transport import _pool as pool_module
from courser_transport._http2 import _traffic as traffic_module
from courser_transport._resend import is_unprocessed
from exchanges import collect
from frames import GOAWAY, PING, FramePeer
from http2 import URL, Wire, client, http2, played, serves
from worlds import World, in_event_loops, in_every_world


def asks_while_idle(heard: list[Any]) -> Any:
    """Play a server that asks an idle client whether it is there, and hears of nothing else before the answer."""

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        peer.send(PING, 0, 0, b"12345678")
        heard.append(peer.expect(PING))
        peer.until_goodbye()

    return played(handler)


@in_event_loops
async def test_a_ping_on_an_idle_connection_is_answered_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_LOOK_EVERY", 0.05)
    heard: list[Any] = []
    async with client(world, asks_while_idle(heard)) as it:
        await it.fetch()
        await world.until(lambda: bool(heard))
    assert heard[0][1:] == (1, 0, b"12345678")


@in_event_loops
async def test_a_ping_is_answered_while_nobody_reads_a_response(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_module, "_LOOK_EVERY", 0.05)
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        for payload in (b"12345678", b"87654321"):
            peer.send(PING, 0, 0, payload)
            heard.append(peer.expect(PING).payload)
        peer.data(stream, b"hello", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send()
        await world.until(lambda: len(heard) == 2)
        assert await collect(response) == b"hello"
    assert heard == [b"12345678", b"87654321"]


@in_event_loops
async def test_a_goodbye_is_heard_while_nobody_reads_a_response(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_module, "_LOOK_EVERY", 0.05)

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.goodbye(stream)
        peer.data(stream, b"hello", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send()
        await world.until(lambda: wire.connection.capacity == 0)
        assert await collect(response) == b"hello"


@in_every_world
async def test_after_a_time_out_in_silence_the_peer_is_asked_and_the_next_request_goes_elsewhere(world: World) -> None:
    heard: list[Any] = []

    def is_dead(peer: FramePeer) -> None:
        peer.serve_one()  # all that it says in greeting is heard by then, and silence is silence
        peer.request()
        heard.extend(peer.until_goodbye())

    limits = {"http2_ping_timeout": 0.2}
    async with client(world, played(is_dead), serves(1), **limits) as it:
        assert await it.fetch() == b"hello"
        with pytest.raises(ReadTimeout):
            await it.fetch(read=0.3)
        content = b"not twice"
        assert await it.fetch(Request("POST", it.url, content=content)) == b"hello"
        assert it.pool.stats().connections_made == 2
    await world.until(lambda: bool(heard))
    assert [frame.kind for frame in heard].count(PING) == 1


@in_every_world
async def test_after_a_time_out_a_peer_that_answers_keeps_its_connection(world: World) -> None:
    def is_slow(peer: FramePeer) -> None:
        peer.is_alive = True
        peer.request()
        peer.serve_one()
        peer.until_goodbye()

    async with client(world, played(is_slow)) as it:
        with pytest.raises(ReadTimeout):
            await it.fetch(read=0.2)
        assert await it.fetch() == b"hello"
        assert it.pool.stats().connections_made == 1


@in_every_world
async def test_nobody_is_asked_after_a_time_out_where_others_are_served(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        slow, _, _ = peer.request()
        busy, _, _ = peer.request()
        peer.head(busy)
        while not any(frame.kind == 3 and frame.stream == slow for frame in peer.heard):
            peer.data(busy, b"x")
            peer.send(PING, 0, 0, bytes(8))
            peer.expect(PING)
        peer.data(busy, b"", ends=True)
        heard = peer.until_goodbye()
        assert not [frame for frame in heard if frame.kind == PING and not frame.flags]

    async with http2(world, handler) as wire:
        slow = await world.beside(lambda: wire.fetch(timeout={"read": 0.2}))
        await world.until(lambda: len(wire.session.streams) == 1)
        busy = await world.beside(wire.fetch)
        with pytest.raises(ReadTimeout):
            await slow.result()
        await busy.result()


async def _silent_for_long(wire: Wire) -> None:
    await wire.fetch()
    wire.connection._liveness.heard_at -= 1000.0


def answers_once(peer: FramePeer) -> None:
    """Be silent for ever after the first answer."""
    peer.serve_one()
    peer.until_goodbye()


@in_every_world
async def test_asking_takes_no_longer_than_the_total_limit(world: World) -> None:
    async with http2(world, answers_once) as wire:
        await _silent_for_long(wire)
        started = time.monotonic()
        with pytest.raises(ReadTimeout, match=r"0\.2 s after the request began \(the total limit\)"):
            await wire.connection.send(Request("GET", URL), Deadline.of_exchange(0.2))
        assert time.monotonic() - started < 5.0


@in_every_world
async def test_asking_takes_no_longer_than_the_read_timeout(world: World) -> None:
    async with http2(world, answers_once) as wire:
        await _silent_for_long(wire)
        with pytest.raises(ReadTimeout, match=r"has not answered a PING within 0\.2 s") as caught:
            await wire.fetch(timeout={"read": 0.2})
        assert is_unprocessed(caught.value), "nothing of the request has left"
        assert wire.connection.capacity == 0


@in_every_world
async def test_who_does_not_want_pings_sends_none(world: World) -> None:
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.request()
        peer.serve_one()
        heard.extend(peer.until_goodbye())

    async with http2(world, handler, http2_ping_interval=None) as wire:
        with pytest.raises(ReadTimeout):
            await wire.fetch(timeout={"read": 0.2})
        wire.connection._liveness.heard_at -= 1000.0
        await wire.fetch()
        wire.connection.close()
        await world.until(lambda: bool(heard))
    kinds = [frame.kind for frame in heard]
    assert PING not in kinds
    assert GOAWAY in kinds
