"""One connection over a script, in every world."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from courser_models import LocalProtocolError, Origin, Request, StreamClosed
from courser_transport import ReadError, ReadTimeout, RemoteProtocolError, WriteError
from courser_transport._body import AsyncBody, ResponseBody
from courser_transport._deadline import Deadline
from courser_transport._http1 import _connection as connection_module
from courser_transport._http1._connection import HTTP1Connection
from courser_transport.testing import Step, breaks, ends, expects, hangs, hears, sends
from exchanges import OK, URL, Wire, collect, give_up, scripted
from loopback import peer
from owners import NotingOwner
from worlds import PATIENCE, World, in_event_loops, in_every_world


@in_every_world
async def test_a_response_that_comes_whole_frees_the_connection_before_it_is_read(world: World) -> None:
    wire = Wire(world, expects(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), sends(OK))
    response = await wire.connection.send(Request("GET", URL))
    assert wire.released == [True]
    assert (response.status_code, response.http_version, response.reason_phrase) == (200, "HTTP/1.1", "OK")
    assert response.headers.raw == [(b"Content-Length", b"5")]
    assert await collect(response) == b"hello"
    assert wire.released == [True]


@in_every_world
async def test_the_last_byte_frees_the_connection(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), sends(b"llo"))
    response = await wire.connection.send(Request("GET", URL))
    assert wire.released == []
    assert await collect(response) == b"hello"
    assert wire.released == [True]


@in_every_world
async def test_who_takes_little_at_once_gets_all_of_it(world: World) -> None:
    """What has arrived in one piece comes in many, and the connection is free with the last of them."""
    wire = Wire(world, sends(OK[:-3]), sends(b"llo"))
    response = await wire.connection.send(Request("GET", URL))
    body = cast(ResponseBody, response.stream)
    body.most_at_once = 1
    chunks = []
    while chunk := await body.next_chunk():
        assert wire.released == []
        chunks.append(chunk)
        if len(chunks) == 4:
            break
    chunks.append(await body.next_chunk())
    assert (chunks, wire.released) == ([b"h", b"e", b"l", b"l", b"o"], [True])


@in_every_world
async def test_closing_half_way_closes_the_connection(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), sends(b"llo"))
    response = await wire.connection.send(Request("GET", URL))
    if isinstance(response.stream, AsyncBody):
        await response.aclose()
    else:
        response.close()
    assert wire.released == [False]


@in_every_world
async def test_head_and_small_body_leave_in_one_write(world: World) -> None:
    wire = Wire(world, sends(OK))
    await wire.fetch(Request("POST", URL, content=b"x" * 65536))
    assert len(wire.stream.written) == 1
    assert wire.stream.written[0].endswith(b"\r\n\r\n" + b"x" * 65536)


@in_every_world
async def test_a_large_body_is_not_copied_to_its_head(world: World) -> None:
    content = b"x" * 65537
    wire = Wire(world, hears(content), sends(OK))
    await wire.fetch(Request("POST", URL, content=content))
    assert [len(data) for data in wire.stream.written][1:] == [65537]


def _body(world: World, *parts: Any) -> Any:
    """A generator in the colour that the world sends."""

    def plain() -> Iterator[Any]:
        yield from parts

    async def coloured() -> AsyncIterator[Any]:
        for part in parts:
            yield part

    return coloured() if world.body is AsyncBody else plain()


@in_every_world
async def test_a_generator_is_sent_in_chunks_and_empty_ones_are_left_out(world: World) -> None:
    wire = Wire(world, hears(b"0\r\n\r\n"), sends(OK))
    await wire.fetch(Request("POST", URL, content=_body(world, b"abc", b"", bytearray(b"defgh"))))
    assert wire.stream.written[1:] == [b"3\r\nabc\r\n", b"5\r\ndefgh\r\n", b"0\r\n\r\n"]


@in_every_world
async def test_a_generator_with_a_length_is_sent_as_it_is(world: World) -> None:
    wire = Wire(world, hears(b"abcdef"), sends(OK))
    headers = {"Content-Length": "6"}
    await wire.fetch(Request("POST", URL, content=_body(world, b"abc", b"def"), headers=headers))
    assert wire.stream.written[1:] == [b"abc", b"def"]
    assert wire.released == [True]


@in_every_world
async def test_a_file_is_sent_with_its_length_and_can_be_sent_again(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    with open(tmp_path / "file", "rb") as file:
        request = Request("POST", URL, content=file)
        for _ in range(2):
            wire = Wire(world, hears(b"x" * 100_000), sends(OK))
            await wire.fetch(request)
            assert b"Content-Length: 100000\r\n" in wire.stream.written[0]
            assert b"".join(wire.stream.written[1:]) == b"x" * 100_000
            assert wire.released == [True]


@in_event_loops
async def test_a_file_that_blocks_does_not_keep_the_loop_from_others(world: World) -> None:
    may_go_on = threading.Event()

    class SlowFile(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert may_go_on.wait(PATIENCE)
            return b""

    wire = Wire(world, sends(OK))
    task = await world.beside(lambda: wire.fetch(Request("POST", URL, content=SlowFile())))  # type: ignore[arg-type]
    await world.until(lambda: bool(wire.stream.written))
    may_go_on.set()  # which nobody could, if the loop were waiting for the file
    await task.result()


@in_every_world
@pytest.mark.parametrize(("length", "complaint"), [("5", "has at least 6"), ("7", "has only 6")])
async def test_a_body_of_another_length_than_announced_is_refused(world: World, length: str, complaint: str) -> None:
    for content in (b"abcdef", _body(world, b"abc", b"def")):
        wire = Wire(world, hears(b"never"), sends(OK))
        with pytest.raises(LocalProtocolError, match=rf"announces {length} body bytes, and its body {complaint}"):
            await wire.fetch(Request("POST", URL, content=content, headers={"Content-Length": length}))
        assert wire.released == [False]


@in_every_world
async def test_an_error_of_the_callers_generator_reaches_the_caller_unchanged(world: World) -> None:
    closed = []

    def plain() -> Iterator[bytes]:
        try:
            yield b"abc"
            raise KeyError("mine")
        finally:
            closed.append(True)

    async def coloured() -> AsyncIterator[bytes]:
        for part in plain():
            yield part

    content: Any = coloured() if world.body is AsyncBody else plain()
    wire = Wire(world, hears(b"never"), sends(OK))
    with pytest.raises(KeyError, match="mine"):
        await wire.fetch(Request("POST", URL, content=content))
    assert wire.released == [False]
    assert closed == [True]


@in_event_loops
async def test_a_generator_that_is_left_half_way_is_closed(world: World) -> None:
    closed = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"abc"
            yield b"def"
        finally:
            closed.append(True)

    wire = Wire(world, expects(b"POST"), breaks(ReadError("cut")), ends())
    with pytest.raises(ReadError):
        await wire.fetch(Request("POST", URL, content=parts()))
    assert closed == [True]


@in_every_world
async def test_a_body_of_text_is_a_clear_error(world: World) -> None:
    wire = Wire(world, sends(OK))
    with pytest.raises(TypeError, match="a request's body must give bytes, it gave str"):
        await wire.fetch(Request("POST", URL, content=_body(world, "text")))


@in_every_world
async def test_what_may_not_be_sent_leaves_the_connection_as_it_was(world: World) -> None:
    wire = Wire(world)
    request = Request("GET", URL)
    request.method = "G T"
    with pytest.raises(LocalProtocolError):
        await wire.fetch(request)
    assert wire.stream.written == []
    assert wire.released == [True]


@in_every_world
async def test_interim_responses_are_skipped_and_told_to_trace(world: World) -> None:
    seen = []

    def note(event: str, info: dict[str, Any]) -> None:
        seen.append((event, info["return_value"]))

    request = Request("GET", URL, extensions={"trace": note})
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    wire = Wire(world, sends(b"HTTP/1.1 100 Continue\r\n\r\n" + hints), sends(OK))
    response, body = await wire.fetch(request)
    assert (response.status_code, body) == (200, b"hello")
    assert seen == [
        ("http11.receive_interim_response.complete", (b"HTTP/1.1", 100, b"Continue", [])),
        ("http11.receive_interim_response.complete", (b"HTTP/1.1", 103, b"Early Hints", [(b"Link", b"</a>")])),
    ]


@in_event_loops
async def test_trace_may_be_a_coroutine_function(world: World) -> None:
    seen = []

    async def note(event: str, info: dict[str, Any]) -> None:
        seen.append(event)

    wire = Wire(world, sends(b"HTTP/1.1 100 Continue\r\n\r\n"), sends(OK))
    await wire.fetch(Request("GET", URL, extensions={"trace": note}))
    assert seen == ["http11.receive_interim_response.complete"]


@in_every_world
async def test_interim_responses_have_a_limit(world: World) -> None:
    wire = Wire(world, sends(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 33), sends(OK))
    with pytest.raises(RemoteProtocolError, match="more than 32 interim"):
        await wire.fetch()
    assert wire.released == [False]


@in_every_world
async def test_protocols_are_not_switched_unasked(world: World) -> None:
    wire = Wire(world, sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
    with pytest.raises(RemoteProtocolError, match=r"switches protocols \(101\)"):
        await wire.fetch()


@in_every_world
@pytest.mark.parametrize(
    ("method", "response", "body"),
    [
        ("GET", OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"hello"),
        ("GET", OK + b"\r\n", b"hello"),
        ("HEAD", OK, b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nbody", b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", b""),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", b""),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\nhello", b"hello"),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    ],
)
async def test_a_connection_that_is_not_clean_or_not_kept_is_not_used_again(
    world: World, method: str, response: bytes, body: bytes
) -> None:
    wire = Wire(world, sends(response))
    assert (await wire.fetch(Request(method, URL)))[1] == body
    assert wire.released == [False]


@in_every_world
async def test_a_request_that_says_close_is_the_last(world: World) -> None:
    wire = Wire(world, sends(OK))
    await wire.fetch(Request("GET", URL, headers={"Connection": "close"}))
    assert wire.released == [False]


@in_every_world
@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([ends()], "example.org:80 closed the connection without sending a response"),
        ([sends(b"HTTP/1.1 200 OK\r\nA:"), ends()], "closed the connection after 19 bytes of a response head"),
        ([sends(OK[:-2]), ends()], "closed the connection after 3 of 5 body bytes"),
        ([sends(b"SSH-2.0-OpenSSH"), hangs()], "answered with something that is not HTTP/1.1: b'SSH-2.0-OpenSSH'"),
        ([sends(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 257 + b"\r\n")], "head of 257 fields; 256 is the limit"),
        ([sends(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 103_000)], "head of more than 102400 bytes"),
        ([sends(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 103_000 + b"\r\n\r\n")], "head of more than 102400 bytes"),
        ([sends(b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n")], r"example\.org:80 sent a response head that is not HTTP"),
        ([sends(b"HTTP/2.0 200 OK\r\n\r\n")], r"example\.org:80 answered in HTTP/2.0, not in HTTP/1.x"),
        (
            [sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
            "both Content-Length and Transfer-Encoding",
        ),
    ],
)
async def test_what_is_not_http_is_a_clear_error(world: World, steps: list[Step], complaint: str) -> None:
    wire = Wire(world, *steps)
    with pytest.raises(RemoteProtocolError, match=complaint.replace("(", r"\(")):
        await wire.fetch()
    assert wire.released == [False]


@in_every_world
async def test_a_head_that_drips_is_read(world: World) -> None:
    wire = Wire(world, *[sends(OK[index : index + 1]) for index in range(len(OK))])
    assert (await wire.fetch())[1] == b"hello"
    assert wire.released == [True]


@in_every_world
@pytest.mark.parametrize("size", [1, 50, 100_000])
@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        ({"max_head_size": 200}, "a response head of more than 200 bytes, which is the limit"),
        ({"max_fields": 3}, "a response head of 4 fields; 3 is the limit"),
    ],
)
async def test_a_head_has_limits(world: World, limits: dict[str, int], complaint: str, size: int) -> None:
    fields = b"a: 1\r\nb: 2\r\nc: 3\r\n" + (b"d: 4\r\n" if "max_fields" in limits else b"d: " + b"x" * 170 + b"\r\n")
    head = b"HTTP/1.1 204 No Content\r\n" + fields + b"\r\n"
    wire = Wire(world, *[sends(head[start : start + size]) for start in range(0, len(head), size)], **limits)
    with pytest.raises(RemoteProtocolError, match=complaint):
        await wire.fetch()
    assert wire.released == [False]
    less = b"HTTP/1.1 204 No Content\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n"
    response, _ = await Wire(world, sends(less), **limits).fetch()
    assert len(response.headers) == 3


@in_every_world
async def test_a_head_costs_in_proportion_to_its_size_however_it_drips(world: World) -> None:
    searched = [await _searched_in_a_head_of(world, size) for size in (20_000, 80_000)]
    assert searched[1] < 5 * searched[0]


async def _searched_in_a_head_of(world: World, size: int) -> int:
    """Return how many bytes are looked at for the end of a head that comes in pieces of 100 bytes."""
    looked_at = 0
    head_end = connection_module._HEAD_END

    class Counting:
        def search(self, received: bytearray, start: int) -> re.Match[bytes] | None:
            nonlocal looked_at
            looked_at += len(received) - start
            return head_end.search(received, start)

    head = b"HTTP/1.1 204 No Content\r\nX: " + b"x" * size + b"\r\n\r\n"
    wire = Wire(world, *[sends(head[start : start + 100]) for start in range(0, len(head), 100)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection_module, "_HEAD_END", Counting())
        await wire.fetch()
    return looked_at


@in_every_world
async def test_odd_but_readable_heads_are_read(world: World) -> None:
    wire = Wire(world, sends(b"HTTP/1.1 200\nA: b\n folded\nContent-Length: 5, 5\n\nhello"))
    response, body = await wire.fetch()
    assert (response.headers["a"], body) == ("b folded", b"hello")
    assert wire.released == [True]


@in_every_world
async def test_a_time_out_gives_the_connection_back_for_closing(world: World) -> None:
    for steps in ([hangs()], [sends(OK[:-3]), hangs()]):
        wire = Wire(world, *steps)
        request = Request("GET", URL, extensions={"timeout": {"read": 0.01}})
        with pytest.raises(ReadTimeout):
            await wire.fetch(request)
        assert wire.released == [False]


@in_every_world
async def test_an_error_while_reading_the_body_carries_the_request(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), breaks(ReadError("cut")))
    request = Request("GET", URL)
    with pytest.raises(ReadError) as caught:
        await wire.fetch(request)
    assert caught.value.request is request
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"the body of GET http://example\.org/ broke off after \d\.\d{3} s", note)
    assert wire.released == [False]


@in_every_world
async def test_an_answer_that_came_before_the_connection_broke_is_delivered(world: World) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
    wire = Wire(world, breaks(WriteError("broken pipe")), sends(refusal))
    response, _ = await wire.fetch(Request("POST", URL, content=b"x"))
    assert response.status_code == 413
    assert wire.released == [False]


@in_every_world
async def test_without_such_an_answer_the_write_error_stands(world: World) -> None:
    wire = Wire(world, breaks(WriteError("broken pipe")), ends())
    with pytest.raises(WriteError, match="broken pipe"):
        await wire.fetch(Request("POST", URL, content=b"x"))
    assert wire.released == [False]


@in_every_world
async def test_something_to_read_makes_an_idle_connection_stale(world: World) -> None:
    for step in (sends(b"HTTP/1.1 408 Request Timeout\r\n\r\n"), ends()):
        wire = Wire(world, sends(OK), step)
        await wire.fetch()
        assert wire.released == [True]
        assert wire.connection.is_stale()
    assert not Wire(world).connection.is_stale()


@in_every_world
async def test_what_was_said_before_the_request_is_the_last_word_of_its_connection(world: World) -> None:
    """The answer to the request is still to come, and would answer the next one."""
    with peer() as it:
        stream = await world.backend.connect_tcp(it.addresses, "127.0.0.1", Deadline(PATIENCE))
        it.accept().sendall(b"HTTP/1.1 503 Overloaded\r\nContent-Length: 5\r\n\r\nlater")
        await world.until(stream.is_readable)
        owner = NotingOwner(world.backend, world.body)
        connection = HTTP1Connection(stream, Origin("http", "127.0.0.1", it.port), owner)
        response = await connection.send(Request("GET", f"http://127.0.0.1:{it.port}/"))
        assert (response.status_code, await collect(response)) == (503, b"later")
        assert owner.released == [False]
        stream.close()


@in_every_world
async def test_a_body_that_only_the_end_of_its_connection_ends_says_so(world: World) -> None:
    wire = Wire(world, sends(b"HTTP/1.1 200 OK\r\n\r\nhel"), sends(b"lo"), ends())
    response, body = await wire.fetch()
    assert (response.extensions["eof_delimited"], body) == (True, b"hello")
    response, _ = await Wire(world, sends(OK)).fetch()
    assert "eof_delimited" not in response.extensions


@in_every_world
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("timeout=2", 1.0),
        ("max=100, timeout=3", 2.0),
        ("TIMEOUT = 4; max=1", 3.0),
        ('timeout="2"', 1.0),
        ("timeout=1", 0.0),
        ("timeout=0", 0.0),
        ("timeout=20", 5.0),
        ("timeout=soon", 5.0),
        ("idle-timeout=1", 5.0),
        ("timeout=-1", 5.0),
    ],
)
async def test_a_server_is_believed_how_long_it_keeps_an_idle_connection(
    world: World, said: str, seconds: float
) -> None:
    """A second less than it says, because the next request has a way to go, and no longer than we keep one anyway."""
    answer = f"HTTP/1.1 200 OK\r\nKeep-Alive: {said}\r\nContent-Length: 0\r\n\r\n".encode()
    wire = Wire(world, sends(answer), keepalive_expiry=5.0)
    await wire.fetch()
    wire.connection.rest(now=100.0)
    assert wire.connection.idle_until == 100.0 + seconds


@in_every_world
async def test_a_body_that_broke_off_does_not_look_complete_afterwards(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), ends())
    body: Any = (await wire.connection.send(Request("GET", URL))).stream
    assert await body.next_chunk() == b"he"
    with pytest.raises(RemoteProtocolError, match="closed the connection after 2 of 5 body bytes"):
        await body.next_chunk()
    for _ in range(2):
        with pytest.raises(StreamClosed):
            await body.next_chunk()


@in_every_world
async def test_a_body_that_was_closed_does_not_look_complete(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), sends(OK[-3:]))
    response = await wire.connection.send(Request("GET", URL))
    await give_up(response)
    body: Any = response.stream
    with pytest.raises(StreamClosed):
        await body.next_chunk()


@in_every_world
async def test_only_the_exchange_that_has_a_connection_can_end_it(world: World) -> None:
    wire = Wire(world, sends(OK[:-3]), sends(OK[-3:]), sends(OK[:-3]), sends(OK[-3:]))
    await wire.fetch()
    response = await wire.connection.send(Request("GET", URL))
    wire.connection.finished(0, is_clean=False)
    wire.connection.dropped(0)
    assert wire.released == [True]
    assert await collect(response) == b"hello"
    assert wire.released == [True, True]
    assert wire.owner.dropped == 0


@in_every_world
async def test_time_outs_that_are_none_are_called_so(world: World) -> None:
    with (
        scripted(world, [sends(OK)]) as (pool, _),
        pytest.raises(TypeError, match=r"extensions\['timeout'\] is a mapping of seconds by phase.*not int"),
    ):
        await pool.send(Request("GET", URL, extensions={"timeout": 5}))
