"""Responses from a server that one cannot trust, byte by byte.

What breaks the grammar is a `RemoteProtocolError` that says what was wrong; its connection is closed and the next
request has a new one. What is merely unusual is understood, wherever the network cuts it.
"""

import threading

import pytest

import courser

from .sentences import assert_says
from .servers.steps import answer, closes, delivers, expects_goodbye, expects_request, resets, sends, sets, waits_for
from .servers.wire import Wire
from .worlds import World

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

# Each of these is complete in the server's eyes: it sends them, and then waits for the client to leave.
BROKEN = {
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two lengths in one field": HEAD + b"Content-Length: 3,5\r\n\r\nhello",
    "two fields with different lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
    "length with a sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "length with an underscore": HEAD + b"Content-Length: 0_5\r\n\r\nhello",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\nhello",
    "hexadecimal length": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "length in other digits": HEAD + "Content-Length: ٥\r\n\r\nhello".encode(),
    "empty length": HEAD + b"Content-Length: \r\n\r\nhello",
    "length of a thousand digits": HEAD + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\nhello",
    "unknown transfer coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked is not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "coding below chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "hexadecimal prefix in a chunk size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk size with a sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk size with an underscore": CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n",
    "chunk size after a blank": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "chunk size that is none": CHUNKED + b"five\r\nhello\r\n0\r\n\r\n",
    "chunk size of a thousand digits": CHUNKED + b"f" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "bare LF after a chunk size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "bare LF after chunk data": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    "nothing after chunk data": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "a size that is nothing but extensions": CHUNKED + b"1;" + b"a" * 110_000,
    "bytes with 8 KiB of extensions each": CHUNKED + (b"1;" + b"a" * 8192 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n",
    "more than 256 trailers": CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: 1\r\n" * 300 + b"\r\n",
    "ten thousand trailers": CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X-Trailer: 1\r\n" * 10_000 + b"\r\n",
    "a trailer over 100 KiB": CHUNKED + b"5\r\nhello\r\n0\r\nX: " + b"a" * 110_000 + b"\r\n\r\n",
    "chunk data longer than its size": CHUNKED + b"5\r\nhello!!\r\n0\r\n\r\n",
    "NUL in a value": HEAD + b"X-Field: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    "bare CR in a value": HEAD + b"X-Field: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "blank before the colon": HEAD + b"X-Field : a\r\nContent-Length: 2\r\n\r\nok",
    "blank in a field name": HEAD + b"X Field: a\r\nContent-Length: 2\r\n\r\nok",
    "field without a name": HEAD + b": a\r\nContent-Length: 2\r\n\r\nok",
    "field without a colon": HEAD + b"X-Field\r\nContent-Length: 2\r\n\r\nok",
    "fold before the first field": HEAD + b" folded: a\r\nContent-Length: 2\r\n\r\nok",
    "status below 100": b"HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok",
    "status of four digits": b"HTTP/1.1 1000 High\r\nContent-Length: 2\r\n\r\nok",
    "status of two digits": b"HTTP/1.1 20 Short\r\nContent-Length: 2\r\n\r\nok",
    "status with a sign": b"HTTP/1.1 +20 Plus\r\nContent-Length: 2\r\n\r\nok",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "another protocol": b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "lower-case protocol": b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a document without a head": b"<html>\r\n<p>hello</p>\r\n</html>\r\n\r\n",
    "binary noise": bytes(range(1, 256)) + b"\r\n\r\n",
    "an SSH greeting": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "a head over 100 KiB in one field": HEAD + b"X-Long: " + b"a" * 110_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "a head over 100 KiB in many fields": answer(b"ok", *["X-Long: " + "a" * 1_000] * 110),
    "a head that never ends": HEAD + b"X-Long: " + b"a" * 110_000,
    "ten megabytes of head in one field": HEAD + b"X-Long: " + b"a" * 10_000_000 + b"\r\n\r\n",
    "ten megabytes of head in many fields": HEAD + b"X-Long: a\r\n" * 1_000_000 + b"\r\n",
    "more than 32 interim responses": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3_000 + answer(),
    "more than 256 fields": HEAD + b"X: 1\r\n" * 300 + b"Content-Length: 2\r\n\r\nok",
}

# These end with the server's goodbye, before they are complete.
CUT_SHORT = {
    "nothing at all": (b"", ["without|before|closed"]),
    "half a status line": (b"HTTP/1.1 20", ["closed"]),
    "half a head": (HEAD + b"Content-Length: 2\r\n", ["closed"]),
    "an HTTP/0.9 document": (b"<html>hello</html>", []),
    "less than a length of twenty digits": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\nabc", ["3", "9{20}"]),
    "half a body": (HEAD + b"Content-Length: 4096\r\n\r\n" + b"a" * 1024, ["1024", "4096"]),
    "no body": (HEAD + b"Content-Length: 4096\r\n\r\n", ["0", "4096"]),
    "half a chunk size": (CHUNKED + b"1", ["closed"]),
    "half a chunk": (CHUNKED + b"10\r\nhello", ["closed"]),
    "chunks that end with bare LF": (CHUNKED + b"5\nhello\n0\n\n", []),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", ["closed"]),
    "half a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1", ["closed"]),
    "only an informational response": (b"HTTP/1.1 103 Early Hints\r\n\r\n", ["closed"]),
}

# What each of these bodies says is «hello», and its connection may serve the next request.
UNUSUAL = {
    "folded field": HEAD + b"X-Field: one\r\n   two\r\nContent-Length: 5\r\n\r\nhello",
    "bare LF after every line of the head": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "no reason and no blank": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "status nobody knows": b"HTTP/1.1 299 Fine\r\nContent-Length: 5\r\n\r\nhello",
    "the same length twice": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "the same length twice in one field": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "length with zeros in front": HEAD + b"Content-Length: 0005\r\n\r\nhello",
    "blanks around a length": HEAD + b"Content-Length: \t 5 \t\r\n\r\nhello",
    "name in capitals": HEAD + b"CONTENT-LENGTH:5\r\n\r\nhello",
    "bytes above ASCII": HEAD + b"X-Field: \xe9\xff\r\nContent-Length: 5\r\n\r\nhello",
    "empty value": HEAD + b"X-Field:\r\nContent-Length: 5\r\n\r\nhello",
    "chunks": CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "chunked in capitals": HEAD + b"Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunk sizes with zeros and letters": CHUNKED + b"0005\r\nhello\r\n00\r\n\r\n",
    "chunk extensions": CHUNKED + b'5;name="value"\r\nhello\r\n0;last\r\n\r\n',
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
    "informational responses": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    + answer(b"hello"),
    "a head of 60 KiB": answer(b"hello", *["X-Field: " + "a" * 1_000] * 60),
    "two hundred fields": answer(b"hello", *["X-Field: 1"] * 200),
}


@pytest.mark.parametrize("response", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_response_is_refused_and_its_connection_closed(world: World, response: bytes) -> None:
    script = [expects_request(), sends(response), expects_goodbye()]
    with Wire(script, [expects_request(), sends(answer(b"fine"))]) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            with pytest.raises(courser.RemoteProtocolError) as caught:
                await client.get(wire.url)
            assert_says(caught.value)
            assert caught.value.request.url == wire.url
            return (await client.get(wire.url)).content

        assert world.run(program) == b"fine"


@pytest.mark.parametrize(("response", "says"), CUT_SHORT.values(), ids=CUT_SHORT.keys())
def test_a_response_that_is_cut_short_is_refused(world: World, response: bytes, says: list[str]) -> None:
    script = [expects_request(), sends(response), closes()]
    with Wire(script, [expects_request(), sends(answer(b"fine"))]) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            with pytest.raises(courser.RemoteProtocolError) as caught:
                await client.get(wire.url)
            assert_says(caught.value, *says)
            assert caught.value.request.url == wire.url
            return (await client.get(wire.url)).content

        assert world.run(program) == b"fine"


def test_a_streamed_body_that_is_cut_short_gives_what_came_and_then_fails(world: World) -> None:
    script = [expects_request(), sends(HEAD + b"Content-Length: 4096\r\n\r\n" + b"a" * 1024), closes()]
    with Wire(script) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            received = b""
            async with client.stream("GET", wire.url) as response:
                with pytest.raises(courser.RemoteProtocolError, match=r"1024.*4096"):
                    async for chunk in response.aiter_raw():
                        received += chunk
            return received

        assert world.run(program) == b"a" * 1024


@pytest.mark.parametrize("response", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_an_unusual_response_is_understood(world: World, response: bytes) -> None:
    with Wire([expects_request(), sends(response), expects_request(), sends(answer(b"next"))]) as wire:

        async def program(client: courser.AsyncClient) -> tuple[bytes, bytes]:
            return (await client.get(wire.url)).content, (await client.get(wire.url)).content

        assert world.run(program) == (b"hello", b"next")


def test_a_folded_value_is_one_value(world: World) -> None:
    with Wire([expects_request(), sends(UNUSUAL["folded field"])]) as wire:
        assert world.fetch("GET", wire.url).headers["x-field"] == "one two"


def test_fields_that_repeat_keep_their_order(world: World) -> None:
    with Wire([expects_request(), sends(answer(b"", "X: 1", "Set-Cookie: a=1", "x: 2", "Set-Cookie: b=2"))]) as wire:
        response = world.fetch("GET", wire.url)

    assert response.headers["X"] == "1, 2"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert [name for name, _ in response.headers.raw] == [b"X", b"Set-Cookie", b"x", b"Set-Cookie", b"Content-Length"]


WITHOUT_BODY = {
    "HEAD with a length": ("HEAD", HEAD + b"Content-Length: 1000\r\n\r\n"),
    "HEAD with chunks": ("HEAD", CHUNKED),
    "HEAD without either": ("HEAD", HEAD + b"\r\n"),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "204 with a length": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
    "HEAD in gzip": ("HEAD", HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"),
    "204 in gzip": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n"),
    "nothing in gzip": ("GET", HEAD + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
    "no chunks in gzip": ("GET", HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "304": ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "304 with a length": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
    "304 with chunks": ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "length of zero": ("GET", HEAD + b"Content-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize(("method", "response"), WITHOUT_BODY.values(), ids=WITHOUT_BODY.keys())
def test_a_response_without_a_body_ends_with_its_head(world: World, method: str, response: bytes) -> None:
    with Wire([expects_request(), sends(response), expects_request(), sends(answer(b"next"))]) as wire:

        async def program(client: courser.AsyncClient) -> tuple[bytes, bytes]:
            return (await client.request(method, wire.url)).content, (await client.get(wire.url)).content

        assert world.run(program) == (b"", b"next")


ONE_A_CONNECTION = {
    "HTTP/1.1 until the end": HEAD + b"\r\nhello",
    "HTTP/1.0 until the end": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "Connection: close": answer(b"hello", "Connection: close"),
    "Connection: close among others": answer(b"hello", "Connection: foo, CLOSE"),
    "Connection: close in a second field": answer(b"hello", "Connection: foo", "Connection: close"),
}


@pytest.mark.parametrize("response", ONE_A_CONNECTION.values(), ids=ONE_A_CONNECTION.keys())
def test_a_response_that_ends_its_connection_is_followed_by_a_new_one(world: World, response: bytes) -> None:
    with Wire([expects_request(), sends(response)], [expects_request(), sends(answer(b"next"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[courser.Response]:
            return [await client.get(wire.url), await client.get(wire.url)]

        first, second = world.run(program)

    assert first.http_version == response[:8].decode()
    assert (first.content, second.content) == (b"hello", b"next")


def test_connection_close_makes_the_client_leave_first(world: World) -> None:
    with Wire([expects_request(), sends(answer(b"hello", "Connection: close")), expects_goodbye()]) as wire:
        left = threading.Event()

        async def program(client: courser.AsyncClient) -> None:
            await client.get(wire.url)
            # Still inside the client's lifetime: the connection is closed because of the field.
            await world.until(wire.conversations[0].settled)
            left.set()

        world.run(program)

    assert left.is_set()


def test_a_request_that_says_close_is_the_last_of_its_connection(world: World) -> None:
    script = [expects_request(), sends(answer(b"one")), expects_goodbye()]
    with Wire(script, [expects_request(), sends(answer(b"two"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            closing = await client.get(wire.url, headers={"Connection": "close"})
            return [closing.content, (await client.get(wire.url)).content]

        assert world.run(program) == [b"one", b"two"]


POISON = answer(b"poison")
WITH_MORE_THAN_ASKED = {
    "after a length": answer(b"hello") + POISON,
    "after chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + POISON,
    "after trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n" + POISON,
    "after an empty body": b"HTTP/1.1 204 No Content\r\n\r\n" + POISON,
    "after a 304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" + POISON,
    "a few bytes": answer(b"hello") + b"!",
    "a line": answer(b"hello") + b"\r\n",
}


@pytest.mark.parametrize("response", WITH_MORE_THAN_ASKED.values(), ids=WITH_MORE_THAN_ASKED.keys())
def test_bytes_after_a_response_never_answer_the_next_request(world: World, response: bytes) -> None:
    script = [expects_request(), sends(response), expects_goodbye()]
    with Wire(script, [expects_request(), sends(answer(b"clean"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            return [(await client.get(wire.url)).content, (await client.get(wire.url)).content]

        first, second = world.run(program)

    assert first in (b"hello", b"")
    assert second == b"clean"


def test_what_a_server_says_before_it_is_asked_is_no_answer_to_the_next_request(world: World) -> None:
    """Such as the greeting of a mail server; what is a response in form is delivered, and the connection not kept."""
    script = [sends(b"220 mail.example ready\r\n"), expects_request(), expects_goodbye()]
    with Wire(script, [expects_request(), sends(answer(b"clean"))]) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            with pytest.raises(courser.RemoteProtocolError) as caught:
                await client.get(wire.url)
            assert_says(caught.value, "not HTTP/1.1")
            return (await client.get(wire.url)).content

        assert world.run(program) == b"clean"


def test_a_response_nobody_asked_for_never_answers_the_next_request(world: World) -> None:
    idle, poisoned = threading.Event(), threading.Event()
    script = [expects_request(), sends(answer(b"hello")), waits_for(idle), delivers(POISON), sets(poisoned)]
    with Wire([*script, expects_goodbye()], [expects_request(), sends(answer(b"clean"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            first = await client.get(wire.url)
            idle.set()
            await world.until(poisoned)
            return [first.content, (await client.get(wire.url)).content]

        assert world.run(program) == [b"hello", b"clean"]


def test_a_response_nobody_asked_for_is_noticed_by_a_loop_that_had_no_time_to_look(world: World) -> None:
    idle, poisoned = threading.Event(), threading.Event()
    script = [expects_request(), sends(answer(b"hello")), waits_for(idle), delivers(POISON), sets(poisoned)]
    with Wire([*script, expects_goodbye()], [expects_request(), sends(answer(b"clean"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            first = await client.get(wire.url)
            idle.set()
            assert poisoned.wait(10)  # on purpose in the way of the loop
            return [first.content, (await client.get(wire.url)).content]

        assert world.run(program) == [b"hello", b"clean"]


def test_a_connection_that_the_server_closed_while_idle_is_replaced(world: World) -> None:
    idle, closed = threading.Event(), threading.Event()
    script = [expects_request(), sends(answer(b"one")), waits_for(idle), closes(), sets(closed)]
    with Wire(script, [expects_request(b"POST"), sends(answer(b"two"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            first = await client.get(wire.url)
            idle.set()
            await world.until(closed)
            return [first.content, (await client.post(wire.url, content=b"body")).content]

        assert world.run(program) == [b"one", b"two"]


def test_a_connection_that_the_server_reset_while_idle_is_replaced(world: World) -> None:
    idle, reset = threading.Event(), threading.Event()
    script = [expects_request(), sends(answer(b"one")), waits_for(idle), resets(), sets(reset)]
    with Wire(script, [expects_request(b"GET"), sends(answer(b"two"))]) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            first = await client.get(wire.url)
            idle.set()
            await world.until(reset)
            return [first.content, (await client.get(wire.url)).content]

        assert world.run(program) == [b"one", b"two"]


TO_BE_CUT = {
    "length": answer(b"hello", "X-Field: value"),
    "chunks": CHUNKED + b"2;extension\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "informational": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello"),
    "folded and bare LF": b"HTTP/1.1 200 OK\nX-Field: a\n b\nContent-Length: 5\n\nhello",
}


@pytest.mark.parametrize("response", TO_BE_CUT.values(), ids=TO_BE_CUT.keys())
def test_a_response_means_the_same_wherever_it_is_cut(world: World, response: bytes) -> None:
    positions = range(1, len(response))
    script = [step for position in positions for step in (expects_request(), sends(response, split_at=[position]))]
    with Wire(script) as wire:

        async def program(client: courser.AsyncClient) -> set[tuple[int, bytes, bytes]]:
            return {summary(await client.get(wire.url)) for _ in positions}

        assert len(world.run(program)) == 1


@pytest.mark.parametrize("response", TO_BE_CUT.values(), ids=TO_BE_CUT.keys())
def test_a_response_means_the_same_byte_by_byte(world: World, response: bytes) -> None:
    with Wire([expects_request(), sends(response, split_at=range(1, len(response)))]) as wire:
        assert world.fetch("GET", wire.url).content == b"hello"


def test_a_response_until_the_end_means_the_same_wherever_it_is_cut(world: World) -> None:
    response = b"HTTP/1.1 200 OK\r\nX-Field: value\r\n\r\nhello"
    positions = range(1, len(response))
    with Wire(*([expects_request(), sends(response, split_at=[position])] for position in positions)) as wire:

        async def program(client: courser.AsyncClient) -> set[tuple[int, bytes, bytes]]:
            return {summary(await client.get(wire.url)) for _ in positions}

        assert {body for _, _, body in world.run(program)} == {b"hello"}


def summary(response: courser.Response) -> tuple[int, bytes, bytes]:
    """Return what two equal responses agree in."""
    fields = b"\n".join(name + b":" + value for name, value in response.headers.raw)
    return response.status_code, fields, response.content
