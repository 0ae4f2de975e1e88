"""The functions without a client: each is one client, one request, and the end of both."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import courser_client
from courser_client import Client
from courser_models import Request, Response, SyncByteStream
from courser_transport import HTTPTransport, Proxy, ReadTimeout, Timeout

METHODS = ["get", "options", "head", "delete", "post", "put", "patch", "query"]


class Network:
    """What the clients that the functions make talk to: notes requests, how clients were made, and when they close."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.settings: list[dict[str, Any]] = []
        self.closed = 0
        self.answers: list[Response | Exception] = []

    def handle(self, transport: HTTPTransport, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else Response(200, text="hello")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    network = Network()

    def make(transport: HTTPTransport, **settings: Any) -> None:
        network.settings.append(settings)

    def close(transport: HTTPTransport) -> None:
        network.closed += 1

    monkeypatch.setattr(HTTPTransport, "__init__", make)
    monkeypatch.setattr(HTTPTransport, "close", close)
    monkeypatch.setattr(HTTPTransport, "handle_request", lambda transport, request: network.handle(transport, request))
    yield network
    assert network.closed == len(network.settings)


@pytest.mark.parametrize("name", METHODS)
def test_a_function_sends_what_its_name_says(network: Network, name: str) -> None:
    response = getattr(courser_client, name)("http://example.org/a")

    assert (response.status_code, response.text, response.is_closed) == (200, "hello", True)
    assert [(request.method, str(request.url)) for request in network.requests] == [
        (name.upper(), "http://example.org/a")
    ]


@pytest.mark.parametrize("name", [*METHODS, "request", "stream"])
def test_every_argument_arrives(network: Network, name: str) -> None:
    function = getattr(courser_client, name)
    arguments = ("PUT", "http://example.org/") if name in ("request", "stream") else ("http://example.org/",)
    keywords = {
        "params": {"a": "1"},
        "json": {"b": 2},
        "headers": {"X-Name": "value"},
        "cookies": {"c": "3"},
        "auth": ("me", "secret"),
        "timeout": Timeout(7.0),
        "follow_redirects": True,
        "verify": False,
        "cert": ("cert.pem", "key.pem"),
        "trust_env": False,
        "proxy": "http://proxy.example:3128",
    }
    network.answers = [Response(307, headers={"Location": "/there"}), Response(200)]

    if name == "stream":
        with function(*arguments, **keywords):
            pass
    else:
        function(*arguments, **keywords)

    first, second = network.requests
    assert str(first.url) == "http://example.org/?a=1"
    assert first.content == b'{"b":2}'
    assert (first.headers["x-name"], first.headers["authorization"][:6]) == ("value", "Basic ")
    assert first.extensions["timeout"] == Timeout(7.0).as_dict()
    # The cookies are the client's, so a redirect takes them along.
    assert (str(second.url), second.headers["cookie"]) == ("http://example.org/there", "c=3")
    direct, proxied = network.settings
    for settings in (direct, proxied):
        assert {key: settings[key] for key in ("verify", "cert", "trust_env")} == {
            "verify": False,
            "cert": ("cert.pem", "key.pem"),
            "trust_env": False,
        }
    assert proxied["proxy"] == Proxy("http://proxy.example:3128")


@pytest.mark.parametrize("argument", [{"content": b"x=1"}, {"data": {"x": "1"}}])
@pytest.mark.parametrize("name", METHODS)
def test_every_function_takes_a_body(network: Network, name: str, argument: dict[str, Any]) -> None:
    getattr(courser_client, name)("http://example.org/", **argument)

    assert network.requests[0].content == b"x=1"


def test_a_redirect_is_not_followed_unless_told_to(network: Network) -> None:
    network.answers = [Response(307, headers={"Location": "/there"})]

    response = courser_client.get("http://example.org/")

    assert response.status_code == 307
    assert response.next_request is not None


def test_a_failure_closes_the_client(network: Network) -> None:
    network.answers = [ReadTimeout("too slow")]

    with pytest.raises(ReadTimeout):
        courser_client.get("http://example.org/")

    assert network.closed == 1


class Chunks(SyncByteStream):
    def __init__(self) -> None:
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        for self.given in (1, 2, 3):
            yield b"x"


def test_a_streamed_response_is_read_in_the_block_and_closed_with_it(network: Network) -> None:
    chunks = Chunks()
    network.answers = [Response(200, stream=chunks)]

    with courser_client.stream("GET", "http://example.org/") as response:
        assert (chunks.given, network.closed) == (0, 0)
        assert next(response.iter_raw()) == b"x"

    assert (chunks.given, network.closed, response.is_closed) == (1, 1, True)


@pytest.mark.parametrize("name", METHODS)
def test_what_the_functions_take_is_what_request_takes(name: str) -> None:
    function = inspect.signature(getattr(courser_client, name)).parameters
    request = inspect.signature(courser_client.request).parameters

    assert {key: (value.default, value.annotation) for key, value in function.items()} == {
        key: (value.default, value.annotation) for key, value in request.items() if key != "method"
    }


def test_what_a_client_takes_for_all_requests_the_functions_take_for_one() -> None:
    ours = inspect.signature(courser_client.request).parameters

    assert set(ours) <= set(inspect.signature(Client.request).parameters) | set(inspect.signature(Client).parameters)
