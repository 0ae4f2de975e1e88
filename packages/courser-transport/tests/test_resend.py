"""When a request is sent again by itself: each line of `_resend.py`; and `retries=`, which is about connecting only."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme

from courser_models import Request, TransportError
from courser_transport import (
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    WriteError,
    create_ssl_context,
)
from courser_transport._deadline import Deadline
from courser_transport._resend import unsent
from courser_transport.testing import Step, breaks, ends, expects, hangs, sends
from exchanges import OK, URL, Body, collect, hear, real, scripted, serving
from worlds import PATIENCE, World, in_every_world

HOW = ["goodbye", "reset", "deaf", "lost"]


def _stale(how: str) -> list[Step]:
    """How a connection goes on that its peer has closed, which nobody knows yet."""
    reset = breaks(ReadError("connection reset by peer"))
    broken = breaks(WriteError("broken pipe"))
    return {
        "goodbye": [expects(b""), ends()],
        "reset": [expects(b""), reset],
        "deaf": [broken, ends()],
        "lost": [broken, reset],
    }[how]


async def _again(world: World, stale: list[Step], request: Request) -> bytes:
    """Send `request` over a connection that was used before and goes on with `stale`; a good one would follow."""
    with scripted(world, [sends(OK), *stale], [sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("GET", URL)))
        body = await collect(await pool.send(request))
        assert backend.connected == ["example.org:80"] * 2
        return body


async def _not_again(world: World, stale: list[Step], request: Request) -> TransportError:
    """The same, for what must not be sent again; return the error."""
    with scripted(world, [sends(OK), *stale], [sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("GET", URL)))
        with pytest.raises(TransportError) as caught:
            await collect(await pool.send(request))
        assert caught.value.request is request
        assert backend.connected == ["example.org:80"]
        assert pool.open == 0
        return caught.value


# Yes


@in_every_world
@pytest.mark.parametrize("how", HOW)
async def test_a_stale_connection_goes_unnoticed(world: World, how: str) -> None:
    assert await _again(world, _stale(how), Request("GET", URL)) == b"hello"


@in_every_world
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])
async def test_acting_twice_is_acting_once_for_idempotent_methods(world: World, method: str) -> None:
    await _again(world, _stale("goodbye"), Request(method, URL))


@in_every_world
async def test_a_body_in_memory_is_sent_again(world: World) -> None:
    content = b"x" * 300_000
    with scripted(world, [sends(OK), *_stale("lost")], [expects(b"PUT"), sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("GET", URL)))
        second: Any = backend._streams[0]
        await pool.send(Request("PUT", URL, content=content))
    assert second.written[0].endswith(b"\r\n\r\n")
    assert content.startswith(b"".join(second.written[1:]))


@in_every_world
async def test_where_nothing_left_us_nobody_can_have_acted(world: World) -> None:
    for method, content in (("POST", b"x"), ("PATCH", b"x" * 300_000), ("POST", Body(world, b"abc").content)):
        steps: list[Step] = [breaks(unsent(WriteError("broken pipe")))]
        with scripted(world, [sends(OK), *steps], [expects(method.encode()), sends(OK)]) as (pool, backend):
            await collect(await pool.send(Request("GET", URL)))
            assert await collect(await pool.send(Request(method, URL, content=content))) == b"hello"
            assert len(backend.connected) == 2


# No


@in_every_world
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_two_orders_are_not_one(world: World, how: str, method: str) -> None:
    errors = {"goodbye": RemoteProtocolError, "reset": ReadError, "deaf": WriteError, "lost": WriteError}
    error = await _not_again(world, _stale(how), Request(method, URL, content=b"order"))
    assert type(error) is errors[how]
    if how == "goodbye":
        assert str(error) == "example.org:80 closed the connection without sending a response"


@in_every_world
async def test_a_generator_that_was_begun_cannot_be_sent_again(world: World) -> None:
    body = Body(world, b"one", b"two")
    steps: list[Step] = [expects(b"PUT"), breaks(WriteError("broken pipe")), ends()]
    assert type(await _not_again(world, steps, Request("PUT", URL, content=body.content))) is WriteError
    assert (body.asked, body.closed) == (1, 1)


@in_every_world
async def test_a_generator_that_was_not_begun_can(world: World) -> None:
    body = Body(world, b"one", b"two")
    with scripted(world, [sends(OK), *_stale("lost")], [expects(b"PUT"), sends(OK)]) as (pool, _):
        await collect(await pool.send(Request("GET", URL)))
        await collect(await pool.send(Request("PUT", URL, content=body.content)))
    assert body.closed == 1


@in_every_world
@pytest.mark.parametrize(
    "steps",
    [
        [expects(b""), sends(b"HTTP/1.1 2"), ends()],
        [expects(b""), sends(b"HTTP/1.1 2"), breaks(ReadError("reset"))],
        [expects(b""), sends(b"HTTP/1.1 100 Continue\r\n\r\n"), ends()],
        [expects(b""), sends(b"HTTP/1.1 103 Early Hints\r\n\r\n"), breaks(ReadError("reset"))],
        [expects(b""), sends(b"\x15\x03\x01\x00\x02\x02\x16"), ends()],
        [expects(b""), sends(OK[:-1]), ends()],
    ],
)
async def test_a_byte_of_the_response_shows_that_the_request_arrived(world: World, steps: list[Step]) -> None:
    error = await _not_again(world, steps, Request("GET", URL))
    assert isinstance(error, (ReadError, RemoteProtocolError))


@in_every_world
async def test_a_peer_that_is_slow_is_not_asked_twice(world: World) -> None:
    request = Request("GET", URL, extensions={"timeout": {"read": 0.01}})
    assert type(await _not_again(world, [expects(b""), hangs()], request)) is ReadTimeout


@in_every_world
@pytest.mark.parametrize("how", HOW)
async def test_what_is_wrong_with_a_new_connection_will_be_wrong_again(world: World, how: str) -> None:
    with scripted(world, _stale(how), [sends(OK)]) as (pool, backend):
        with pytest.raises((RemoteProtocolError, ReadError, WriteError)):
            await pool.send(Request("GET", URL))
        assert len(backend.connected) == 1
        assert pool.open == 0


@in_every_world
async def test_it_is_sent_again_once_and_on_a_new_connection(world: World) -> None:
    with scripted(world, [sends(OK), *_stale("goodbye")], _stale("goodbye"), [sends(OK)]) as (pool, backend):
        await collect(await pool.send(Request("GET", URL)))
        with pytest.raises(RemoteProtocolError, match="without sending a response"):
            await pool.send(Request("GET", URL))
        assert len(backend.connected) == 2
        assert pool.open == 0


@in_every_world
async def test_other_idle_connections_are_passed_over_for_they_may_be_stale_too(world: World) -> None:
    stale: list[Step] = [sends(OK[:-3]), sends(OK[-3:]), *_stale("goodbye")]
    with scripted(world, stale, stale, [sends(OK)]) as (pool, backend):
        first = await pool.send(Request("GET", URL))
        second = await pool.send(Request("GET", URL))
        await collect(first)
        await collect(second)
        assert pool.idle == 2
        assert await collect(await pool.send(Request("GET", URL))) == b"hello"
        assert len(backend.connected) == 3


@in_every_world
async def test_over_real_sockets_a_peer_that_closes_as_we_send_goes_unnoticed_but_by_a_post(world: World) -> None:
    def answer_once(sock: Any) -> None:
        hear(sock)
        sock.sendall(OK)
        hear(sock)
        sock.close()

    def answer(sock: Any) -> None:
        hear(sock)
        sock.sendall(OK)

    async with serving(world, answer_once, answer, answer_once) as p:
        with real(world) as pool:
            request = Request("GET", f"http://127.0.0.1:{p.port}/", extensions={"timeout": {"read": PATIENCE}})
            for _ in range(2):
                assert await collect(await pool.send(request)) == b"hello"
            assert pool.stats().connections_made == 2
        with real(world) as pool:
            assert await collect(await pool.send(request)) == b"hello"
            with pytest.raises((RemoteProtocolError, ReadError)):
                await pool.send(Request("POST", request.url, content=b"order", extensions=request.extensions))
            assert pool.stats().connections_made == 1


# retries=


@in_every_world
async def test_connecting_is_tried_again_at_once_and_then_after_pauses(world: World) -> None:
    failures = [ConnectError("refused"), ConnectTimeout("too long"), ConnectError("refused")]
    with scripted(world, *failures, [sends(OK)], retries=3) as (pool, backend):
        assert await collect(await pool.send(Request("GET", URL))) == b"hello"
        assert backend.slept == [0.0, 0.5, 1.0]
        assert pool.open == pool.idle == 1


@in_every_world
async def test_the_last_failure_is_the_one_that_is_told(world: World) -> None:
    failures = [ConnectError("first"), ConnectError("second"), ConnectError("third"), ConnectError("fourth")]
    with scripted(world, *failures, retries=2) as (pool, backend):
        with pytest.raises(ConnectError, match="third"):
            await pool.send(Request("GET", URL))
        assert len(backend.connected) == 3
        assert pool.open == 0


@in_every_world
async def test_without_retries_nothing_is_tried_again(world: World) -> None:
    with scripted(world, ConnectError("refused"), [sends(OK)]) as (pool, backend):
        with pytest.raises(ConnectError):
            await pool.send(Request("GET", URL))
        assert (len(backend.connected), backend.slept) == (1, [])


@in_every_world
async def test_retries_are_for_connecting_only(world: World) -> None:
    with scripted(world, _stale("goodbye"), [sends(OK)], retries=3) as (pool, backend):
        with pytest.raises(RemoteProtocolError):
            await pool.send(Request("GET", URL))
        assert len(backend.connected) == 1


@in_every_world
async def test_pauses_end_where_the_exchange_has_no_time_left_for_them(world: World) -> None:
    failures = [ConnectError("first"), ConnectError("second"), ConnectError("third"), ConnectError("fourth")]
    with scripted(world, *failures, retries=5) as (pool, backend):
        request = Request("GET", URL, extensions={"deadline": Deadline.of_exchange(0.7)})
        with pytest.raises(ConnectError, match="third"):
            await pool.send(request)
        assert backend.slept == [0.0, 0.5]


@in_every_world
async def test_a_certificate_that_is_not_trusted_is_not_asked_for_again(world: World) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def shake_hands(sock: Any) -> None:
        with pytest.raises(ssl.SSLError, match="alert unknown ca"):
            context.wrap_socket(sock, server_side=True)

    async with serving(world, shake_hands) as p:
        with real(world, create_ssl_context(), retries=3) as pool:
            with pytest.raises(ConnectError, match="the certificate is not trusted"):
                await pool.send(Request("GET", f"https://127.0.0.1:{p.port}/"))
            assert pool.open == 0
    assert len(p.accepted) == 1
