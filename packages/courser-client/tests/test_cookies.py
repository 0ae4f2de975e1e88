"""Cookies: kept from responses, sent where they belong, or not kept at all."""

from __future__ import annotations

from typing import Any

import pytest

from colours import Colour
from courser_models import Cookies, Request, Response

HOME = "https://home.example/"


def sets(*lines: str) -> Any:
    """Answer with cookies, and with the cookies of the request as text."""

    def answer(request: Request) -> Response:
        headers = [("Set-Cookie", line) for line in lines]
        return Response(200, headers=headers, text=request.headers.get("cookie", ""), request=request)

    return answer


def test_cookies_come_back_where_they_belong(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(sets("a=1; Path=/", "b=2; Path=/x")))

    assert colour.call(client.get, HOME).text == ""
    assert colour.call(client.get, HOME).text == "a=1"
    assert colour.call(client.get, f"{HOME}x/y").text == "b=2; a=1"
    assert colour.call(client.get, "https://other.example/").text == ""
    assert client.cookies.get("a", domain="home.example") == "1"


def test_a_client_may_have_cookies_to_begin_with(colour: Colour) -> None:
    for cookies in ({"a": "1"}, [("a", "1")], Cookies({"a": "1"})):
        client = colour.client(transport=colour.transport(sets()), cookies=cookies)
        assert colour.call(client.get, HOME).text == "a=1"
    client.cookies = {"b": "2"}
    assert colour.call(client.get, HOME).text == "b=2"


def test_cookies_of_a_call_are_added_and_go_before_the_clients(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(sets()), cookies={"a": "1", "b": "2"})

    assert sorted(colour.call(client.get, HOME, cookies={"b": "3", "c": "4"}).text.split("; ")) == ["a=1", "b=3", "c=4"]
    assert colour.call(client.get, HOME).text == "a=1; b=2"


def test_a_cookie_field_of_the_caller_stays_as_it_is(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(sets()), cookies={"a": "1"})

    assert colour.call(client.get, HOME, headers={"Cookie": "mine"}).text == "mine"


def test_cookies_that_a_redirect_sets_are_sent_to_where_it_leads(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        if request.url.path == "/":
            headers = {"Location": "/there", "Set-Cookie": "a=1; Path=/"}
            return Response(302, headers=headers, request=request)
        return Response(200, text=request.headers.get("cookie", ""), request=request)

    client = colour.client(transport=colour.transport(answer), follow_redirects=True)

    assert colour.call(client.get, HOME).text == "a=1"


@pytest.mark.parametrize(
    ("to", "cookies"),
    [
        ("/there", "of-all=1; of-home=2"),
        ("https://other.example/there", ""),
        ("https://home.example:8443/there", "of-home=2"),
        ("https://www.home.example/there", "of-domain=3"),
    ],
)
def test_cookies_for_every_host_stay_behind_where_a_redirect_leads_away(colour: Colour, to: str, cookies: str) -> None:
    def answer(request: Request) -> Response:
        if request.url.path == "/":
            return Response(302, headers={"Location": to, "Set-Cookie": "of-home=2; Path=/"}, request=request)
        return Response(200, text=request.headers.get("cookie", ""), request=request)

    client = colour.client(transport=colour.transport(answer), cookies={"of-all": "1"}, follow_redirects=True)
    client.cookies.set("of-domain", "3", domain="www.home.example")

    assert colour.call(client.get, HOME).text == cookies
    redirect = colour.call(client.get, HOME, follow_redirects=False)
    assert redirect.next_request.headers.get("cookie", "") == cookies
    # Who is asked by the program itself gets them.
    assert "of-all=1" in colour.call(client.get, "https://other.example/there").text


def test_an_upgrade_to_tls_keeps_the_cookies_for_every_host(colour: Colour) -> None:
    def answer(request: Request) -> Response:
        if request.url.scheme == "http":
            return Response(301, headers={"Location": HOME}, request=request)
        return Response(200, text=request.headers.get("cookie", ""), request=request)

    client = colour.client(transport=colour.transport(answer), cookies={"of-all": "1"}, follow_redirects=True)

    assert colour.call(client.get, "http://home.example/").text == "of-all=1"


def test_false_keeps_no_cookies(colour: Colour) -> None:
    client = colour.client(transport=colour.transport(sets("a=1; Path=/")), cookies=False)

    for _ in range(2):
        response = colour.call(client.get, HOME)
        assert (response.text, dict(response.cookies)) == ("", {"a": "1"})
    assert not client.cookies
    assert colour.call(client.get, HOME, cookies={"b": "2"}).text == "b=2"


@pytest.mark.parametrize("line", ["a=\xff", "=", "", "a=1\x01", "a=1; Domain=other.example"])
def test_a_cookie_that_cannot_be_kept_harms_no_later_request(colour: Colour, line: str) -> None:
    def answer(request: Request) -> Response:
        return Response(200, headers=[(b"Set-Cookie", line.encode("latin-1"))], request=request)

    client = colour.client(transport=colour.transport(lambda request: _from_wire(line, request)))

    for _ in range(2):
        assert colour.call(client.get, HOME).status_code == 200


def _from_wire(line: str, request: Request) -> Response:
    """Return a response with a field that no program could set."""
    response = Response(200, request=request)
    response.headers.fields.append((b"Set-Cookie", b"set-cookie", line.encode("latin-1")))
    return response
