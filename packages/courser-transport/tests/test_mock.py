"""`MockTransport`: what a handler is given, and what becomes of its answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from courser_models import Request, Response
from courser_transport import MockTransport, ReadTimeout, run_sync
from worlds import World, in_event_loops, in_every_world


def echo(request: Request) -> Response:
    return Response(200, content=request.content)


async def send(world: World, transport: MockTransport, request: Request) -> Response:
    """Send a request as the clients of this world do."""
    if world.has_loop:
        return await transport.handle_async_request(request)
    return transport.handle_request(request)


@in_every_world
async def test_a_function_answers(world: World) -> None:
    request = Request("POST", "https://example.org/", content=b"hello")

    response = await send(world, MockTransport(echo), request)

    assert response.content == b"hello"


@in_every_world
async def test_what_the_handler_raises_is_raised(world: World) -> None:
    def fail(request: Request) -> Response:
        raise ReadTimeout("too slow", request=request)

    with pytest.raises(ReadTimeout, match="too slow"):
        await send(world, MockTransport(fail), Request("GET", "https://example.org/"))


@in_every_world
async def test_a_handler_that_returns_no_response_is_told_so(world: World) -> None:
    handler: Any = {"https://example.org/": "hello"}.get

    with pytest.raises(TypeError, match=r"returns a response.* gave NoneType"):
        await send(world, MockTransport(handler), Request("GET", "https://example.org/"))


@in_event_loops
async def test_a_coroutine_function_answers_in_an_event_loop(world: World) -> None:
    async def handler(request: Request) -> Response:
        await world.turn()
        return echo(request)

    response = await MockTransport(handler).handle_async_request(
        Request("POST", "https://example.org/", content=b"hello")
    )

    assert response.content == b"hello"


@in_event_loops
async def test_the_handler_finds_a_streamed_body_read(world: World) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"hel"
        yield b"lo"

    response = await MockTransport(echo).handle_async_request(Request("POST", "https://example.org/", content=body()))

    assert response.content == b"hello"


def test_a_sync_client_reads_a_streamed_body_too() -> None:
    request = Request("POST", "https://example.org/", content=iter([b"hel", b"lo"]))

    assert MockTransport(echo).handle_request(request).content == b"hello"


def test_a_coroutine_function_is_refused_in_a_sync_client() -> None:
    async def handler(request: Request) -> Response:
        return Response(200)

    with pytest.raises(TypeError, match=r"a response, and no coroutine, in a sync client; .*handler gave coroutine"):
        MockTransport(handler).handle_request(Request("GET", "https://example.org/"))


def test_one_object_serves_both_kinds_of_client() -> None:
    transport = MockTransport(echo)

    with transport:
        assert transport.handle_request(Request("GET", "https://example.org/")).status_code == 200
    response = run_sync(transport.handle_async_request(Request("GET", "https://example.org/")))
    assert response.status_code == 200
