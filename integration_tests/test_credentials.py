"""Credentials, cookies and redirects against servers that mean them: httpbin and nginx."""

import itertools
from typing import Any

import pytest

import courser

from .servers.nginx import SMALL, Nginx
from .worlds import World

ALGORITHMS = ["MD5", "SHA-256", "SHA-512"]


@pytest.mark.parametrize(("qop", "algorithm"), list(itertools.product(["auth", "auth-int"], ALGORITHMS)))
def test_digest_is_answered_in_every_algorithm_and_quality(
    world: World, httpbin: str, qop: str, algorithm: str
) -> None:
    url = f"{httpbin}/digest-auth/{qop}/ada/secret/{algorithm}"
    auth = courser.DigestAuth("ada", "secret")

    async def program(client: courser.AsyncClient) -> list[Any]:
        first = await client.get(url)
        second = await client.get(url)
        return [first, second]

    first, second = world.run(program, auth=auth)

    assert first.json() == {"authenticated": True, "user": "ada"}
    assert [past.status_code for past in first.history] == [401]
    assert (second.status_code, second.history) == (200, [])


def test_a_wrong_password_is_tried_once(world: World, httpbin: str) -> None:
    response = world.fetch("GET", f"{httpbin}/digest-auth/auth/ada/secret", auth=courser.DigestAuth("ada", "wrong"))

    assert (response.status_code, len(response.history)) == (401, 1)


def test_a_nonce_that_is_stale_is_replaced(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> list[Any]:
        return [await client.get(f"{httpbin}/digest-auth/auth/ada/secret/MD5/1") for _ in range(3)]

    responses = world.run(program, auth=courser.DigestAuth("ada", "secret"))

    assert [response.status_code for response in responses] == [200, 200, 200]


@pytest.mark.parametrize("how", ["pair", "scheme", "url"])
def test_basic_opens_httpbin(world: World, httpbin: str, how: str) -> None:
    url, arguments = f"{httpbin}/basic-auth/ada/secret", {}
    if how == "url":
        url = url.replace("http://", "http://ada:secret@")
    else:
        arguments["auth"] = ("ada", "secret") if how == "pair" else courser.BasicAuth("ada", "secret")

    response = world.fetch("GET", url, **arguments)

    assert response.json() == {"authenticated": True, "user": "ada"}
    assert "secret@" not in str(response.url)


def test_basic_with_a_password_in_utf_8_opens_nginx(world: World, nginx: Nginx) -> None:
    assert world.fetch("GET", f"{nginx.http}/guarded").status_code == 401
    response = world.fetch("GET", f"{nginx.http}/guarded", auth=("ada", "secret ö"))
    assert (response.status_code, response.content) == (200, SMALL)


def test_a_bearer_token_opens_httpbin(world: World, httpbin: str) -> None:
    response = world.fetch("GET", f"{httpbin}/bearer", auth=courser.BearerAuth("abc"))

    assert response.json() == {"authenticated": True, "token": "abc"}


def test_cookies_are_kept_and_sent_and_removed(world: World, httpbin: str) -> None:
    async def program(client: courser.AsyncClient) -> list[Any]:
        seen = []
        await client.get(f"{httpbin}/cookies/set?flavour=oats&size=2", follow_redirects=True)
        seen.append((await client.get(f"{httpbin}/cookies")).json())
        await client.get(f"{httpbin}/cookies/delete?size", follow_redirects=True)
        seen.append((await client.get(f"{httpbin}/cookies")).json())
        return seen

    assert world.run(program) == [{"cookies": {"flavour": "oats", "size": "2"}}, {"cookies": {"flavour": "oats"}}]
    assert world.run(program, cookies=False) == [{"cookies": {}}, {"cookies": {}}]


def test_redirects_are_followed_to_their_end(world: World, httpbin: str) -> None:
    for kind in ("redirect", "relative-redirect", "absolute-redirect"):
        response = world.fetch("GET", f"{httpbin}/{kind}/4", follow_redirects=True)
        assert (response.status_code, len(response.history)) == (200, 4)
        assert response.url.path == "/get"
    with pytest.raises(courser.TooManyRedirects):
        world.fetch("GET", f"{httpbin}/redirect/4", follow_redirects=True, settings={"max_redirects": 3})


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_body_goes_along_where_the_method_does(world: World, httpbin: str, status: int, method: str) -> None:
    response = world.fetch(
        "POST",
        f"{httpbin}/redirect-to",
        params={"url": f"{httpbin}/anything", "status_code": status},
        content=b"abc",
        headers={"Content-Type": "text/plain"},
        follow_redirects=True,
    )

    understood = response.json()
    assert (understood["method"], understood["data"]) == (method, "abc" if method == "POST" else "")
    assert ("Content-Type" in understood["headers"]) == (method == "POST")


def test_the_connection_of_a_redirect_is_used_again(world: World, nginx: Nginx) -> None:
    response = world.fetch("GET", f"{nginx.http}/elsewhere", follow_redirects=True)

    assert response.content == SMALL
    assert response.headers["x-connection"] == response.history[0].headers["x-connection"]


def test_files_arrive_as_a_form(world: World, httpbin: str) -> None:
    response = world.fetch(
        "POST", f"{httpbin}/post", data={"note": "Ω"}, files={"report": ("räder.txt", b"all well", "text/plain")}
    )

    understood = response.json()
    assert understood["form"] == {"note": "Ω"}
    assert understood["files"] == {"report": "all well"}
