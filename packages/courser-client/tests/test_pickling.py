"""A client that is pickled or copied: settings travel, connections do not."""

import copy
import pickle
import ssl
from typing import Any

import pytest

from colours import Colour
from courser_auth import DigestAuth
from courser_client import AsyncClient, Client
from courser_models import Request, Response
from courser_transport import AsyncHTTPTransport, HTTPTransport, Limits, MockTransport, Timeout


def hook(anything: Any) -> None:
    """Do nothing; a function that a pickle can say where to find."""


def encode(value: Any) -> str:
    return "encoded"


def decode(content: bytes) -> str:
    return "decoded"


def answer(request: Request) -> Response:
    return Response(200, headers={"Set-Cookie": "seen=1"}, content=b"[]")


def policy(following: Request, response: Response) -> bool:
    return True


SETTINGS: dict[str, Any] = {
    "auth": DigestAuth("me", "secret"),
    "params": {"a": "1"},
    "headers": {"X-Name": "value"},
    "cookies": {"c": "2"},
    "timeout": Timeout(3.0, total=9.0),
    "follow_redirects": True,
    "max_redirects": 7,
    "event_hooks": {"request": [hook], "response": [hook]},
    "base_url": "https://example.org/api/",
    "trust_env": False,
    "default_encoding": "latin-1",
    "json_encoder": encode,
    "json_decoder": decode,
    "params_mode": "merge",
    "raise_for_status": True,
    "redirect_policy": policy,
    "sensitive_headers": ["x-api-key"],
}

copied = pytest.mark.parametrize(
    "copied", [lambda client: pickle.loads(pickle.dumps(client)), copy.deepcopy], ids=["pickled", "copied"]
)


@copied
def test_settings_travel(colour: Colour, copied: Any) -> None:
    client = copied(colour.client(**SETTINGS))

    assert isinstance(client, colour.client)
    assert (client.params["a"], client.headers["x-name"], dict(client.cookies)) == ("1", "value", {"c": "2"})
    assert (client.timeout, client.follow_redirects, client.max_redirects) == (Timeout(3.0, total=9.0), True, 7)
    assert (client.event_hooks, client.base_url) == (SETTINGS["event_hooks"], "https://example.org/api/")
    assert (client.trust_env, client.default_encoding, client.params_mode) == (False, "latin-1", "merge")
    assert (client.json_encoder, client.json_decoder, client.redirect_policy) == (encode, decode, policy)
    assert (client.raise_for_status, client.sensitive_headers) == (True, ("x-api-key",))
    assert isinstance(client.auth, DigestAuth)


@copied
def test_what_a_client_has_learnt_travels_and_is_its_own_from_then_on(colour: Colour, copied: Any) -> None:
    client = colour.client(transport=MockTransport(answer))
    colour.call(client.get, "http://example.org/")
    client.headers["X-Name"] = "value"

    other = copied(client)
    other.headers["X-Name"] = "another"
    other.cookies.set("more", "2")

    assert dict(other.cookies) == {"seen": "1", "more": "2"}
    assert (dict(client.cookies), client.headers["x-name"]) == ({"seen": "1"}, "value")


@copied
def test_a_client_that_was_opened_can_be_opened_where_it_goes(colour: Colour, copied: Any) -> None:
    with colour.block(colour.client(transport=MockTransport(answer))) as client:
        other = copied(client)

    assert (client.is_closed, other.is_closed) == (True, False)
    with colour.block(other):
        assert colour.call(other.get, "http://example.org/").status_code == 200


@copied
def test_a_client_that_was_closed_stays_closed(colour: Colour, copied: Any) -> None:
    client = colour.client(transport=MockTransport(answer))
    colour.close(client)

    assert copied(client).is_closed


class Extended(Client):
    """A client that somebody extended."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.name = name


def test_an_extended_client_takes_its_own_along() -> None:
    client = pickle.loads(pickle.dumps(Extended("mine", timeout=1.0)))

    assert (type(client), client.name, client.timeout) == (Extended, "mine", Timeout(1.0))


@pytest.mark.parametrize("kind", [HTTPTransport, AsyncHTTPTransport])
def test_a_transport_travels_as_what_it_was_made_with(kind: Any) -> None:
    limits = Limits(max_connections=3, max_keepalive_connections=2, keepalive_expiry=1.0)
    transport = pickle.loads(pickle.dumps(kind(False, trust_env=False, limits=limits, retries=2)))

    assert type(transport) is kind
    assert transport._made_with == ((False,), {"trust_env": False, "limits": limits, "retries": 2})


def test_a_transport_that_was_closed_is_open_where_it_goes() -> None:
    transport = HTTPTransport()
    transport.close()

    client = Client(transport=pickle.loads(pickle.dumps(transport)))

    with pytest.raises(Exception, match="only http:// and https://"):
        client.get("gopher://example.org/")


def test_what_cannot_travel_says_so() -> None:
    client = Client(verify=ssl.create_default_context())

    with pytest.raises(TypeError, match="cannot pickle 'SSLContext' object"):
        pickle.dumps(client)


def test_a_response_travels_with_a_decoder_that_can_be_found_and_without_another() -> None:
    for decoder, read in [(decode, "decoded"), (lambda content: "decoded here", [])]:
        response = Client(transport=MockTransport(answer), json_decoder=decoder).get("http://example.org/")

        assert pickle.loads(pickle.dumps(response)).json() == read


def test_both_clients_are_copied_in_the_same_way() -> None:
    assert AsyncClient.__getstate__ is Client.__getstate__


@copied
def test_mounts_and_proxies_travel(colour: Colour, copied: Any) -> None:
    mounts = {"all://mock.example": MockTransport(answer)}
    client = copied(colour.client(mounts=mounts, proxy="http://me:secret@proxy.example:8080"))

    assert colour.call(client.get, "http://mock.example/").status_code == 200
    through = client._transport_for_url(client.build_request("GET", "http://other.example/").url)
    assert through is not client._transport
    assert isinstance(through, HTTPTransport | AsyncHTTPTransport)
