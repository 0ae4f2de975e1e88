"""Credentials: what `auth=` takes, whose goes first, and the contract of schemes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from colours import Colour
from courser_auth import Auth, BasicAuth
from courser_client import TooManyRedirects
from courser_models import Request, Response

HOME = "https://home.example/"
ADA = "Basic YWRhOnNlY3JldA=="


def sent(colour: Colour, settings: dict[str, Any], url: str = HOME, **arguments: Any) -> Request:
    """Send one request, and return what the transport saw."""
    transport = colour.transport()
    client = colour.client(transport=transport, **settings)
    colour.call(client.get, url, **arguments)
    (request,) = transport.requests
    return request


def add_token(request: Request) -> Request:
    request.headers["X-Token"] = "abc"
    return request


@pytest.mark.parametrize("where", ["of the call", "of the client"])
@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (("ada", "secret"), "authorization", ADA),
        ((b"ada", b"secret"), "authorization", ADA),
        (BasicAuth("ada", "secret"), "authorization", ADA),
        (add_token, "x-token", "abc"),
    ],
)
def test_auth_is_a_pair_a_scheme_or_a_function(colour: Colour, where: str, auth: Any, name: str, value: str) -> None:
    of_client, of_call = ({"auth": auth}, {}) if where == "of the client" else ({}, {"auth": auth})

    assert sent(colour, of_client, **of_call).headers[name] == value


@pytest.mark.parametrize("auth", ["ada:secret", ("ada",), ("a", "b", "c"), 5])
def test_what_is_no_credentials_is_refused(colour: Colour, auth: Any) -> None:
    with pytest.raises(TypeError, match="auth"):
        colour.client(auth=auth)
    with pytest.raises(TypeError, match="auth"):
        sent(colour, {}, auth=auth)


def test_the_call_goes_before_the_client_and_the_client_before_the_url(colour: Colour) -> None:
    url = "https://of:url@home.example/"
    other = BasicAuth("other", "pw")

    assert sent(colour, {}, url).headers["authorization"] == "Basic b2Y6dXJs"
    assert sent(colour, {"auth": ("ada", "secret")}, url).headers["authorization"] == ADA
    assert sent(colour, {"auth": other}, url, auth=("ada", "secret")).headers["authorization"] == ADA


def test_none_is_no_credentials_of_the_client(colour: Colour) -> None:
    assert "authorization" not in sent(colour, {"auth": ("ada", "secret")}, auth=None).headers


def test_credentials_leave_the_url(colour: Colour) -> None:
    request = sent(colour, {}, "https://a%40b:p%3Aw@home.example/x?y")

    assert str(request.url) == "https://home.example/x?y"
    assert request.headers["authorization"] == "Basic YUBiOnA6dw=="


def test_the_scheme_of_a_client_can_be_changed(colour: Colour) -> None:
    client = colour.client(transport=colour.transport())
    assert client.auth is None
    client.auth = ("ada", "secret")
    assert isinstance(client.auth, BasicAuth)
    client.auth = None
    assert client.auth is None


class TwoSteps(Auth):
    """Asks for a token first, and sends it then."""

    requires_response_body = True

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.ended = 0

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        try:
            response = yield Request("POST", "https://tokens.example/")
            self.seen.append(response.text)
            request.headers["Authorization"] = f"Bearer {response.text}"
            response = yield request
            self.seen.append(response.status_code)
        finally:
            self.ended += 1


def test_a_scheme_may_send_requests_of_its_own_and_reads_what_it_asks_for(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        if request.url.host == "tokens.example":
            return Response(200, stream=colour.chunks([b"t1"]), request=request)
        return Response(200, text=request.headers["authorization"], request=request)

    scheme = TwoSteps()
    client = colour.client(transport=colour.transport(answer), auth=scheme)
    response = colour.call(client.get, HOME)

    assert response.text == "Bearer t1"
    assert [past.text for past in response.history] == ["t1"]
    assert (scheme.seen, scheme.ended) == (["t1", 200], 1)


def test_a_scheme_is_left_when_sending_fails(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        raise KeyError("mine")

    scheme = TwoSteps()
    client = colour.client(transport=colour.transport(answer), auth=scheme)

    with pytest.raises(KeyError, match="mine"):
        colour.call(client.get, HOME)
    assert scheme.ended == 1


def test_a_scheme_that_fails_closes_the_response_it_was_given(colour: Colour) -> None:
    stream = colour.chunks([b"a"])

    class Failing(Auth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            yield request
            raise KeyError("mine")

    client = colour.client(transport=colour.transport(lambda request: Response(200, stream=stream)), auth=Failing())

    with pytest.raises(KeyError, match="mine"):
        colour.call(client.get, HOME)
    assert stream.closed


def test_another_origin_gets_no_answer_to_its_challenge(colour: Colour) -> None:
    class Answering(Auth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "secret"
                yield request

    def answer(request: Request) -> Response:
        if request.url.host == "home.example":
            return Response(302, headers={"Location": "https://other.example/"}, request=request)
        return Response(401, request=request)

    transport = colour.transport(answer)
    client = colour.client(transport=transport, auth=Answering(), follow_redirects=True)

    assert colour.call(client.get, HOME).status_code == 401
    assert [request.url.host for request in transport.requests] == ["home.example", "other.example"]


def test_a_challenge_is_read_no_further_than_anybody_writes_one_and_never_decoded(colour: Colour) -> None:
    stream = colour.chunks([b"x" * 10_000] * 1000)

    def answer(request: Request) -> Response:
        if "authorization" in request.headers:
            return Response(200, request=request)
        return Response(401, headers={"Content-Encoding": "gzip"}, stream=stream, request=request)

    client = colour.client(transport=colour.transport(answer), auth=Answer())
    response = colour.call(client.get, HOME)

    assert response.status_code == 200
    assert response.history[0].num_bytes_downloaded <= 80_000
    assert stream.closed


class Answer(Auth):
    """Answers a challenge, and notes that it was left."""

    def __init__(self) -> None:
        self.ended = 0

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        try:
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "secret"
                yield request
        finally:
            self.ended += 1


@pytest.mark.parametrize("where", ["the first", "the second", "a hook", "another origin"])
def test_a_scheme_is_left_however_the_exchange_ends(colour: Colour, where: str) -> None:
    def answer(request: Request) -> Response:
        is_second = "authorization" in request.headers
        if where == ("the second" if is_second else "the first"):
            raise KeyError("mine")
        if where == "another origin":
            return Response(307, headers={"Location": "https://other.example/"}, request=request)
        return Response(200 if is_second else 401, request=request)

    def fail(message: Any) -> None:
        raise KeyError("mine")

    scheme = Answer()
    hooks = {"response": [fail]} if where == "a hook" else {}
    client = colour.client(transport=colour.transport(answer), auth=scheme, event_hooks=hooks)

    if where == "another origin":
        client.follow_redirects, client.max_redirects = True, 0
        with pytest.raises(TooManyRedirects):
            colour.call(client.get, HOME)
    else:
        with pytest.raises(KeyError, match="mine"):
            colour.call(client.get, HOME)
    assert scheme.ended == 1


def test_a_scheme_that_fails_as_it_is_left_closes_the_response(colour: Colour) -> None:
    class Failing(Auth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            try:
                yield request
            finally:
                raise KeyError("mine")

    stream = colour.chunks([b"a"])
    redirected = Response(302, headers={"Location": "https://other.example/"})

    def answer(request: Request) -> Response:
        return redirected if request.url.host == "home.example" else Response(200, stream=stream, request=request)

    client = colour.client(transport=colour.transport(answer), auth=Failing(), follow_redirects=True)

    with pytest.raises(KeyError, match="mine"):
        colour.call(client.get, HOME)
    assert stream.closed


def test_a_scheme_without_a_request_is_told_so(colour: Colour) -> None:
    class Silent(Auth):
        def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
            yield from ()

    with pytest.raises(RuntimeError, match="the flow of Silent ended without a request; it has to yield one at least"):
        colour.call(colour.client(transport=colour.transport(), auth=Silent()).get, HOME)
