"""Peers that break HTTP/2's rules, or keep to them in order to do harm: bounded, and ended with a clear error."""

from __future__ import annotations

import queue
import socket
import struct
from collections.abc import Callable
from typing import Any

import hpack
import pytest

from courser_transport import Limits, ReadTimeout, RemoteProtocolError
from courser_transport._http2._session import Session
from exchanges import collect
from frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    FramePeer,
    number,
    packed,
)
from http2 import http2
from worlds import PATIENCE, World, in_every_world

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 1, 3, 6, 9, 11
OK = hpack.Encoder().encode([(b":status", b"200")])


def _setting(name: int, value: int) -> bytes:
    return packed(SETTINGS, 0, 0, struct.pack(">HI", name, value))


# What is sent, the code of our goodbye, and what the error says.
BROKEN: dict[str, tuple[bytes, int, str]] = {
    "data for no stream": (packed(DATA, PADDED, 0, b"\0x"), PROTOCOL_ERROR, "frame of kind 0 for no stream"),
    "data for a stream of nobody's": (packed(DATA, 0, 99, b"x"), PROTOCOL_ERROR, "stream 99, which nobody has opened"),
    "data for a stream of its own": (packed(DATA, 0, 2, b"x"), PROTOCOL_ERROR, "stream 2, which nobody has opened"),
    "a response to nobody": (packed(HEADERS, END_HEADERS, 99, OK), PROTOCOL_ERROR, "stream 99, which nobody"),
    "more padding than frame": (packed(DATA, PADDED, 1, b"\x05abc"), PROTOCOL_ERROR, "more padding than frame"),
    "a frame that is too large": (packed(DATA, 0, 1, bytes(16385)), FRAME_SIZE_ERROR, "16385 bytes; 16384 is the most"),
    "a push": (
        packed(PUSH_PROMISE, END_HEADERS, 1, number(2) + OK),
        PROTOCOL_ERROR,
        "pushes, which it was told not to",
    ),
    "settings of half a setting": (packed(SETTINGS, 0, 0, b"abc"), FRAME_SIZE_ERROR, "settings of 3 bytes"),
    "settings for a stream": (packed(SETTINGS, 0, 1), PROTOCOL_ERROR, "frame of kind 4 for a stream"),
    "an acknowledgement with more": (packed(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR, "in more words"),
    "frames of no size": (_setting(5, 0), PROTOCOL_ERROR, "sets frames of 0 bytes"),
    "frames of less than the least": (_setting(5, 16383), PROTOCOL_ERROR, "sets frames of 16383 bytes"),
    "frames past all numbers": (_setting(5, 2**24), PROTOCOL_ERROR, "sets frames of 16777216 bytes"),
    "a stream's window that settings open too far": (
        packed(WINDOW_UPDATE, 0, 1, number(2**31 - 1 - 65535)) + _setting(4, 65536),
        FLOW_CONTROL_ERROR,
        "stream's window further than there are numbers",
    ),
    "a priority of the wrong length": (packed(PRIORITY, 0, 1, b"abc"), FRAME_SIZE_ERROR, "kind 2 with 3 bytes, not 5"),
    "a window update of the wrong length": (
        packed(WINDOW_UPDATE, 0, 0, b"abc"),
        FRAME_SIZE_ERROR,
        "kind 8 with 3 bytes, not 4",
    ),
    "fields too short for their priority": (
        packed(HEADERS, END_HEADERS | 0x20, 1, b"abc"),
        FRAME_SIZE_ERROR,
        "too short for its priority",
    ),
    "a window past all numbers": (_setting(4, 2**31), FLOW_CONTROL_ERROR, "window of 2147483648 bytes"),
    "that it may push": (_setting(2, 1), PROTOCOL_ERROR, "not for a server to say"),
    "a short ping": (packed(PING, 0, 0, b"abc"), FRAME_SIZE_ERROR, "kind 6 with 3 bytes, not 8"),
    "a short reset": (packed(RST_STREAM, 0, 1, b"abc"), FRAME_SIZE_ERROR, "kind 3 with 3 bytes, not 4"),
    "a reset of nobody": (packed(RST_STREAM, 0, 99, number(8)), PROTOCOL_ERROR, "stream 99, which nobody has opened"),
    "a short goodbye": (packed(GOAWAY, 0, 0, b"abc"), FRAME_SIZE_ERROR, "goodbye in too few words"),
    "a window opened by nothing": (packed(WINDOW_UPDATE, 0, 0, number(0)), PROTOCOL_ERROR, "its window by nothing"),
    "a window opened too far": (packed(WINDOW_UPDATE, 0, 0, number(2**31 - 1)), FLOW_CONTROL_ERROR, "than there are"),
    "a continuation of nothing": (packed(CONTINUATION, 0, 1, OK), PROTOCOL_ERROR, "nobody has begun"),
    "a frame amid a field block": (
        packed(HEADERS, 0, 1, OK) + packed(PING, 0, 0, bytes(8)),
        PROTOCOL_ERROR,
        "in the middle of a field block",
    ),
    "content amid a field block": (
        packed(HEADERS, 0, 1, OK) + packed(DATA, 0, 1, b"x"),
        PROTOCOL_ERROR,
        "in the middle of a field block",
    ),
    "a field block that is none": (packed(HEADERS, END_HEADERS, 1, b"\xff" * 20), COMPRESSION_ERROR, "is not HPACK"),
}


@pytest.mark.parametrize("what", BROKEN)
@in_every_world
async def test_a_broken_connection_ends_with_its_reason(world: World, what: str) -> None:
    data, code, words = BROKEN[what]
    goodbyes: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.request()
        peer.sock.sendall(data)
        goodbyes.append(peer.expect(GOAWAY).payload)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        with pytest.raises(RemoteProtocolError, match=words):
            await wire.fetch()
        await world.until(lambda: bool(goodbyes))
        assert wire.connection.capacity == 0
    assert goodbyes == [number(0) + number(code)]


def _head(peer: FramePeer, *fields: tuple[bytes, bytes]) -> bytes:
    return packed(HEADERS, END_HEADERS, 1, peer.encoder.encode(fields))


Answer = Callable[[FramePeer], bytes]
# What is sent, and what the error says; only the stream ends.
MALFORMED: dict[str, tuple[Answer, str]] = {
    "content before the head": (lambda peer: packed(DATA, 0, 1, b"x"), "content before its response's head"),
    "no status": (lambda peer: _head(peer, (b"x", b"y")), "a response without a status"),
    "an empty field list": (lambda peer: packed(HEADERS, END_HEADERS, 1), "a response without a status"),
    "a status that is none": (lambda peer: _head(peer, (b":status", b"2xx")), "status is b'2xx'"),
    "two states": (lambda peer: _head(peer, (b":status", b"200"), (b":status", b"200")), "where it does not belong"),
    "another pseudo-field": (lambda peer: _head(peer, (b":status", b"200"), (b":path", b"/")), "b':path' where"),
    "another protocol": (lambda peer: _head(peer, (b":status", b"101")), "switches protocols"),
    "capitals": (lambda peer: _head(peer, (b":status", b"200"), (b"X-Name", b"y")), "b'X-Name'"),
    "a line break": (lambda peer: _head(peer, (b":status", b"200"), (b"x", b"a\r\nset-cookie: y")), "b'x'"),
    "a field in a value": (lambda peer: _head(peer, (b":status", b"200"), (b"x", b"a\nb:c")), "b'x'"),
    "a zero byte": (lambda peer: _head(peer, (b":status", b"200"), (b"x", b"a\0b")), "b'x'"),
    "a space around a value": (lambda peer: _head(peer, (b":status", b"200"), (b"x", b" y")), "b'x'"),
    "no name": (lambda peer: _head(peer, (b":status", b"200"), (b"", b"y")), "b''"),
    "a field about the connection": (
        lambda peer: _head(peer, (b":status", b"200"), (b"connection", b"close")),
        "b'connection', which HTTP/2 does not allow",
    ),
    "chunks": (lambda peer: _head(peer, (b":status", b"200"), (b"transfer-encoding", b"chunked")), "transfer-encoding"),
    "a length that is none": (lambda peer: _head(peer, (b":status", b"200"), (b"content-length", b"-1")), "b'-1'"),
    "two lengths": (
        lambda peer: _head(peer, (b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")),
        "Content-Length is",
    ),
    "less content than announced": (
        lambda peer: _head(peer, (b":status", b"200"), (b"content-length", b"10")) + packed(DATA, END_STREAM, 1, b"x"),
        "after 1 of 10 body bytes",
    ),
    "more content than announced": (
        lambda peer: _head(peer, (b":status", b"200"), (b"content-length", b"1")) + packed(DATA, 0, 1, b"xy"),
        "more than the 1 body bytes",
    ),
    "fields amid the content": (
        lambda peer: _head(peer, (b":status", b"200")) + _head(peer, (b"x", b"y")),
        "in the middle of its response",
    ),
    "an interim end": (
        lambda peer: packed(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode([(b":status", b"103")])),
        "interim one",
    ),
    "interim responses without end": (
        lambda peer: b"".join(_head(peer, (b":status", b"103")) for _ in range(33)),
        "more than 32 interim",
    ),
    "a window opened by nothing": (lambda peer: packed(WINDOW_UPDATE, 0, 1, number(0)), "stream's window by nothing"),
    "a window opened too far": (lambda peer: packed(WINDOW_UPDATE, 0, 1, number(2**31 - 1)), "stream's window further"),
    "too many fields": (
        lambda peer: _head(peer, (b":status", b"200"), *[(b"x", b"%d" % count) for count in range(300)]),
        "301 fields; 256 is the limit",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
@in_every_world
async def test_a_malformed_response_ends_its_stream_alone(world: World, what: str) -> None:
    answer, words = MALFORMED[what]

    def handler(peer: FramePeer) -> None:
        peer.request()
        other, _, _ = peer.request()
        peer.sock.sendall(answer(peer))
        assert peer.expect(RST_STREAM).stream == 1
        peer.answer(other)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        bad = await world.beside(wire.fetch)
        await world.until(lambda: len(wire.session.streams) == 1)
        good = await world.beside(wire.fetch)
        with pytest.raises(RemoteProtocolError, match=words):
            await bad.result()
        assert (await good.result())[1] == b"hello"
    assert len(wire.owner.released) == 2


def test_more_content_than_the_connections_window_allows_is_refused() -> None:
    session = Session("example.org", Limits(http2_connection_window=65535))
    session.receive(packed(SETTINGS, 0, 0))
    stream = session.open([(b":method", b"GET", False)], "GET", ends=True)
    session.receive(packed(HEADERS, END_HEADERS, 1, OK) + packed(DATA, 0, 1, bytes(16384)) * 4)
    assert "more content than the connection's window allows" in str(stream.failure)
    assert session.outgoing[-1] == packed(GOAWAY, 0, 0, number(0) + number(FLOW_CONTROL_ERROR))


def _bomb(peer: FramePeer) -> bytes:
    """A kilobyte in the table, named again and again."""
    block = peer.encoder.encode([(b":status", b"200"), (b"x", b"y" * 3000)])
    return packed(HEADERS, END_HEADERS, 1, block + b"\xbe" * 5000)


# What is sent, over and over, and what the error says.
FLOODS: dict[str, tuple[Answer, int, str]] = {
    "pings": (lambda peer: packed(PING, 0, 0, bytes(8)), 2000, "bring no exchange forward"),
    "settings": (lambda peer: packed(SETTINGS, 0, 0), 2000, "bring no exchange forward"),
    "priorities": (lambda peer: packed(PRIORITY, 0, 1, bytes(5)), 20_000, "bring no exchange forward"),
    "windows": (lambda peer: packed(WINDOW_UPDATE, 0, 0, number(1)), 20_000, "bring no exchange forward"),
    "frames of later documents": (lambda peer: packed(0xFA, 0, 1, b""), 20_000, "bring no exchange forward"),
    "content for nobody": (lambda peer: packed(DATA, 0, 1, b""), 20_000, "bring no exchange forward"),
    "resets of nobody": (lambda peer: packed(RST_STREAM, 0, 1, number(8)), 20_000, "bring no exchange forward"),
    "fields for nobody": (
        lambda peer: packed(HEADERS, END_HEADERS, 1, OK),
        20_000,
        "bring no exchange forward",
    ),
    "content of nothing": (lambda peer: packed(DATA, 0, 1, b""), 20_000, "bring no exchange forward"),
    "answers to pings of ours that there were none of": (
        lambda peer: packed(PING, ACK, 0, bytes(8)),
        20_000,
        "bring no exchange forward",
    ),
    "words that our settings are fine": (lambda peer: packed(SETTINGS, ACK, 0), 2000, "bring no exchange forward"),
    "windows of a stream": (lambda peer: packed(WINDOW_UPDATE, 0, 1, number(1)), 20_000, "bring no exchange forward"),
    "goodbyes": (lambda peer: packed(GOAWAY, 0, 0, number(1) + number(0)), 2000, "bring no exchange forward"),
    "pieces of a field block": (
        lambda peer: packed(CONTINUATION, 0, 3, b""),
        100,
        "in more than 64 pieces",
    ),
    "a field block without end": (lambda peer: packed(CONTINUATION, 0, 3, bytes(16_000)), 20, "102400 bytes"),
    "compressed fields": (_bomb, 1, "response head of more than 102400 bytes, which is the limit"),
}


@pytest.mark.parametrize("what", FLOODS)
@in_every_world
async def test_a_flood_is_bounded(world: World, what: str) -> None:
    make, times, words = FLOODS[what]
    goodbyes: list[Any] = []

    def handler(peer: FramePeer) -> None:
        if "block" in what or "nobody" in what:
            peer.serve_one()
        peer.request()
        if "block" in what:
            peer.send(HEADERS, 0, 3, b"")
        if what == "content of nothing":
            peer.head(1)
        try:
            peer.sock.sendall(make(peer) * times)
        except ConnectionError:
            pass
        goodbyes.extend(frame.payload for frame in peer.until_goodbye() if frame.kind == GOAWAY)

    async with http2(world, handler) as wire:
        if "block" in what or "nobody" in what:
            await wire.fetch()
        with pytest.raises(RemoteProtocolError, match=words):
            await wire.fetch()
        wire.connection.close()
        await world.until(lambda: bool(goodbyes))
    assert goodbyes[0][7] == ENHANCE_YOUR_CALM


@in_every_world
async def test_how_bytes_are_cut_into_reads_changes_nothing(world: World) -> None:
    content = bytes(range(256)) * 20

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        whole = peer.encoder.encode([(b":status", b"200"), (b"x-name", b"value")])
        data = packed(HEADERS, 0, stream, whole[:2]) + packed(CONTINUATION, END_HEADERS, stream, whole[2:])
        data += packed(DATA, PADDED, stream, b"\x03" + content[:100] + bytes(3))
        data += packed(DATA, 0, stream, content[100:4000]) + packed(PING, ACK, 0, bytes(8))
        data += packed(DATA, 0, stream, content[4000:]) + packed(DATA, END_STREAM, stream, b"")
        for place in range(len(data)):
            peer.sock.sendall(data[place : place + 1])
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response, received = await wire.fetch()
    assert received == content
    assert response.headers["x-name"] == "value"


@in_every_world
async def test_a_peer_that_takes_no_answers_gets_no_more(world: World) -> None:
    """It asks and asks, and says something useful between, so that it does not seem idle."""
    outcome: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream, _, _ = peer.request()
        peer.head(stream)
        try:
            for _ in range(400):
                peer.sock.sendall(packed(PING, 0, 0, bytes(8)) * 500 + packed(DATA, 0, stream, b"x"))
            outcome.append("all was taken")
        except (ConnectionError, TimeoutError) as error:
            outcome.append(error)

    async with http2(world, handler) as wire:
        wire.connection.extra("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        response = await wire.send()
        with pytest.raises(RemoteProtocolError, match="takes none of the answers to the 1000 frames"):
            await collect(response)
        wire.connection.close()
        await world.until(lambda: bool(outcome))
    assert isinstance(outcome[0], ConnectionError)


@in_every_world
async def test_what_we_gave_up_is_not_held_against_the_peer(world: World) -> None:
    """All that it sends for nobody is what it was asked for before."""
    rounds = 200

    def handler(peer: FramePeer) -> None:
        for _ in range(rounds):
            stream, _, _ = peer.request()
            assert peer.expect(RST_STREAM).stream == stream
            peer.head(stream)
            peer.sock.sendall(packed(DATA, 0, stream, b"x") * 60)
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        for _ in range(rounds):
            with pytest.raises(ReadTimeout):
                await wire.fetch(timeout={"read": 0.0})
            wire.connection._liveness.asked_at = None  # it is not silence that is looked at here
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_frames_that_bring_nobody_forward_are_forgiven_after_a_while(world: World) -> None:
    """A server that asks whether we are there, every now and then for hours, does nothing wrong."""

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        for number in range(3):
            peer.sock.sendall(packed(PING, 0, 0, bytes(8)) * 500)
            for _ in range(500):
                peer.expect(PING)
            answered.append(number)
            assert hours.get(timeout=PATIENCE)
        peer.answer(stream)
        peer.until_goodbye()

    answered: list[int] = []
    hours: queue.Queue[bool] = queue.Queue()
    async with http2(world, handler) as wire:
        waiting = await world.beside(wire.fetch)
        for number in range(3):
            await world.until(lambda number=number: len(answered) > number)
            wire.connection._forgiven_at -= 3600.0
            hours.put(True)
        assert (await waiting.result())[1] == b"hello"


@in_every_world
async def test_many_small_pieces_that_nobody_takes_cost_little(world: World) -> None:
    """Each piece has two bytes, and an object for each would be twenty times as much."""
    pieces = 50_000

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.sock.sendall(packed(DATA, 0, stream, b"ab") * pieces)
        peer.data(stream, b"", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send()
        stream = response.stream._source._stream
        await world.until(lambda: wire.connection.look() or stream.is_ended)
        assert len(stream.chunks) < 100
        assert await collect(response) == b"ab" * pieces
