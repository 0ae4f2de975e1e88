"""`app=`: a client of an app in the same process."""

from collections.abc import Iterable
from typing import Any

import pytest

from colours import Colour
from courser_transport import ASGITransport, WSGITransport


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"seen=1")]})
    for piece in (scope["method"].encode(), b" ", scope["path"].encode(), b" ", body):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


def wsgi_app(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Set-Cookie", "seen=1")])
    yield f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode()
    yield environ["wsgi.input"].read()


def app_of(colour: Colour) -> Any:
    return asgi_app if colour.client.__name__ == "AsyncClient" else wsgi_app


def test_a_client_talks_to_an_app(colour: Colour) -> None:
    client = colour.client(app=app_of(colour), base_url="http://test/")

    response = colour.call(client.post, "/items", content=b"data")

    assert response.text == "POST /items data"
    assert dict(client.cookies) == {"seen": "1"}
    colour.close(client)


def test_a_response_of_an_app_is_streamed(colour: Colour) -> None:
    with (
        colour.block(colour.client(app=app_of(colour))) as client,
        colour.block(client.stream("GET", "http://test/a")) as response,
    ):
        assert not response.is_closed
        assert colour.read(response) == b"GET /a "


def test_app_is_short_for_a_transport(colour: Colour) -> None:
    client = colour.client(app=app_of(colour))

    assert isinstance(client._transport, ASGITransport | WSGITransport)
    assert client._transport.app is app_of(colour)
    assert client._transport.raise_app_exceptions


def test_app_and_transport_at_once_are_refused(colour: Colour) -> None:
    with pytest.raises(ValueError, match="give app or transport, not both"):
        colour.client(app=app_of(colour), transport=colour.transport())
