"""Event hooks, errors of status by themselves, the log, and other settings that act on every exchange."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from colours import AsyncColour, Colour
from courser_models import HTTPStatusError, Request, Response

HOME = "https://home.example/"


def test_hooks_see_each_request_and_each_response(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        is_first = request.url.path == "/"
        headers = {"Location": "/there"} if is_first else {}
        return Response(302 if is_first else 200, headers=headers, stream=colour.chunks([b"a"]), request=request)

    seen: list[Any] = []
    hooks = {
        "request": [lambda request: seen.append(request.url.path)],
        "response": [lambda response: seen.append((response.status_code, response.is_closed))],
    }
    client = colour.client(transport=colour.transport(answer), event_hooks=hooks, follow_redirects=True)
    colour.call(client.get, HOME)

    assert seen == ["/", (302, False), "/there", (200, False)]


def test_a_hook_may_change_the_request(colour: Colour) -> None:
    def sign(request: Request) -> None:
        request.headers["X-Signature"] = "abc"

    transport = colour.transport()
    client = colour.client(transport=transport, event_hooks={"request": [sign]})
    colour.call(client.get, HOME)

    assert transport.requests[0].headers["x-signature"] == "abc"


def test_a_hook_of_an_async_client_may_be_a_coroutine(colour: Colour) -> None:
    seen: list[str] = []

    async def note(argument: Any) -> None:
        seen.append(type(argument).__name__)

    hooks: dict[str, Any] = {"request": [note], "response": [note]}
    client = colour.client(transport=colour.transport(), event_hooks=hooks)
    if isinstance(colour, AsyncColour):
        colour.call(client.get, HOME)
        assert seen == ["Request", "Response"]
    else:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            colour.call(client.get, HOME)


def test_a_hook_that_fails_closes_the_response(colour: Colour) -> None:
    def fail(response: Response) -> None:
        raise KeyError("mine")

    stream = colour.chunks([b"a"])
    transport = colour.transport(lambda request: Response(200, stream=stream, request=request))
    client = colour.client(transport=transport, event_hooks={"response": [fail]})

    with pytest.raises(KeyError, match="mine"):
        colour.call(client.get, HOME)
    assert stream.closed


def test_hooks_can_be_changed_and_are_copied(colour: Colour) -> None:
    mine: list[Any] = []
    client = colour.client(event_hooks={"request": mine})
    mine.append(print)
    assert client.event_hooks == {"request": [], "response": []}
    client.event_hooks = {"response": [print]}
    assert client.event_hooks == {"request": [], "response": [print]}
    with pytest.raises(ValueError, match="none for error"):
        client.event_hooks = {"error": [print]}


def test_errors_of_status_can_be_raised_by_themselves(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(503, text="why", request=request))
    client = colour.client(transport=transport, raise_for_status=True)

    with pytest.raises(HTTPStatusError, match="503 Service Unavailable") as caught:
        colour.call(client.get, HOME)
    assert caught.value.response.text == "why"
    stream = colour.chunks([b"a"])
    client = colour.client(
        transport=colour.transport(lambda request: Response(404, stream=stream, request=request)), raise_for_status=True
    )
    with pytest.raises(HTTPStatusError), colour.block(client.stream("GET", HOME)):
        raise AssertionError("the block is not entered")
    assert stream.closed


def test_the_charset_of_text_that_names_none_can_be_set(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, content="ü".encode("latin-1"), request=request))

    assert colour.call(colour.client(transport=transport, default_encoding="latin-1").get, HOME).text == "ü"
    client = colour.client(transport=transport, default_encoding=lambda content: "cp1252")
    assert colour.call(client.get, HOME).encoding == "cp1252"


def test_an_encoder_of_json_can_be_set(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport, json_encoder=lambda value: b"<" + str(value).encode() + b">")
    colour.call(client.post, HOME, json=[1])

    assert transport.requests[0].content == b"<[1]>"
    assert transport.requests[0].headers["content-type"] == "application/json"


def test_a_decoder_of_json_can_be_set(colour: Colour) -> None:
    given: list[tuple[bytes, dict[str, Any]]] = []

    def decode(content: bytes, **keywords: Any) -> str:
        given.append((content, keywords))
        return "decoded"

    transport = colour.transport(lambda request: Response(200, content=b'{"a": 1}', request=request))
    client = colour.client(transport=transport, json_decoder=decode)
    response = colour.call(client.get, "http://h/")

    assert (response.json(), response.json(strict=True)) == ("decoded", "decoded")
    assert given == [(b'{"a": 1}', {}), (b'{"a": 1}', {"strict": True})]
    assert response.json(loads=json.loads) == {"a": 1}


def test_files_and_forms_are_sent(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)
    colour.call(client.post, HOME, data={"a": "1"}, files={"f": ("name.txt", b"content")})

    assert transport.requests[0].headers["content-type"].startswith("multipart/form-data; boundary=")
    body = colour.request_body(transport.requests[0])
    assert b'name="a"' in body
    assert b'filename="name.txt"' in body


@pytest.mark.parametrize("method", ["get", "options", "head", "delete", "post", "put", "patch", "query"])
def test_every_method_takes_every_argument(colour: Colour, method: str) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)
    arguments: dict[str, Any] = {
        "content": b"abc",
        "params": {"q": "1"},
        "headers": {"X-A": "1"},
        "cookies": {"c": "1"},
        "auth": ("ada", "secret"),
        "follow_redirects": True,
        "timeout": 7.0,
        "extensions": {"x": 1},
    }
    colour.call(getattr(client, method), HOME, **arguments)

    (request,) = transport.requests
    assert (request.method, request.content, str(request.url)) == (method.upper(), b"abc", f"{HOME}?q=1")
    assert {"x-a", "cookie", "authorization"} <= set(request.headers)
    assert (request.extensions["timeout"]["read"], request.extensions["x"]) == (7.0, 1)


def test_an_exchange_is_logged_without_what_is_nobodys_business(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    client = colour.client(transport=colour.transport())
    with caplog.at_level(logging.INFO, logger="courser"):
        colour.call(client.get, "https://ada:secret@home.example/x?token=secret#secret")

    assert caplog.messages == ['HTTP Request: GET https://home.example/x?token=… "HTTP/1.1 200 OK"']


def test_the_request_of_a_response_is_known_though_the_transport_did_not_say(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(lambda request: Response(404)))

    response = colour.call(client.get, HOME)

    assert response.url == HOME
    with pytest.raises(HTTPStatusError):
        response.raise_for_status()
