"""`ASGITransport`: an app in this process, beside whoever reads what it answers."""

import asyncio
import contextvars
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from courser_models import Request, Response
from courser_transport import (
    ASGITransport,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Timeout,
)
from worlds import World, in_event_loops


def request(method: str = "GET", path: str = "/", read: float | None = None, **keywords: Any) -> Request:
    timeout = Timeout(None, read=read, total=keywords.pop("total", None)).as_dict()
    return Request(method, f"http://app.example{path}", extensions={"timeout": timeout}, **keywords)


async def answer(transport: ASGITransport, asked: Request | None = None) -> Response:
    """Send a request and read its response, as clients do."""
    response = await transport.handle_async_request(request() if asked is None else asked)
    await response.aread()
    return response


async def start(send: Any, status: int = 200, headers: Any = (), **more: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers, **more})


async def body(send: Any, content: bytes = b"", more: bool = False) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"content-type", b"text/plain")])
    await body(send, b"hello")


async def no_task_is_left(world: World) -> bool:
    """Return whether nothing but the test runs in this loop, once what has ended is gone."""
    for _ in range(5):
        await world.turn()
    if world.name == "trio":
        import trio

        tasks = [task.name for task in trio.lowlevel.current_root_task().child_nurseries[0].child_tasks]  # type: ignore[union-attr]
        return not any("AnyioTask" in name or "wait" in name for name in tasks)
    return asyncio.all_tasks() == {asyncio.current_task()}


# What passes through


@in_event_loops
async def test_an_app_answers(world: World) -> None:
    async with ASGITransport(hello) as transport:
        response = await answer(transport)

    assert (response.status_code, response.headers["content-type"], response.content) == (200, "text/plain", b"hello")
    assert await no_task_is_left(world)


@in_event_loops
async def test_the_app_is_told_what_is_asked_of_it(world: World) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    asked = Request("get", "https://app.example/a%20b/%C3%A4?q=1%202", headers={"X-Name": "v"})
    await answer(ASGITransport(app, root_path="/sub", client=("10.0.0.1", 5)), asked)

    (scope,) = scopes
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert (scope["method"], scope["scheme"], scope["http_version"]) == ("GET", "https", "1.1")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b/ä", b"/a%20b/%C3%A4", b"q=1%202")
    assert scope["headers"] == [(b"host", b"app.example"), (b"x-name", b"v")]
    assert (scope["server"], scope["client"], scope["root_path"]) == (("app.example", 443), ("10.0.0.1", 5), "/sub")
    assert "state" not in scope


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        await body(send, message["body"], message["more_body"])
        if not message["more_body"]:
            return


@in_event_loops
async def test_a_request_with_a_body_in_memory_is_one_message(world: World) -> None:
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        messages.append(await receive())
        await hello(scope, receive, send)

    await answer(ASGITransport(app), request("POST", content=b"data"))

    assert messages == [{"type": "http.request", "body": b"data", "more_body": False}]


@in_event_loops
async def test_a_streamed_body_arrives_piece_by_piece(world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"", b"two ", b"three"):
            await world.turn()
            yield piece

    response = await answer(ASGITransport(echo), request("POST", content=pieces()))

    assert response.content == b"one two three"
    assert await no_task_is_left(world)


@in_event_loops
async def test_request_and_response_may_stream_at_once(world: World) -> None:
    """Each piece is sent only after the answer to the one before has been read."""
    heard: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            await world.until(lambda number=number: len(heard) == number)  # type: ignore[misc]
            yield b"%d" % number

    response = await ASGITransport(echo).handle_async_request(request("POST", content=pieces()))
    async for chunk in response.aiter_raw():
        heard.append(chunk)

    assert heard == [b"0", b"1", b"2"]


@in_event_loops
async def test_a_file_is_a_body(world: World, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)

    with path.open("rb") as file:
        response = await answer(ASGITransport(echo), request("POST", content=file))

    assert response.content == b"x" * 200_000


@in_event_loops
async def test_an_error_in_the_requests_body_is_the_clients(world: World) -> None:
    told: list[Any] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError("in the body")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.append(await receive())
        told.append(await receive())

    async with ASGITransport(app, raise_app_exceptions=False) as transport:
        with pytest.raises(ZeroDivisionError, match="in the body"):
            await answer(transport, request("POST", content=pieces()))

    assert [message["type"] for message in told] == ["http.request", "http.disconnect"]
    assert await no_task_is_left(world)


@in_event_loops
async def test_a_sync_iterator_is_refused(world: World) -> None:
    with pytest.raises(RuntimeError, match="an async client cannot send a sync iterator"):
        await answer(ASGITransport(echo), request("POST", content=iter([b"x"])))


@in_event_loops
async def test_a_body_of_something_else_than_bytes_is_refused(world: World) -> None:
    async def pieces() -> AsyncIterator[Any]:
        yield "text"

    with pytest.raises(TypeError, match="must give bytes, it gave str"):
        await answer(ASGITransport(echo), request("POST", content=pieces()))


@in_event_loops
async def test_an_app_that_never_reads_the_body_answers_all_the_same(world: World) -> None:
    asked: list[bool] = []

    async def pieces() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b"never"

    response = await answer(ASGITransport(hello), request("POST", content=pieces()))

    assert (response.content, asked) == (b"hello", [])


@in_event_loops
async def test_trailers_come_with_the_end_of_the_body(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "http.response.trailers" in scope["extensions"]
        await start(send, trailers=True)
        await body(send, b"hello")
        await send({"type": "http.response.trailers", "headers": [(b"digest", b"abc")], "more_trailers": False})

    response = await answer(ASGITransport(app))

    assert response.content == b"hello"
    assert response.extensions["trailers"]["digest"] == "abc"


@in_event_loops
async def test_the_body_of_an_answer_to_head_is_left_out(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, headers=[(b"content-length", b"5")])
        await body(send, b"hello")

    response = await answer(ASGITransport(app), request("HEAD"))

    assert (response.content, response.headers["content-length"]) == (b"", "5")


@in_event_loops
async def test_an_endless_answer_to_head_ends_at_its_head(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        while True:
            await body(send, b"hello", more=True)

    response = await answer(ASGITransport(app, grace=0.05), request("HEAD"))

    assert response.content == b""
    assert await no_task_is_left(world)


@in_event_loops
async def test_the_app_has_the_callers_context_variables(world: World) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        variable.set("the app's own")
        await hello(scope, receive, send)

    variable.set("the caller's")
    await answer(ASGITransport(app))

    assert (seen, variable.get()) == (["the caller's"], "the caller's")


@in_event_loops
async def test_an_app_may_have_task_groups_and_scopes(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0)
                await body(send, b"from within", more=True)
        await body(send)

    with anyio.move_on_after(10):
        response = await ASGITransport(app).handle_async_request(request())
    # Scopes of the reader may end in between, and others begin.
    with anyio.move_on_after(10):
        assert await response.aread() == b"from within"


# M1: a response comes as it is made


async def endless(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"content-type", b"text/event-stream")])
    number = 0
    while True:
        await body(send, b"data: %d\n\n" % number, more=True)
        number += 1


@in_event_loops
async def test_an_endless_app_is_read_as_it_answers(world: World) -> None:
    async with ASGITransport(endless, grace=0.05) as transport:
        response = await transport.handle_async_request(request())
        lines = response.aiter_lines()
        first = [await anext(lines) for _ in range(3)]
        await response.aclose()

    assert first == ["data: 0", "", "data: 1"]
    assert await no_task_is_left(world)


@in_event_loops
async def test_an_app_is_at_most_64_kib_and_a_message_ahead_of_its_reader(world: World) -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await start(send)
        for _ in range(100):
            await body(send, b"x" * 10_000, more=True)
            sent += 10_000
        await body(send)

    response = await ASGITransport(app).handle_async_request(request())
    for _ in range(50):
        await world.turn()
    assert sent == 60_000  # and the seventh message is on its way

    assert len(await response.aread()) == 1_000_000


@in_event_loops
async def test_an_app_that_says_nothing_is_a_read_timeout(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await world.backend.sleep(60)

    async with ASGITransport(app, grace=0.01) as transport:
        with pytest.raises(
            ReadTimeout, match=r"the app to answer GET http://app.example/ timed out after 0.05 s"
        ) as caught:
            await answer(transport, request(read=0.05))

    assert caught.value.request.url == "http://app.example/"
    assert await no_task_is_left(world)


@in_event_loops
async def test_an_app_that_stops_in_its_answer_is_a_read_timeout(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await body(send, b"one", more=True)
        await world.backend.sleep(60)

    heard = []
    async with ASGITransport(app, grace=0.01) as transport:
        response = await transport.handle_async_request(request(read=0.05))
        with pytest.raises(ReadTimeout, match=r"timed out after 0.05 s"):
            async for chunk in response.aiter_raw():
                heard.append(chunk)

    assert heard == [b"one"]
    assert await no_task_is_left(world)


@in_event_loops
async def test_an_app_that_never_stops_meets_the_total_limit(world: World) -> None:
    async with ASGITransport(endless, grace=0.01) as transport:
        with pytest.raises(ReadTimeout, match=r"timed out 0.1 s after the request began \(the total limit\)"):
            await answer(transport, request(total=0.1))

    assert await no_task_is_left(world)


@in_event_loops
async def test_time_that_the_requests_own_body_takes_is_not_the_apps(world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await world.backend.sleep(0.1)
            yield b"x"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await hello(scope, receive, send)

    response = await answer(ASGITransport(app), request("POST", read=0.05, content=pieces()))

    assert response.content == b"hello"


# M2: the client leaves


@in_event_loops
async def test_an_app_that_waits_for_its_client_to_leave_is_told(world: World) -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        await body(send, b"one", more=True)
        told.append(await receive())

    response = await ASGITransport(app, grace=60).handle_async_request(request())
    assert await anext(response.aiter_raw()) == b"one"
    await response.aclose()

    assert told == [{"type": "http.disconnect"}]
    assert await no_task_is_left(world)


@in_event_loops
async def test_what_is_sent_to_a_client_that_left_is_an_oserror(world: World) -> None:
    errors: list[OSError] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        try:
            while True:
                await body(send, b"x" * 100_000, more=True)
        except OSError as error:
            errors.append(error)
            raise

    response = await ASGITransport(app, grace=60).handle_async_request(request())
    await response.aclose()

    assert [str(error) for error in errors] == ["the client of this response has left"]


@in_event_loops
async def test_an_app_that_does_not_listen_is_cancelled_after_its_grace(world: World) -> None:
    ends: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await start(send)
            await world.backend.sleep(60)
            ends.append("slept")
        finally:
            ends.append("cleaned up")

    response = await ASGITransport(app, grace=0.05).handle_async_request(request())
    await response.aclose()

    assert ends == ["cleaned up"]
    assert await no_task_is_left(world)


@pytest.mark.parametrize("call", ["receive", "send"])
@in_event_loops
async def test_an_app_that_is_deaf_and_busy_keeps_nobody_from_running(world: World, call: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        while True:
            try:
                await (receive() if call == "receive" else body(send, b"x", more=True))
            except OSError:
                pass

    response = await ASGITransport(app, grace=0.02).handle_async_request(request())
    await response.aclose()

    assert await no_task_is_left(world)


@in_event_loops
async def test_a_cancelled_client_leaves(world: World) -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        told.append(await receive())

    transport = ASGITransport(app, grace=0.05)
    task = await world.beside(lambda: answer(transport))
    for _ in range(10):
        await world.turn()
    task.cancel()
    await task.ended()
    await world.until(lambda: bool(told))

    assert task.was_cancelled
    assert told == [{"type": "http.disconnect"}]


@in_event_loops
async def test_closing_the_transport_ends_all_that_runs(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await body(send, b"one", more=True)
        await world.backend.sleep(60)

    transport = ASGITransport(app, grace=0.01)
    responses = [await transport.handle_async_request(request()) for _ in range(3)]
    await transport.aclose()

    assert await no_task_is_left(world)
    for response in responses:
        with pytest.raises(
            ReadError, match=r"reading the app's answer to GET http://app.example/ failed: it was closed"
        ):
            await response.aread()


def test_closing_in_another_loop_waits_for_nothing_of_the_first() -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await receive()
        told.append(await receive())

    transport = ASGITransport(app, grace=60)
    with asyncio.Runner() as first:
        response = first.run(transport.handle_async_request(request()))
        asyncio.run(transport.aclose())
        first.run(asyncio.sleep(0.01))

        assert told == [{"type": "http.disconnect"}]
        with pytest.raises(ReadError, match="it was closed here"):
            first.run(response.aread())


def test_one_transport_serves_several_loops_at_once() -> None:
    transport = ASGITransport(echo)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        under_way = first.run(transport.handle_async_request(request("POST", content=b"one")))
        other = second.run(answer(transport, request("POST", content=b"two")))

        assert (first.run(under_way.aread()), other.content) == (b"one", b"two")


@in_event_loops
async def test_a_response_that_was_dropped_is_warned_of_and_its_app_ends(world: World) -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await receive()
        told.append(await receive())

    response = await ASGITransport(app, grace=0.05).handle_async_request(request())
    with pytest.warns(ResourceWarning, match="GET http://app.example/ was dropped before it was read or closed"):
        del response

    await world.until(lambda: told == [{"type": "http.disconnect"}])


# After the response


@in_event_loops
async def test_what_the_app_does_after_its_response_is_done_when_the_body_ends(world: World) -> None:
    done: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await world.backend.sleep(0.05)
        done.append("in the background")

    await answer(ASGITransport(app))

    assert done == ["in the background"]


@in_event_loops
async def test_an_app_that_goes_on_for_long_holds_up_nobody(world: World) -> None:
    ends: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await hello(scope, receive, send)
            await world.backend.sleep(60)
        finally:
            ends.append("ended")

    transport = ASGITransport(app, grace=0.01)
    response = await answer(transport, request(read=0.05))
    assert (response.content, ends) == (b"hello", [])
    await transport.aclose()

    assert ends == ["ended"]
    assert await no_task_is_left(world)


@in_event_loops
async def test_after_a_whole_response_the_app_hears_that_its_client_left(world: World) -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        told.append(await receive())

    await answer(ASGITransport(app))

    assert told == [{"type": "http.disconnect"}]


# M3: exceptions


class Broken(Exception):
    """What the apps here raise."""


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise Broken("at once")


async def raises_in_its_answer(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await body(send, b"one", more=True)
    raise Broken("half-way")


async def raises_after_its_answer(scope: Any, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    raise Broken("at last")


@pytest.mark.parametrize("app", [raises_at_once, raises_in_its_answer, raises_after_its_answer])
@in_event_loops
async def test_what_an_app_raises_is_raised(world: World, app: Any) -> None:
    with pytest.raises(Broken):
        await answer(ASGITransport(app))

    assert await no_task_is_left(world)


@in_event_loops
async def test_what_came_before_an_exception_is_read_before_it(world: World) -> None:
    heard = []
    response = await ASGITransport(raises_in_its_answer).handle_async_request(request())
    with pytest.raises(Broken, match="half-way"):
        async for chunk in response.aiter_raw():
            heard.append(chunk)

    assert heard == [b"one"]


@in_event_loops
async def test_an_exception_before_the_response_becomes_a_500(world: World, caplog: pytest.LogCaptureFixture) -> None:
    response = await answer(ASGITransport(raises_at_once, raise_app_exceptions=False))

    assert (response.status_code, response.content) == (500, b"")
    assert [record.message for record in caplog.records] == [
        "the app raised Broken while it answered GET http://app.example/"
    ]
    assert caplog.records[0].exc_info is not None


@in_event_loops
async def test_an_exception_in_the_response_is_never_a_short_200(world: World) -> None:
    response = await ASGITransport(raises_in_its_answer, raise_app_exceptions=False).handle_async_request(request())

    assert response.status_code == 200
    with pytest.raises(
        RemoteProtocolError, match=r"the app raised Broken before the end of its response to GET http://app.example/"
    ) as caught:
        await response.aread()
    assert isinstance(caught.value.__cause__, Broken)


@in_event_loops
async def test_an_exception_after_the_response_leaves_it_whole(world: World, caplog: pytest.LogCaptureFixture) -> None:
    response = await answer(ASGITransport(raises_after_its_answer, raise_app_exceptions=False))

    assert (response.status_code, response.content) == (200, b"hello")
    assert "the app raised Broken" in caplog.text


@in_event_loops
async def test_an_exception_that_nobody_waits_for_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await receive()
        await receive()
        raise Broken("on leaving")

    response = await ASGITransport(app).handle_async_request(request())
    await response.aclose()

    assert "the app raised Broken while it answered GET http://app.example/" in caplog.text


@in_event_loops
async def test_an_app_that_ends_because_its_client_left_is_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await endless(scope, receive, send)
        except OSError as error:
            raise Broken("the client went away") from error

    response = await ASGITransport(app).handle_async_request(request())
    await response.aclose()

    assert caplog.records == []


class Stop(BaseException):
    """Such as `pytest.fail` raises, which no `except Exception` catches."""


@pytest.mark.parametrize("raises", [True, False])
@in_event_loops
async def test_what_is_more_than_an_exception_is_always_raised(world: World, raises: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Stop("now")

    with pytest.raises(Stop, match="now"):
        await answer(ASGITransport(app, raise_app_exceptions=raises))


# M4: apps that do not keep to ASGI


async def never_starts(scope: Any, receive: Any, send: Any) -> None:
    pass


async def never_completes(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await body(send, b"hello", more=True)


async def starts_twice(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await start(send)


async def starts_again_at_the_end(scope: Any, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    await start(send)


async def sends_a_body_first(scope: Any, receive: Any, send: Any) -> None:
    await body(send, b"hello")


async def sends_after_the_end(scope: Any, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    await body(send, b"again")


async def sends_text(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": "text"})


async def sends_nonsense(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.nonsense"})


async def sends_no_type(scope: Any, receive: Any, send: Any) -> None:
    await send({"status": 200})


async def sends_no_message(scope: Any, receive: Any, send: Any) -> None:
    await send(None)


async def sends_no_status(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start"})


async def sends_a_status_in_words(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": "200"})


async def sends_odd_fields(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[b"content-type"])


async def sends_fields_that_split(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"x-name", b"a\r\nset-cookie: b=c")])


async def sends_too_little(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"content-length", b"10")])
    await body(send, b"hello")


async def sends_too_much(scope: Any, receive: Any, send: Any) -> None:
    await start(send, headers=[(b"content-length", b"2")])
    await body(send, b"hello")


async def sends_trailers_unannounced(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.trailers", "headers": []})


async def sends_trailers_first(scope: Any, receive: Any, send: Any) -> None:
    await start(send, trailers=True)
    await send({"type": "http.response.trailers", "headers": []})


BREAKS = {
    never_starts: "ended without a response to",
    never_completes: "ended before the end of its response to",
    starts_twice: "began its response twice, in answer to",
    starts_again_at_the_end: "began its response twice",
    sends_a_body_first: "sent a body before it began its response",
    sends_after_the_end: "sent more of a body that it had ended",
    sends_text: "sent a body that is str and not bytes",
    sends_nonsense: "sent 'http.response.nonsense', which is nothing that it may send here",
    sends_no_type: r"sent a message that is none \(no 'type'\)",
    sends_no_message: "sent a message that is none",
    sends_no_status: r"sent a message that is none \(no 'status'\)",
    sends_a_status_in_words: "began its response with the status '200'",
    sends_odd_fields: "sent a message that is none",
    sends_fields_that_split: "sent a message that is none",
    sends_too_little: "sent 5 of the 10 bytes that it had announced",
    sends_too_much: "sent more than the 2 bytes that it had announced",
    sends_trailers_unannounced: "sent 'http.response.trailers', which is nothing that it may send here",
    sends_trailers_first: "sent trailers before the end of its body",
}


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize(("app", "says"), [pytest.param(*pair, id=pair[0].__name__) for pair in BREAKS.items()])
@in_event_loops
async def test_an_app_that_breaks_the_rules_is_a_protocol_error(
    world: World, app: Any, says: str, raises: bool
) -> None:
    async with ASGITransport(app, raise_app_exceptions=raises) as transport:
        with pytest.raises(RemoteProtocolError, match=f"the app {says}") as caught:
            await answer(transport)

    assert caught.value.request.url == "http://app.example/"
    assert await no_task_is_left(world)


@in_event_loops
async def test_an_app_that_hides_its_own_mistake_does_not_get_away_with_it(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        try:
            await start(send)
        except Exception:
            pass
        assert (await receive())["type"] == "http.disconnect"

    with pytest.raises(RemoteProtocolError, match="began its response twice"):
        await answer(ASGITransport(app))


def test_rules_hold_without_assertions_as_well() -> None:
    program = """
        import asyncio
        import sys

        import courser_transport
        import test_asgi

        assert False, "this runs with -O"

        async def main():
            for app, says in test_asgi.BREAKS.items():
                try:
                    await test_asgi.answer(courser_transport.ASGITransport(app))
                except courser_transport.RemoteProtocolError as error:
                    print(app.__name__, says[:20] in str(error) or "(" in says)
                else:
                    print(app.__name__, "no error")

        asyncio.run(main())
    """
    ran = subprocess.run(
        [sys.executable, "-O", "-W", "error", "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.stderr == ""
    assert dict(line.split(" ", 1) for line in ran.stdout.splitlines()) == {app.__name__: "True" for app in BREAKS}
