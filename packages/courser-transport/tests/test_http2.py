"""One HTTP/2 connection and a server that is played frame by frame."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from courser_models import LocalProtocolError, Request
from courser_transport import ReadTimeout, RemoteProtocolError
from courser_transport._trace import tracer_of
from exchanges import collect
from frames import MAX_HEADER_LIST_SIZE, WINDOW_UPDATE, FramePeer
from http2 import URL, http2
from worlds import World, in_every_world


@in_every_world
async def test_a_request_and_its_response(world: World) -> None:
    asked = []

    def handler(peer: FramePeer) -> None:
        stream, fields, is_all = peer.request()
        asked.append((stream, fields, is_all))
        peer.head(stream, 200, (b"content-type", b"text/plain"))
        peer.data(stream, b"hel")
        peer.data(stream, b"lo", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response, content = await wire.fetch(Request("GET", URL + "a?b", headers={"X-Name": "value"}))

    assert (response.status_code, content, response.headers["content-type"]) == (200, b"hello", "text/plain")
    assert response.extensions["http_version"] == b"HTTP/2"
    assert response.extensions["stream_id"] == 1
    [(stream, fields, is_all)] = asked
    assert (stream, is_all) == (1, True)
    assert fields[:4] == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"example.org"),
        (b":path", b"/a?b"),
    ]
    assert (b"x-name", b"value") in fields


@in_every_world
async def test_many_at_once_each_get_their_own(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        heard = [peer.request() for _ in range(20)]
        for stream, fields, _ in reversed(heard):
            peer.answer(stream, dict(fields)[b":path"])
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        tasks = [
            await world.beside(lambda number=number: wire.fetch(Request("GET", URL + str(number))))
            for number in range(20)
        ]
        contents = [(await task.result())[1] for task in tasks]

    assert contents == [b"/%d" % number for number in range(20)]
    assert len(wire.owner.released) == 20


@in_every_world
async def test_a_large_body_goes_up_within_the_windows(world: World) -> None:
    heard = []

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        heard.append(peer.content(stream))
        peer.answer(stream)
        peer.until_goodbye()

    content = bytes(range(256)) * 4000
    async with http2(world, handler) as wire:
        _, answer = await wire.fetch(Request("POST", URL, content=content))

    assert answer == b"hello"
    assert heard == [content]


@in_every_world
async def test_a_large_body_comes_down(world: World) -> None:
    content = bytes(range(256)) * 16000

    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream)
        for start in range(0, len(content), 16384):
            peer.data(stream, content[start : start + 16384])
        peer.data(stream, b"", ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        _, received = await wire.fetch()

    assert received == content


@in_every_world
async def test_a_time_out_is_of_one_exchange_alone(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        first, _, _ = peer.request()
        second, _, _ = peer.request()
        assert peer.expect(3).stream == first
        peer.answer(second)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        slow = await world.beside(lambda: wire.fetch(timeout={"read": 0.05}))
        await world.until(lambda: len(wire.session.streams) == 1)
        patient = await world.beside(lambda: wire.fetch(timeout={"read": 5.0}))
        with pytest.raises(ReadTimeout, match=r"after 0\.05 s"):
            await slow.result()
        assert (await patient.result())[1] == b"hello"


@in_every_world
async def test_a_goodbye_ends_those_that_the_peer_has_not_seen(world: World) -> None:
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
        with pytest.raises(RemoteProtocolError, match="takes no more requests"):
            await two.result()
        assert wire.connection.capacity == 0
        assert collect


@in_every_world
async def test_the_greeting_says_what_we_want(world: World) -> None:
    """No push, large windows, and a limit for field lists."""
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        heard.extend(peer.heard)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        await wire.fetch()
    settings = dict(struct.iter_unpack(">HI", heard[0].payload))
    assert settings == {2: 0, 4: 16 * 1024 * 1024, 6: 102400}
    assert (heard[1].kind, heard[1].stream, heard[1].number) == (WINDOW_UPDATE, 0, 24 * 1024 * 1024 - 65535)


@in_every_world
async def test_windows_are_as_large_as_one_wants(world: World) -> None:
    heard: list[Any] = []

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        heard.extend(peer.heard)
        peer.until_goodbye()

    async with http2(world, handler, http2_stream_window=1000, http2_connection_window=65535) as wire:
        await wire.fetch()
    assert dict(struct.iter_unpack(">HI", heard[0].payload))[4] == 1000
    assert not [frame for frame in heard if frame.kind == WINDOW_UPDATE]


@in_every_world
async def test_interim_responses_and_trailers_are_told(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        stream, _, _ = peer.request()
        peer.head(stream, 103, (b"link", b"</a.css>"))
        peer.head(stream, 102)
        peer.head(stream, 200)
        peer.data(stream, b"hello")
        peer.fields(stream, [(b"x-sum", b"42")], ends=True)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        response, content = await wire.fetch()
    assert (response.status_code, content) == (200, b"hello")
    assert [(status, dict(fields)) for status, fields in response.extensions["interim_responses"]] == [
        (103, {"link": "</a.css>"}),
        (102, {}),
    ]
    assert dict(response.extensions["trailers"]) == {"x-sum": "42"}


@in_every_world
async def test_a_trace_tells_the_steps_by_their_names(world: World) -> None:
    told: list[tuple[str, Any]] = []

    def tell(name: str, info: dict[str, Any]) -> None:
        told.append((name, info))

    async def tell_later(name: str, info: dict[str, Any]) -> None:
        tell(name, info)

    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        trace = tell_later if world.has_loop else tell
        request = Request("POST", URL, content=b"content", extensions={"trace": trace})
        response = await wire.connection.send(request, None, tracer_of(request))
        assert await collect(response) == b"hello"
    names = [name for name, _ in told]
    steps = ["send_request_headers", "send_request_body", "receive_response_headers", "receive_response_body"]
    expected = [f"http2.{step}.{end}" for step in steps for end in ("started", "complete")]
    assert [name for name in dict.fromkeys(names) if "closed" not in name] == expected
    assert names[-2:] == ["http2.response_closed.started", "http2.response_closed.complete"]
    about = dict(told)
    assert about["http2.receive_response_headers.complete"]["return_value"] == (200, [])
    for step in ("receive_response_headers", "receive_response_body", "response_closed"):
        assert about[f"http2.{step}.started"]["stream_id"] == 1


@in_every_world
async def test_a_request_with_large_fields_leaves_in_several_frames(world: World) -> None:
    """They are one block for the peer, into which nothing else may come (RFC 9113 §4.3)."""
    value = bytes(range(33, 127)) * 400
    asked: list[Any] = []

    def handler(peer: FramePeer) -> None:
        stream, fields, _ = peer.request()
        asked.append(dict(fields)[b"x-large"])
        peer.answer(stream)
        peer.until_goodbye()

    async with http2(world, handler) as wire:
        assert (await wire.fetch(Request("GET", URL, headers={"X-Large": value.decode()})))[1] == b"hello"
    assert asked == [value]


@in_every_world
async def test_a_request_that_is_larger_than_the_peer_takes_is_not_sent(world: World) -> None:
    def handler(peer: FramePeer) -> None:
        peer.serve_one()
        assert peer.serve_one() == 3
        peer.until_goodbye()

    async with http2(world, handler, settings={MAX_HEADER_LIST_SIZE: 2000}) as wire:
        await wire.fetch()
        with pytest.raises(LocalProtocolError, match=r"fields are larger than example\.org:80 says it takes"):
            await wire.fetch(Request("GET", URL, headers={"X-Large": "x" * 2000}))
        await wire.fetch()
