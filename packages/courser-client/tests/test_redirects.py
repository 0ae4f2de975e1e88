"""Redirects: where they lead, with what method, body and fields, and what stays behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from colours import Answer, Colour
from courser_client import TooManyRedirects
from courser_models import Headers, Request, Response, StreamConsumed
from courser_transport import RemoteProtocolError

HOME = "https://home.example/"


def redirects(to: str, status: int = 302, **arguments: Any) -> Answer:
    """Answer the first request with a redirect, and what follows with its method and body."""

    def answer(request: Request) -> Response:
        if "x-followed" not in request.extensions:
            request.extensions["x-followed"] = True
            return Response(status, headers={"Location": to}, request=request, **arguments)
        return Response(200, text=f"{request.method} {request.content.decode()}", request=request)

    return answer


def follow(colour: Colour, answer: Answer, url: str = HOME, method: str = "GET", **arguments: Any) -> Any:
    """Send one request and follow; return the response and the requests that the transport saw."""
    transport = colour.transport(answer)
    settings = arguments.pop("settings", {})
    client = colour.client(transport=transport, follow_redirects=True, **settings)
    return colour.call(client.request, method, url, **arguments), transport.requests


def test_a_redirect_is_not_followed_unless_asked_for(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(redirects("/there")))

    response = colour.call(client.get, HOME)

    assert (response.status_code, response.history) == (302, [])
    assert str(response.next_request.url) == "https://home.example/there"
    assert colour.call(client.send, response.next_request).text == "GET "


def test_a_call_goes_before_the_client(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(redirects("/there")))
    assert colour.call(client.get, HOME, follow_redirects=True).status_code == 200
    client = colour.client(transport=colour.transport(redirects("/there")), follow_redirects=True)
    assert colour.call(client.get, HOME, follow_redirects=False).status_code == 302


def test_the_responses_on_the_way_are_its_history(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        left = int(request.url.path[1:])
        if left:
            return Response(302, headers={"Location": f"/{left - 1}"}, text=f"{left}", request=request)
        return Response(200, request=request)

    response, requests = follow(colour, answer, "https://home.example/3")

    assert [past.url.path for past in response.history] == ["/3", "/2", "/1"]
    assert [len(past.history) for past in response.history] == [0, 1, 2]
    assert [past.text for past in response.history] == ["3", "2", "1"]
    assert (response.url.path, len(requests)) == ("/0", 4)


@pytest.mark.parametrize(
    ("status", "method", "following"),
    [
        *((301, method, followed) for method, followed in [("GET", "GET"), ("POST", "GET"), ("PUT", "PUT")]),
        *((302, method, followed) for method, followed in [("POST", "GET"), ("PUT", "GET"), ("HEAD", "HEAD")]),
        *((303, method, followed) for method, followed in [("POST", "GET"), ("DELETE", "GET"), ("HEAD", "HEAD")]),
        *((status, method, method) for status in (307, 308) for method in ("GET", "POST", "PUT", "DELETE")),
    ],
)
def test_the_method_that_follows(colour: Colour, status: int, method: str, following: str) -> None:
    _, requests = follow(colour, redirects("/there", status), method=method, content=b"abc")

    kept = "abc" if following == method else ""
    assert requests[1].method == following
    assert requests[1].content.decode() == kept
    assert ("content-length" in requests[1].headers) == bool(kept)


def test_a_body_that_is_left_behind_takes_its_fields_along(colour: Colour) -> None:
    headers = {"Content-Type": "a/b", "Content-Encoding": "x", "Content-Language": "de", "Expect": "100-continue"}
    _, requests = follow(colour, redirects("/there", 303), method="POST", content=b"abc", headers=headers)

    left = {name for name in requests[1].headers if name.startswith("content-") or name in ("expect", "te")}
    assert left == set()


def test_a_body_is_sent_again_from_where_it_began(colour: Colour) -> None:
    file = io.BytesIO(b"--abc")
    file.seek(2)

    def answer(request: Request) -> Response:
        if request.url.path == "/":
            assert colour.request_body(request) == b"abc"
            return Response(307, headers={"Location": "/there"}, request=request)
        return Response(200, content=colour.request_body(request), request=request)

    response, requests = follow(colour, answer, method="POST", content=file)

    assert response.content == b"abc"
    assert requests[1].headers["content-length"] == "3"


def test_a_body_that_was_read_and_cannot_be_read_again_is_an_error_before_anything_is_sent(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        colour.request_body(request)
        return Response(307, headers={"Location": "/there"}, request=request)

    transport = colour.transport(answer)
    client = colour.client(transport=transport, follow_redirects=True)

    with pytest.raises(
        StreamConsumed, match=r"^307 redirects POST https://home\.example/ to https://home\.example/there"
    ):
        colour.call(client.post, HOME, content=colour.generator([b"a"]))
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/there", "https://home.example/there"),
        ("there?a=b", "https://home.example/x/there?a=b"),
        ("../up", "https://home.example/up"),
        ("?q", "https://home.example/x/y?q"),
        ("//other.example/z", "https://other.example/z"),
        ("http://other.example:81/z", "http://other.example:81/z"),
        ("https:///other.example/z", "https://other.example/z"),
        ("https:/other/z", "https://home.example/other/z"),  # of the same scheme, so it is relative (WHATWG URL)
        ("https:\\\\other.example\\z", "https://other.example/z"),
        ("/\\other.example/z", "https://other.example/z"),
        ("#part", "https://home.example/x/y?old#part"),
        ("https://other.example:443/z", "https://other.example/z"),
        ("/a%zz", "https://home.example/a%zz"),
        ("", "https://home.example/x/y?old"),
        ("/ünï code", "https://home.example/%C3%BCn%C3%AF%20code"),
        ("https://user:secret@other.example/", "https://other.example/"),
    ],
)
def test_where_a_location_leads(colour: Colour, location: str, url: str) -> None:
    headers = Headers([("Location", location.encode())])

    def answer(request: Request) -> Response:
        is_first = request.url.path == "/x/y" and request.url.query == b"old" and not transport.requests[1:]
        return Response(302, headers=headers, request=request) if is_first else Response(200, request=request)

    transport = colour.transport(answer)
    client = colour.client(transport=transport, follow_redirects=True)
    colour.call(client.get, "https://home.example/x/y?old")

    assert str(transport.requests[1].url) == url
    assert transport.requests[1].headers["host"] == transport.requests[1].url.netloc.decode()
    assert "authorization" not in transport.requests[1].headers


def test_a_fragment_goes_along_unless_there_is_another(colour: Colour) -> None:
    response, _ = follow(colour, redirects("/there"), f"{HOME}#part")
    assert response.url.fragment == "part"
    response, _ = follow(colour, redirects("/there#other"), f"{HOME}#part")
    assert response.url.fragment == "other"


@pytest.mark.parametrize(
    "location",
    [
        "http://h:99999/",
        "http://[",
        "http://h h/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "mailto:me",
        "https://",
    ],
)
def test_a_location_that_is_none_is_an_error_for_who_follows_and_only_for_him(colour: Colour, location: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^https://home\.example/ redirects to ") as caught:
        follow(colour, redirects(location))
    assert caught.value.request.url == HOME

    client = colour.client(transport=colour.transport(redirects(location)))
    response = colour.call(client.get, HOME)
    assert (response.status_code, response.next_request) == (302, None)


def test_a_location_in_latin_1_leads_somewhere(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        status = 302 if request.url.path == "/" else 200
        return Response(status, headers=[(b"Location", b"/caf\xe9")], request=request)

    _, requests = follow(colour, answer)

    assert str(requests[1].url) == "https://home.example/caf%C3%A9"


def test_a_location_that_is_there_twice_is_one(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        status = 302 if request.url.path == "/" else 200
        return Response(status, headers=[("Location", "/a"), ("Location", "/a")], request=request)

    assert follow(colour, answer)[1][1].url.path == "/a"


def test_two_locations_are_an_error(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        return Response(302, headers=[("Location", "/a"), ("Location", "/b")], request=request)

    with pytest.raises(RemoteProtocolError, match="redirects to 2 different places"):
        follow(colour, answer)


def test_a_client_follows_so_often_and_no_further(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        return Response(302, headers={"Location": "/again"}, request=request)

    transport = colour.transport(answer)
    client = colour.client(transport=transport, follow_redirects=True, max_redirects=3)

    with pytest.raises(
        TooManyRedirects, match=r"^more than 3 redirects, the last to https://home\.example/again"
    ) as caught:
        colour.call(client.get, HOME)
    assert len(transport.requests) == 4
    assert caught.value.request.url.path == "/again"


# What stays behind

SECRETS = {
    "Authorization": "Bearer secret",
    "Proxy-Authorization": "Basic secret",
    "Proxy-Token": "secret",
    "Cookie": "session=secret",
    "Cookie2": "session=secret",
    "X-Api-Key": "secret",
}
CHANGES = {
    "another host": "https://other.example/",
    "a host below": "https://www.home.example/",
    "another port": "https://home.example:8443/",
    "another scheme": "http://home.example/",
    "there and back again": "https://other.example/back",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("source", ["of the call", "of the client", "twice"])
def test_a_secret_stays_with_its_origin(colour: Colour, change: str, name: str, source: str) -> None:
    def answer(request: Request) -> Response:
        hop = len(transport.requests)
        if hop == 1:
            return Response(307, headers={"Location": CHANGES[change]}, request=request)
        if request.url.path == "/back":
            return Response(307, headers={"Location": HOME}, request=request)
        return Response(200, request=request)

    fields = [(name, SECRETS[name])] * (2 if source == "twice" else 1)
    of_client = {"headers": fields} if source == "of the client" else {}
    of_call = {} if source == "of the client" else {"headers": fields}
    transport = colour.transport(answer)
    client = colour.client(transport=transport, follow_redirects=True, sensitive_headers=["X-Api-Key"], **of_client)
    colour.call(client.get, HOME, **of_call)

    assert "secret" in str(transport.requests[0].headers.raw)
    assert len(transport.requests) == (3 if change == "there and back again" else 2)
    for request in transport.requests[1:]:
        assert "secret" not in str(request.headers.raw)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("how", ["auth", "the URL", "cookies", "the client's auth"])
def test_credentials_stay_with_their_origin(colour: Colour, change: str, how: str) -> None:
    def answer(request: Request) -> Response:
        if len(transport.requests) == 1:
            return Response(302, headers={"Location": CHANGES[change]}, request=request)
        if request.url.path == "/back":
            return Response(302, headers={"Location": HOME}, request=request)
        return Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'}, request=request)

    transport = colour.transport(answer)
    settings: dict[str, Any] = {"auth": ("ada", "secret")} if how == "the client's auth" else {}
    client = colour.client(transport=transport, follow_redirects=True, **settings)
    url = "https://ada:secret@home.example/" if how == "the URL" else HOME
    arguments: dict[str, Any] = {"auth": {"auth": ("ada", "secret")}, "cookies": {"cookies": {"a": "secret"}}}.get(
        how, {}
    )
    colour.call(client.get, url, **arguments)

    first, *others = transport.requests
    assert first.headers.get("authorization", first.headers.get("cookie")) in ("Basic YWRhOnNlY3JldA==", "a=secret")
    for request in others:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        assert not request.url.userinfo


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_said_of_one_origin_in_the_extensions_stays_with_it(colour: Colour, change: str) -> None:
    extensions = {"sni_hostname": "home.example", "note": "kept"}
    _, requests = follow(colour, redirects(CHANGES[change]), extensions=extensions)

    assert requests[0].extensions["sni_hostname"] == "home.example"
    for request in requests[1:]:
        assert "sni_hostname" not in request.extensions
        assert request.extensions["note"] == "kept"


def test_an_upgrade_of_the_same_host_keeps_credentials(colour: Colour) -> None:
    _, requests = follow(colour, redirects("https://home.example/x"), "http://home.example/", auth=("ada", "secret"))
    assert requests[1].headers["authorization"] == "Basic YWRhOnNlY3JldA=="


def test_the_same_origin_keeps_credentials(colour: Colour) -> None:
    _, requests = follow(colour, redirects("https://home.example:443/x"), auth=("ada", "secret"))
    assert requests[1].headers["authorization"] == "Basic YWRhOnNlY3JldA=="


# What is read of a redirect


def test_the_body_of_a_redirect_is_read_no_further_than_anybody_writes_one_and_never_decoded(colour: Colour) -> None:
    taken: list[int] = []

    def chunks() -> list[bytes]:
        return [b"x" * 10_000] * 1000

    class Counting(colour.chunks):  # type: ignore[name-defined, misc]  # chosen at run time
        def note(self, chunk: bytes) -> bytes:
            taken.append(len(chunk))
            return chunk

    stream = Counting(chunks())
    stream.chunks = _Noting(stream.chunks, taken)

    def answer(request: Request) -> Response:
        if request.url.path == "/":
            headers = {"Location": "/there", "Content-Encoding": "gzip"}  # which it is not: decoding it would fail
            return Response(302, headers=headers, stream=stream, request=request)
        return Response(200, request=request)

    response, _ = follow(colour, answer)

    assert response.status_code == 200
    assert 65536 < sum(taken) < 65536 + 20_000
    assert stream.closed


class _Noting(list[bytes]):
    """Chunks that note what was taken of them."""

    def __init__(self, chunks: list[bytes], taken: list[int]) -> None:
        super().__init__(chunks)
        self._taken = taken

    def __iter__(self) -> Any:
        for chunk in super().__iter__():
            self._taken.append(len(chunk))
            yield chunk


# Who decides


def test_a_policy_decides_what_is_followed(colour: Colour) -> None:
    def policy(request: Request, response: Response) -> bool:
        asked.append((str(request.url), response.status_code))
        return request.url.host == "home.example"

    asked: list[tuple[str, int]] = []
    settings = {"redirect_policy": policy}
    assert follow(colour, redirects("/there"), settings=settings)[0].status_code == 200
    response, requests = follow(colour, redirects("https://other.example/"), settings=settings)

    assert (response.status_code, len(requests)) == (302, 1)
    assert str(response.next_request.url) == "https://other.example/"
    assert asked == [("https://home.example/there", 302), ("https://other.example/", 302)]


def test_a_policy_that_fails_closes_the_redirect(colour: Colour) -> None:
    stream = colour.chunks([b"moved"])

    def policy(request: Request, response: Response) -> bool:
        raise KeyError("mine")

    def answer(request: Request) -> Response:
        return Response(302, headers={"Location": "/there"}, stream=stream, request=request)

    with pytest.raises(KeyError, match="mine"):
        follow(colour, answer, settings={"redirect_policy": policy})
    assert stream.closed


def test_a_response_that_only_looks_like_a_redirect_is_the_answer(colour: Colour) -> None:
    for status, headers in [(302, {}), (304, {"Location": "/x"}), (300, {"Location": "/x"}), (201, {"Location": "/x"})]:
        transport = colour.transport(_plain(status, headers))
        client = colour.client(transport=transport, follow_redirects=True)
        response = colour.call(client.get, HOME)
        assert (response.status_code, response.next_request, len(transport.requests)) == (status, None, 1)


def _plain(status: int, headers: dict[str, str]) -> Callable[[Request], Response]:
    return lambda request: Response(status, headers=headers, request=request)
