"""A request's body on its way out, and peers that answer, refuse, or say nothing meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from courser_models import LocalProtocolError, Request
from courser_transport import ReadError, ReadTimeout, RemoteProtocolError, WriteError, WriteTimeout
from courser_transport._http1 import _connection
from courser_transport.testing import Step, breaks, ends, expects, hangs, hears, sends
from exchanges import OK, URL, Body, Wire, collect, give_up, hear, real, scripted, serving, until_goodbye
from worlds import PATIENCE, World, in_every_world

REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
WORD = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MEGABYTE = 1 << 20


# Answers that come before the body's end


@in_every_world
@pytest.mark.parametrize("answer", [REFUSAL, b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"])
async def test_an_answer_that_does_not_want_the_body_ends_it(world: World, answer: bytes) -> None:
    body = Body(world, b"one", b"two", b"three")
    wire = Wire(world, expects(b"POST"), sends(answer), hears(b"never"))
    await wire.fetch(Request("POST", URL, content=body.content))
    assert (body.asked, body.closed) == (1, 1)
    assert wire.sent.endswith(b"\r\n\r\n3\r\none\r\n")
    assert wire.released == [False]


@in_every_world
async def test_a_success_that_is_complete_before_the_body_does_not_cut_it_off(world: World) -> None:
    body = Body(world, b"one", b"two", b"three")
    wire = Wire(world, expects(b"POST"), sends(OK), hears(b"0\r\n\r\n"))
    _, content = await wire.fetch(Request("POST", URL, content=body.content))
    assert (content, body.asked, body.closed) == (b"hello", 3, 1)
    assert wire.sent.endswith(b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")
    assert wire.released == [True]


@in_every_world
async def test_a_refusal_ends_the_body_though_its_own_body_has_not_come(world: World) -> None:
    body = Body(world, b"one", b"two")
    wire = Wire(
        world, expects(b"POST"), sends(b"HTTP/1.1 413 \r\nContent-Length: 5\r\n\r\n"), sends(b"sorry"), hears(b"never")
    )
    response = await wire.connection.send(Request("POST", URL, content=body.content))
    assert (response.status_code, body.asked, body.closed) == (413, 1, 1)
    assert await collect(response) == b"sorry"
    assert wire.released == [False]


@in_every_world
async def test_after_an_early_success_the_body_is_sent_on_while_the_response_is_read(world: World) -> None:
    body = Body(world, b"one", b"two", b"three")
    wire = Wire(world, expects(b"POST"), sends(CHUNKED + b"1\r\na\r\n"), hears(b"0\r\n\r\n"), sends(b"0\r\n\r\n"))
    response, content = await wire.fetch(Request("POST", URL, content=body.content))
    assert (response.status_code, content) == (200, b"a")
    assert wire.sent.endswith(b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")
    assert body.closed == 1
    assert wire.released == [True], "the body went out whole, so the connection may be used again"


@in_every_world
async def test_a_success_that_ends_before_the_body_does_not_cut_it_off(world: World) -> None:
    body = Body(world, b"one", b"two", b"three")
    wire = Wire(world, expects(b"POST"), sends(CHUNKED), hears(b"two\r\n"), sends(b"0\r\n\r\n"), hears(b"0\r\n\r\n"))
    await wire.fetch(Request("POST", URL, content=body.content))
    assert (body.asked, body.closed) == (3, 1)
    assert wire.sent.endswith(b"three\r\n0\r\n\r\n")


@in_every_world
@pytest.mark.parametrize("interim", [WORD, HINTS, WORD + HINTS])
async def test_interim_responses_do_not_stop_the_body(world: World, interim: bytes) -> None:
    body = Body(world, b"one", b"two")
    wire = Wire(world, expects(b"POST"), sends(interim), hears(b"0\r\n\r\n"), sends(OK))
    _, content = await wire.fetch(Request("POST", URL, content=body.content))
    assert content == b"hello"
    assert (body.asked, body.closed) == (2, 1)
    assert wire.released == [True]


@in_every_world
async def test_closing_the_response_ends_the_body(world: World) -> None:
    body = Body(world, b"one", b"two")
    wire = Wire(world, expects(b"POST"), sends(CHUNKED), hears(b"never"))
    response = await wire.connection.send(Request("POST", URL, content=body.content))
    assert body.closed == 0
    await give_up(response)
    assert (body.asked, body.closed) == (1, 1)
    assert wire.released == [False]


# Whatever ends sending, the generator is closed, and the connection is not used again


ENDINGS: list[tuple[list[Step], type[Exception]]] = [
    ([breaks(WriteError("broken pipe")), ends()], WriteError),
    ([expects(b"POST"), breaks(WriteError("broken pipe")), ends()], WriteError),
    ([expects(b"POST"), sends(b"HTTP/1.1 1"), hangs()], ReadTimeout),
    ([expects(b"POST"), sends(b"HTTP/1.1 1"), breaks(ReadError("cut"))], ReadError),
    ([expects(b"POST"), sends(b"SSH-2.0-OpenSSH"), hangs()], RemoteProtocolError),
    ([expects(b"POST"), sends(b"HTTP/1.1 1"), ends()], RemoteProtocolError),
    ([expects(b"POST"), ends()], RemoteProtocolError),
    ([expects(b"POST"), sends(CHUNKED), sends(b"5\r\nhe"), hangs()], ReadTimeout),
    ([expects(b"POST"), sends(CHUNKED), sends(b"5\r\nhe"), breaks(ReadError("cut"))], ReadError),
    ([expects(b"POST"), sends(CHUNKED), sends(b"no chunk\r\n"), hangs()], RemoteProtocolError),
    ([expects(b"POST"), sends(CHUNKED), sends(b"5\r\nhe"), ends()], RemoteProtocolError),
]


@in_every_world
@pytest.mark.parametrize("number", range(len(ENDINGS)))
async def test_a_generator_is_closed_whatever_ends_sending(world: World, number: int) -> None:
    steps, error = ENDINGS[number]
    body = Body(world, *[b"part"] * 50)
    wire = Wire(world, *steps)
    request = Request("POST", URL, content=body.content, extensions={"timeout": {"read": 0.01}})
    with pytest.raises(error):
        await wire.fetch(request)
    assert body.closed == (1 if body.asked else 0)
    assert wire.released == [False]


@in_every_world
async def test_an_error_of_the_body_while_the_response_is_read_reaches_the_reader(world: World) -> None:
    body = Body(world, b"one", KeyError("mine"))
    wire = Wire(world, expects(b"POST"), sends(CHUNKED), hears(b"never"))
    with pytest.raises(KeyError, match="mine"):
        await wire.fetch(Request("POST", URL, content=body.content))
    assert body.closed == 1
    assert wire.released == [False]


@in_every_world
async def test_a_body_that_turns_out_too_long_while_the_response_is_read_is_refused(world: World) -> None:
    body = Body(world, b"one", b"two")
    wire = Wire(world, expects(b"POST"), sends(CHUNKED), hears(b"never"))
    with pytest.raises(LocalProtocolError, match="announces 4 body bytes, and its body has at least 6"):
        await wire.fetch(Request("POST", URL, content=body.content, headers={"Content-Length": "4"}))
    assert body.closed == 1
    assert wire.released == [False]


# Expect: 100-continue


def _expecting(content: Any, **fields: str) -> Request:
    return Request("POST", URL, content=content, headers={"Expect": "100-continue", **fields})


@in_every_world
@pytest.mark.parametrize("fields", [{}, {"Transfer-Encoding": "chunked"}])
async def test_a_body_in_memory_waits_for_the_word(world: World, fields: dict[str, str]) -> None:
    wire = Wire(world, expects(b"POST"), sends(WORD), hears(b"abc" if not fields else b"0\r\n\r\n"), sends(OK))
    _, content = await wire.fetch(_expecting(b"abc", **fields))
    assert content == b"hello"
    assert b"abc" not in wire.stream.written[0]
    assert wire.released == [True]


@in_every_world
async def test_a_generator_waits_for_the_word(world: World) -> None:
    body = Body(world, b"abc")
    wire = Wire(world, expects(b"POST"), sends(WORD), hears(b"0\r\n\r\n"), sends(OK))
    await wire.fetch(_expecting(body.content))
    assert (body.asked, body.closed) == (1, 1)
    assert wire.released == [True]


@in_every_world
@pytest.mark.parametrize("answer", [b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", OK])
async def test_with_an_answer_in_the_place_of_the_word_the_body_is_never_sent(world: World, answer: bytes) -> None:
    for content in (b"abc", b"x" * 100_000, Body(world, b"abc").content):
        wire = Wire(world, expects(b"POST"), sends(answer), hears(b"never"))
        await wire.fetch(_expecting(content))
        assert len(wire.stream.written) == 1
        assert wire.released == [False]


@in_every_world
async def test_without_a_word_the_body_is_sent_after_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, "_CONTINUE_WITHIN", 0.01)

    def keep_silent(sock: Any) -> None:
        hear(sock, b"abc")
        sock.sendall(OK)

    async with serving(world, keep_silent) as p:
        with real(world) as pool:
            request = _request(p, b"abc", read=PATIENCE)
            request.headers["Expect"] = "100-continue"
            assert await collect(await pool.send(request)) == b"hello"
            assert pool.idle == 1


@in_every_world
async def test_a_peer_that_goes_away_in_the_place_of_the_word_is_a_clear_error(world: World) -> None:
    wire = Wire(world, expects(b"POST"), ends())
    with pytest.raises(RemoteProtocolError, match="closed the connection without sending a response"):
        await wire.fetch(_expecting(b"abc"))
    assert wire.released == [False]


# Over real sockets


def _request(p: Any, content: Any, **timeouts: float | None) -> Request:
    return Request("POST", f"http://127.0.0.1:{p.port}/", content=content, extensions={"timeout": timeouts})


@in_every_world
async def test_a_refusal_is_delivered_though_the_peer_closes_at_once(world: World) -> None:
    def refuse(sock: Any) -> None:
        hear(sock)
        sock.sendall(REFUSAL)
        sock.shutdown(socket.SHUT_WR)
        until_goodbye(sock)

    async with serving(world, refuse) as p:
        with real(world) as pool:
            response = await pool.send(_request(p, b"x" * (16 * MEGABYTE), read=PATIENCE, write=PATIENCE))
            assert response.status_code == 413
            assert pool.open == 0


@in_every_world
async def test_a_refusal_is_delivered_though_a_reset_follows_it(world: World) -> None:
    def refuse(sock: Any) -> None:
        hear(sock)
        sock.sendall(REFUSAL)
        sock.close()  # with megabytes unread, so what the program sends from here on is answered with a reset

    async with serving(world, refuse) as p:
        with real(world) as pool:
            response = await pool.send(_request(p, b"x" * (16 * MEGABYTE), read=PATIENCE, write=PATIENCE))
            assert response.status_code == 413
            assert pool.open == 0


@in_every_world
async def test_a_refusal_by_a_peer_that_reads_no_more_is_delivered_at_once(world: World) -> None:
    is_told = threading.Event()

    def refuse(sock: Any) -> None:
        hear(sock)
        sock.sendall(REFUSAL)
        assert is_told.wait(PATIENCE)

    async with serving(world, refuse) as p:
        with real(world) as pool:
            response = await pool.send(_request(p, b"x" * (16 * MEGABYTE), read=PATIENCE, write=PATIENCE))
            is_told.set()
            assert response.status_code == 413
            assert pool.open == 0


@in_every_world
@pytest.mark.parametrize("is_generator", [False, True])
async def test_an_echo_of_many_megabytes_comes_back_without_a_deadlock(world: World, is_generator: bool) -> None:
    piece = bytes(range(256)) * 1024
    content: Any = Body(world, *[piece] * 64).content if is_generator else piece * 64

    def echo(sock: Any) -> None:
        heard = hear(sock)
        size = len(piece) * 64
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        rest = heard.partition(b"\r\n\r\n")[2]
        while True:
            sock.sendall(rest)  # and hears nothing until this is taken
            size -= len(rest)
            if not size:
                return
            rest = sock.recv(65536)

    async with serving(world, echo) as p:
        with real(world) as pool:
            request = _request(p, content, read=PATIENCE, write=PATIENCE)
            if is_generator:
                request = Request(
                    "POST",
                    request.url,
                    content=content,
                    headers={"Content-Length": str(64 * len(piece))},
                    extensions=request.extensions,
                )
            response = await pool.send(request)
            assert await collect(response) == piece * 64
            assert pool.idle == 1


@in_every_world
async def test_a_large_body_in_memory_and_a_file_arrive_whole(world: World, tmp_path: Path) -> None:
    content = bytes(range(256)) * (8 * 4096)
    (tmp_path / "file").write_bytes(content)
    heard: list[bytes] = []

    def take(sock: Any) -> None:
        for _ in range(2):
            data = bytearray(hear(sock))
            start = data.index(b"\r\n\r\n") + 4
            while len(data) - start < len(content):
                data += sock.recv(262144)
            heard.append(bytes(data[start:]))
            sock.sendall(OK)

    async with serving(world, take) as p:
        with real(world) as pool, open(tmp_path / "file", "rb") as file:
            for body in (content, file):
                response = await pool.send(_request(p, body, read=PATIENCE, write=PATIENCE))
                assert await collect(response) == b"hello"
            assert pool.idle == 1
    assert heard == [content, content]


@in_every_world
async def test_a_peer_that_never_reads_is_a_write_timeout(world: World) -> None:
    is_over = threading.Event()
    body = Body(world, *[b"x" * MEGABYTE] * 64)

    async with serving(world, lambda sock: _wait(is_over)) as p:
        with real(world) as pool:
            for content in (b"x" * (64 * MEGABYTE), body.content):
                request = _request(p, content, write=0.05, read=PATIENCE)
                with pytest.raises(
                    WriteTimeout, match=r"writing to 127\.0\.0\.1:\d+ timed out after 0\.05 s"
                ) as caught:
                    await pool.send(request)
                assert caught.value.request is request
                assert pool.open == 0
            is_over.set()
    assert body.closed == 1


def _wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


@in_every_world
async def test_a_peer_that_reads_slowly_has_its_time(world: World) -> None:
    size = 4 * MEGABYTE

    def read_slowly(sock: Any) -> None:
        left = size - len(hear(sock).partition(b"\r\n\r\n")[2])
        while left:
            left -= len(sock.recv(262144))
            time.sleep(0.005)
        sock.sendall(OK)

    async with serving(world, read_slowly) as p:
        with real(world) as pool:
            p.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
            request = _request(p, b"x" * size, write=0.5, read=PATIENCE)
            response = await pool.send(request)
            assert await collect(response) == b"hello"
            assert pool.idle == 1


@in_every_world
@pytest.mark.parametrize("kind", [ReadError, WriteError, WriteTimeout, RemoteProtocolError])
async def test_what_another_response_raises_in_a_body_stays_what_it_is(world: World, kind: Any) -> None:
    """A proxy passes on what it receives; an error there is no error of sending."""
    other = Request("GET", "http://other.example/")
    theirs = kind("the other one broke", request=other)
    body = Body(world, b"one", theirs)
    with scripted(world, [sends(OK), expects(b"POST"), hears(b"one\r\n")]) as (pool, backend):
        await collect(await pool.send(Request("GET", URL)))
        with pytest.raises(kind) as caught:
            await collect(await pool.send(Request("POST", URL, content=body.content)))
        assert caught.value is theirs
        assert caught.value.request is other
        assert len(backend.connected) == 1
        assert (pool.open, body.closed) == (0, 1)


@pytest.mark.parametrize("status", [401, 407, 413, 500])
@in_every_world
async def test_a_connection_on_which_much_was_refused_is_not_used_again(world: World, status: int) -> None:
    content = b"x" * 100_000
    refusal = sends(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    with scripted(world, [hears(content), refusal], [sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("POST", URL, content=content)))
        assert pool.open == 0
        assert await collect(await pool.send(Request("GET", URL))) == b"hello"
        assert len(backend.connected) == 2


@in_every_world
async def test_a_connection_on_which_little_was_refused_is_used_again(world: World) -> None:
    refusal = sends(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
    with scripted(world, [hears(b"little"), refusal, expects(b"GET"), sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("POST", URL, content=b"little")))
        assert await collect(await pool.send(Request("GET", URL))) == b"hello"
        assert len(backend.connected) == 1
