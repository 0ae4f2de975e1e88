"""The contract of a scheme: what a flow is sent, what is read for it, and that it ends with its driver."""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest

from courser_auth import Auth, FunctionAuth
from courser_models import AsyncByteStream, Request, Response, SyncByteStream


class Body(SyncByteStream, AsyncByteStream):
    """A body of either colour."""

    def __iter__(self) -> Any:
        yield b"body"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"body"


class Challenge(Auth):
    """Sends the request; on 401 sends it again with what the response says; remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        try:
            response = yield request
            self.seen.append(response.status_code)
            if response.status_code == 401:
                request.headers["Authorization"] = response.headers["WWW-Authenticate"]
                response = yield request
                self.seen.append(response.status_code)
        finally:
            self.seen.append("ended")


class BodyReader(Auth):
    """Looks at both bodies."""

    requires_request_body = True
    requires_response_body = True

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        request.headers["X-Request-Body"] = request.content.decode()
        response = yield request
        request.headers["X-Response-Body"] = response.content.decode()
        yield request


class BodyIgnorer(BodyReader):
    requires_request_body = False
    requires_response_body = False

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        yield request
        yield request


def drive_sync(auth: Auth, request: Request, responses: list[Response]) -> list[dict[str, str]]:
    """Run a flow as a client does; return the headers of each request it sent."""
    sent = []
    flow = auth.sync_auth_flow(request)
    try:
        asked = next(flow)
        while True:
            sent.append(dict(asked.headers))
            asked = flow.send(responses.pop(0))
    except StopIteration:
        return sent
    finally:
        flow.close()


def drive_async(auth: Auth, request: Request, responses: list[Response]) -> list[dict[str, str]]:
    """`drive_sync`, in an event loop."""

    async def drive() -> list[dict[str, str]]:
        sent = []
        flow = auth.async_auth_flow(request)
        try:
            asked = await anext(flow)
            while True:
                sent.append(dict(asked.headers))
                asked = await flow.asend(responses.pop(0))
        except StopAsyncIteration:
            return sent
        finally:
            await flow.aclose()

    return asyncio.run(drive())


in_both_colours = pytest.mark.parametrize("drive", [drive_sync, drive_async], ids=["sync", "async"])


def new_request() -> Request:
    return Request("POST", "http://h/", content=Body())


@in_both_colours
def test_a_scheme_without_a_flow_sends_the_request_as_it_is(drive: Any) -> None:
    assert drive(Auth(), Request("GET", "http://h/"), [Response(401)]) == [{"host": "h"}]


@in_both_colours
def test_a_flow_is_sent_each_response_and_ends_when_it_has_enough(drive: Any) -> None:
    auth = Challenge()

    sent = drive(auth, Request("GET", "http://h/"), [Response(401, headers={"WWW-Authenticate": "key"}), Response(200)])

    assert sent == [{"host": "h"}, {"host": "h", "authorization": "key"}]
    assert auth.seen == [401, 200, "ended"]


@in_both_colours
def test_a_flow_that_is_content_sends_once(drive: Any) -> None:
    auth = Challenge()

    assert drive(auth, Request("GET", "http://h/"), [Response(200)]) == [{"host": "h"}]
    assert auth.seen == [200, "ended"]


@in_both_colours
def test_bodies_are_read_for_a_flow_that_asks_for_them(drive: Any) -> None:
    request, response = new_request(), Response(200, stream=Body())

    sent = drive(BodyReader(), request, [response, Response(200)])

    assert [headers["x-request-body"] for headers in sent] == ["body", "body"]
    assert sent[1]["x-response-body"] == "body"
    assert request.content == b"body"


@in_both_colours
def test_bodies_are_left_alone_for_a_flow_that_does_not_ask(drive: Any) -> None:
    request, response = new_request(), Response(200, stream=Body())

    assert len(drive(BodyIgnorer(), request, [response, Response(200)])) == 2
    assert not hasattr(request, "_content")
    assert not response.is_stream_consumed


def test_a_flow_ends_with_its_sync_driver() -> None:
    auth = Challenge()
    flow = auth.sync_auth_flow(Request("GET", "http://h/"))
    next(flow)

    flow.close()

    assert auth.seen == ["ended"]


def test_a_flow_ends_with_its_async_driver() -> None:
    auth = Challenge()

    async def begin_and_give_up() -> None:
        flow = auth.async_auth_flow(Request("GET", "http://h/"))
        await anext(flow)
        await flow.aclose()

    asyncio.run(begin_and_give_up())

    assert auth.seen == ["ended"]


@in_both_colours
def test_an_error_in_a_flow_is_raised_to_its_driver(drive: Any) -> None:
    class Broken(Auth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            yield request
            raise LookupError("no key")

    with pytest.raises(LookupError, match="no key"):
        drive(Broken(), Request("GET", "http://h/"), [Response(200)])


@in_both_colours
def test_a_function_is_a_scheme(drive: Any) -> None:
    def sign(request: Request) -> Request:
        request.headers["X-Signature"] = request.url.host
        return request

    assert drive(FunctionAuth(sign), Request("GET", "http://h/"), [Response(401)]) == [
        {"host": "h", "x-signature": "h"}
    ]
