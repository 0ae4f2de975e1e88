"""HTTP/2's windows, both ways: nothing is lost, nobody waits for somebody else's reader."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from courser_models import LocalProtocolError, Request
from courser_transport import RemoteProtocolError, WriteTimeout
from courser_transport._body import ResponseBody
from courser_transport._http2._stream import HTTP2Stream
from exchanges import Body, collect, give_up
from frames import DATA, END_STREAM, HEADERS, PADDED, RST_STREAM, WINDOW_UPDATE, FramePeer
from http2 import URL, http2
from worlds import World, in_every_world


@in_every_world
async def test_a_response_that_nobody_reads_holds_up_nobody_else(world: World) -> None:
    """The connection's window is given back on arrival, so only the stream's own can run out."""
    window = 100_000
    content = b"x" * 400_000

    def handler(peer: FramePeer) -> None:
        lazy, _, _ = peer.request()
        peer.head(lazy)
        for _ in range(0, window - 10_000, 10_000):
            peer.data(lazy, b"z" * 10_000)
        busy, _, _ = peer.request()
        peer.head(busy)
        opened = [frame.number for frame in peer.heard if frame.kind == WINDOW_UPDATE and not frame.stream]
        left = {0: 65535 + sum(opened) - 90_000, busy: window}  # as a peer counts
        sent = 0
        while sent < len(content):
            while min(left.values()) < 10_000:
                update = peer.expect(WINDOW_UPDATE)
                if update.stream in left:
                    left[update.stream] += update.number
            peer.data(busy, b"x" * 10_000)
            sent += 10_000
            left = {stream: size - 10_000 for stream, size in left.items()}
        peer.data(busy, b"", ends=True)
        peer.until_goodbye()

    async with http2(world, handler, http2_stream_window=window, http2_connection_window=window) as wire:
        lazy = await wire.send()
        assert (await wire.fetch())[1] == content
        await give_up(lazy)


@in_every_world
async def test_a_peer_that_sends_more_than_a_stream_may_is_cut_off(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        for _ in range(8):
            peer.data(stream, b"x" * 10_000)
        reset = peer.expect(RST_STREAM)
        assert (reset.stream, reset.number) == (stream, 3)
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler, http2_stream_window=65535) as wire:
        response = await wire.send()
        await world.until(lambda: wire.connection.look() or response.stream._source._stream.failure is not None)
        with pytest.raises(RemoteProtocolError, match="more content than the stream's window"):
            await collect(response)
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_who_takes_little_at_once_gets_all_of_it(world: World) -> None:
    head_is_read = threading.Event()

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        peer.data(stream, b"hello ")
        assert head_is_read.wait(10.0)
        peer.data(stream, b"world", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response = await wire.send()
        head_is_read.set()
        await world.until(lambda: wire.connection.look() or response.stream._source._stream.is_ended)
        body = cast(ResponseBody, response.stream)
        body.most_at_once = 4
        chunks = []
        while chunk := await body.next_chunk():
            chunks.append(chunk)
        assert chunks == [b"hell", b"o wo", b"rld"]


@in_every_world
async def test_padding_is_given_back(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        for _ in range(300):
            peer.send(DATA, PADDED, stream, b"\xff" + b"x" + bytes(255))
        peer.data(stream, b"", ends=True)
        peer.until_goodbye()

    async with http2(world, handler, http2_stream_window=100_000, http2_connection_window=100_000) as wire:
        assert (await wire.fetch())[1] == b"x" * 300
        session = wire.session
        assert session._receive_window + session._unreturned == 100_000


@in_every_world
async def test_windows_do_not_drift_whatever_is_given_up(world: World) -> None:
    rounds = 300

    def handler(peer: FramePeer) -> None:
        for _ in range(rounds):
            stream, _, _ = peer.request()
            peer.head(stream)
            peer.data(stream, b"x" * 5000)
        resets = {frame.stream for frame in peer.until_goodbye() if frame.kind == RST_STREAM}
        assert len(resets) == rounds

    async with http2(world, handler, http2_connection_window=100_000) as wire:
        for _ in range(rounds):
            await give_up(await wire.send())
        session = wire.session
        await world.until(lambda: wire.connection.look() or session._has_settings)
        assert session._receive_window + session._unreturned == 100_000
        assert not session.streams
        assert len(wire.owner.released) == rounds


@in_every_world
async def test_an_upload_that_waits_for_its_window_lets_others_go_by(world: World) -> None:
    heard: list[bytes] = []

    def handler(peer: FramePeer) -> None:
        upload, _, _ = peer.request()
        received = b""
        while len(received) < 65535:
            received += peer.expect(DATA, upload).payload
        peer.window(0, 1_000_000)
        peer.serve_one()
        peer.window(upload, 1_000_000)
        heard.append(received + peer.content(upload))
        peer.answer(upload)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        upload = await world.beside(lambda: wire.fetch(Request("POST", URL, content=b"u" * 200_000)))
        await world.until(lambda: any(stream.is_blocked for stream in wire.session.streams.values()))
        assert (await wire.fetch())[1] == b"hello"
        assert (await upload.result())[1] == b"hello"
    assert heard == [b"u" * 200_000]


@in_every_world
async def test_a_window_that_shrinks_below_zero_is_waited_out(world: World) -> None:
    heard: list[bytes] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        received = b""
        while len(received) < 65535:
            received += peer.expect(DATA, stream).payload
        peer.settings(initial_window_size=1000)
        peer.window(0, 10_000_000)
        peer.window(stream, 64535 + 20_000)
        while len(received) < 85_535:
            received += peer.expect(DATA, stream).payload
        peer.settings(initial_window_size=10_000_000)
        heard.append(received + peer.content(stream))
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        assert (await wire.fetch(Request("POST", URL, content=b"u" * 300_000)))[1] == b"hello"
    assert heard == [b"u" * 300_000]


@in_every_world
async def test_larger_frames_are_used_where_the_peer_takes_them(world: World) -> None:
    sizes: list[int] = []

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        stream, _, _ = peer.request()
        peer.content(stream)
        sizes.extend(len(frame.payload) for frame in peer.heard if frame.kind == DATA)
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, handler, settings={5: 60_000}) as wire:
        await wire.fetch()
        await wire.fetch(Request("POST", URL, content=b"u" * 65_535))
    assert max(sizes) == 60_000


@in_every_world
async def test_a_peer_that_takes_nothing_runs_into_the_write_timeout(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.is_alive = True
        assert peer.expect(RST_STREAM).stream == stream
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        with pytest.raises(WriteTimeout, match=r"after 0\.1 s"):
            await wire.fetch(Request("POST", URL, content=b"u" * 200_000), timeout={"write": 0.1})
        await world.until(lambda: wire.session._send_window <= 0)
        assert (await wire.fetch())[1] == b"hello"


@in_every_world
async def test_a_body_of_another_length_than_announced_resets_its_stream_alone(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        assert peer.expect(RST_STREAM).stream == stream
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        body = Body(world, b"four")
        with pytest.raises(LocalProtocolError, match="announces 10 body bytes"):
            await wire.fetch(Request("POST", URL, content=body.content, headers={"Content-Length": "10"}))
        assert (await wire.fetch())[1] == b"hello"
    assert body.closed == 1


@in_every_world
async def test_what_a_body_raises_reaches_the_caller_and_resets_its_stream_alone(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        assert peer.expect(RST_STREAM).stream == stream
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        body = Body(world, b"part", KeyError("mine"))
        with pytest.raises(KeyError, match="mine"):
            await wire.fetch(Request("POST", URL, content=body.content))
        assert (await wire.fetch())[1] == b"hello"
    assert body.closed == 1


@in_every_world
async def test_request_trailers_end_the_content(world: World) -> None:
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        content = peer.expect(DATA, stream).payload
        trailers = peer.expect(HEADERS, stream)
        heard.append((content, bool(trailers.flags & END_STREAM), peer.decoder.decode(trailers.payload, raw=True)))
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        request = Request("POST", URL, content=b"content")
        assert (await wire.fetch(request, trailers={"X-Sum": "42"}))[1] == b"hello"
    assert heard == [(b"content", True, [(b"x-sum", b"42")])]


@in_every_world
async def test_a_peer_that_answers_while_it_listens_is_heard(world: World) -> None:
    heard: list[bytes] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        first = peer.expect(DATA, stream).payload
        peer.data(stream, b"heard " + first)
        heard.append(first + peer.content(stream))
        peer.data(stream, b" and all", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        body = Body(world, b"one", b"two", b"three")
        _, content = await wire.fetch(Request("POST", URL, content=body.content))
    assert heard == [b"onetwothree"]
    assert content == b"heard one and all"


@in_every_world
async def test_the_word_to_send_on_is_waited_for(world: World) -> None:
    seen: list[str] = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        seen.append("head")
        peer.head(stream, 100)
        seen.append(peer.content(stream).decode())
        peer.answer(stream)
        refused, _, _ = peer.request()
        peer.head(refused, 417, ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        headers = {"Expect": "100-continue"}
        assert (await wire.fetch(Request("POST", URL, content=b"body", headers=headers)))[1] == b"hello"
        body = Body(world, b"unwanted")
        response, _ = await wire.fetch(Request("POST", URL, content=body.content, headers=headers))
        assert (response.status_code, body.asked) == (417, 0)
    assert seen == ["head", "body"]


def test_content_is_taken_in_measured_steps_without_copying_the_rest() -> None:
    stream = HTTP2Stream(1, "GET", 0, 0)
    stream.chunks.extend([b"abc", b"defg", bytearray(b"hij")])
    assert [stream.take(4), stream.take(4)] == [b"abcd", b"efgh"]
    assert [bytes(piece) for piece in stream.chunks] == [b"ij"]
    assert [stream.take(4), len(stream.chunks)] == [b"ij", 0]
