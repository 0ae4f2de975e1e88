"""What libraries written for HTTPX override, replace or ask for on a client, though its name is private."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from colours import AsyncRecorder, Colour
from courser_client import AsyncClient
from courser_models import Request, Response
from courser_transport import Limits


def test_a_subclass_decides_what_sends_its_requests(colour: Colour) -> None:
    asked: list[dict[str, Any]] = []

    class Wrapped(colour.client):  # type: ignore[name-defined, misc]  # a base found out at run time
        def _init_transport(self, transport: Any = None, **settings: Any) -> Any:
            asked.append(settings)
            return colour.transport(lambda request: Response(200, text="wrapped", request=request))

    client = Wrapped(http2=True, limits=Limits(max_connections=3))

    assert colour.call(client.get, "http://h/").text == "wrapped"
    (settings,) = asked
    assert settings.keys() == {"verify", "cert", "trust_env", "http1", "http2", "limits"}
    assert (settings["http2"], settings["limits"].max_connections) == (True, 3)


def _own(base: Any) -> Any:
    """Return a `request` around the client's own."""

    def request(client: Any, method: str, url: str, **keywords: Any) -> Any:
        return base(client, method, "http://h/own" + url, **keywords)

    return request


@pytest.mark.parametrize("how", ["subclass", "class", "instance"])
def test_the_methods_call_the_request_that_a_program_has_in_its_place(
    colour: Colour, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    transport = colour.transport()
    own = _own(colour.client.request)
    if how == "subclass":
        client = type("Mine", (colour.client,), {"request": own})(transport=transport)
    else:
        client = colour.client(transport=transport)
        if how == "class":
            monkeypatch.setattr(colour.client, "request", own)
        else:
            client.request = own.__get__(client)

    for method in ("get", "options", "head", "delete", "post", "put", "patch", "query"):
        colour.call(getattr(client, method), f"/{method}", headers={"x-mine": method})

    asked = [(request.method.lower(), request.url.path, request.headers["x-mine"]) for request in transport.requests]
    assert asked == [
        (method, f"/own/{method}", method)
        for method in ("get", "options", "head", "delete", "post", "put", "patch", "query")
    ]


def test_a_mock_in_the_place_of_request_is_awaited() -> None:
    client = AsyncClient(transport=AsyncRecorder())
    client.request = AsyncMock(return_value=Response(204))  # type: ignore[method-assign]

    assert asyncio.run(client.post("http://h/", json={"a": 1}, timeout=3.0)).status_code == 204
    client.request.assert_awaited_once()
    assert client.request.await_args.args == ("POST", "http://h/")
    assert client.request.await_args.kwargs["json"] == {"a": 1}
    assert client.request.await_args.kwargs["timeout"] == 3.0


def test_a_transport_that_is_given_is_the_one_that_sends(colour: Colour) -> None:
    transport = colour.transport()

    assert colour.client(transport=transport)._init_transport(transport=transport) is transport


def test_what_is_put_in_the_place_of_transport_for_url_is_asked(
    colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = colour.transport(), colour.transport()
    asked: list[str] = []

    def _transport_for_url(client: Any, url: Any) -> Any:
        asked.append(str(url))
        return other

    client = colour.client(transport=own)
    assert client._transport_for_url(Request("GET", "http://h/").url) is own
    with monkeypatch.context() as patching:
        patching.setattr(colour.client, "_transport_for_url", _transport_for_url)
        colour.call(client.get, "http://h/patched")
    colour.call(client.get, "http://h/not")

    assert asked == ["http://h/patched"]
    assert [request.url.path for request in other.requests] == ["/patched"]
    assert [request.url.path for request in own.requests] == ["/not"]


@pytest.mark.parametrize("url", ["items?a=1", "/items", "http://other/", ""])
def test_merge_url_says_where_a_request_would_go(colour: Colour, url: str) -> None:
    client = colour.client(transport=colour.transport(), base_url="http://h/api")

    assert client._merge_url(url) == client.build_request("GET", url).url


def test_mounts_are_a_dictionary(colour: Colour) -> None:
    assert colour.client(transport=colour.transport())._mounts == {}
