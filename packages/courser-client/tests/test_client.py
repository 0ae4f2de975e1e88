"""The two doors: every method sends what its name says, and both have the same signatures."""

import inspect
from typing import Any

import pytest

from colours import Colour
from courser_client import AsyncClient, Client

# What is named otherwise in the async door.
OTHER_NAMES = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
DOORS = sorted(
    name
    for name in dir(Client)
    if callable(getattr(Client, name)) and (not name.startswith("_") or name in ("__init__", *OTHER_NAMES))
)


@pytest.mark.parametrize("method", ["get", "options", "head", "delete", "post", "put", "patch"])
def test_a_method_sends_what_its_name_says(colour: Colour, method: str) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport, base_url="http://h/api")

    response = colour.call(
        getattr(client, method),
        "items",
        params={"a": 1},
        headers={"X": "y"},
        timeout=3.0,
        extensions={"note": 1},
    )

    (request,) = transport.requests
    assert (request.method, str(request.url), request.headers["X"]) == (method.upper(), "http://h/api/items?a=1", "y")
    assert request.extensions == {"note": 1, "timeout": dict.fromkeys(["connect", "read", "write", "pool"], 3.0)}
    assert (response.text, response.request) == ("hello", request)


@pytest.mark.parametrize("method", ["post", "put", "patch"])
@pytest.mark.parametrize(
    ("body", "content"), [({"content": b"c"}, b"c"), ({"data": {"d": 1}}, b"d=1"), ({"json": {"j": 1}}, b'{"j":1}')]
)
def test_a_method_that_sends_content_takes_it_in_every_form(
    colour: Colour, method: str, body: dict[str, Any], content: bytes
) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)

    colour.call(getattr(client, method), "http://h/", **body)

    assert (transport.requests[0].method, transport.requests[0].content) == (method.upper(), content)


def test_request_and_stream_take_any_method_and_every_argument(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)
    arguments: dict[str, Any] = {
        "json": 1,
        "params": {"a": 1},
        "headers": {"X": "y"},
        "timeout": None,
        "extensions": {"note": 1},
    }

    colour.call(client.request, "propfind", "http://h/", **arguments)
    with colour.block(client.stream("propfind", "http://h/", **arguments)):
        pass

    assert len(transport.requests) == 2
    for request in transport.requests:
        assert (request.method, str(request.url), request.content) == ("PROPFIND", "http://h/?a=1", b"1")
        assert request.headers["X"] == "y"
        assert request.extensions == {"note": 1, "timeout": dict.fromkeys(["connect", "read", "write", "pool"])}


def parameters(door: type, name: str) -> dict[str, tuple[Any, ...]]:
    signature = inspect.signature(getattr(door, name))
    return {
        parameter.name: (parameter.kind, parameter.default, str(parameter.annotation).replace("AsyncBase", "Base"))
        for parameter in signature.parameters.values()
    }


@pytest.mark.parametrize("name", DOORS)
def test_both_doors_have_the_same_parameters(name: str) -> None:
    assert parameters(Client, name) == parameters(AsyncClient, OTHER_NAMES.get(name, name))


def test_neither_door_has_a_name_that_the_other_has_not() -> None:
    def public(door: type) -> set[str]:
        return {name for name in dir(door) if not name.startswith("_")}

    assert {OTHER_NAMES.get(name, name) for name in public(Client)} == public(AsyncClient)


@pytest.mark.parametrize("name", [name for name in DOORS if name[0] != "_"])
def test_a_door_says_what_it_does(name: str) -> None:
    documented = inspect.getdoc(getattr(Client, name))

    assert documented
    assert documented == inspect.getdoc(getattr(AsyncClient, OTHER_NAMES.get(name, name)))


@pytest.mark.parametrize("name", ["request", "stream", "build_request"])
def test_what_takes_a_method_and_a_url_takes_the_rest_by_name(name: str) -> None:
    kinds = [parameter.kind for parameter in inspect.signature(getattr(Client, name)).parameters.values()]

    assert kinds[:3] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 3
    assert set(kinds[3:]) == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_client_takes_its_settings_by_name_only(make: Any) -> None:
    with pytest.raises(TypeError):
        make("http://h/")


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_client_without_a_protocol_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="http1=False leaves no protocol to speak"):
        make(http1=False)
