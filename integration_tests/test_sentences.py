"""Errors of proxies and of apps in the same process: each says in a sentence what was tried, on whom, what happened.

Those of servers are in `test_errors`, of TLS in `test_tls`, of real proxies in `test_proxies`.
"""

import socket
from collections.abc import Callable
from typing import Any

import pytest

import courser

from .sentences import assert_says
from .servers.processes import port_of
from .sweeps.peer import abort, requests, serving
from .worlds import Asyncio, Trio, World

Talk = Callable[[socket.socket], None]


def says(data: bytes) -> Talk:
    """Return a peer that waits for somebody to speak, says this and leaves."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return talk


def says_nothing(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def resets(connection: socket.socket) -> None:
    connection.recv(1)
    abort(connection)


def refuses_the_password(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x05\x02")
    connection.recv(65536)
    connection.sendall(b"\x01\x01")


def wants_digest(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            b'HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm="x", nonce="y"\r\nContent-Length: 0\r\n\r\n'
        )


TUNNELS: dict[str, tuple[str, Talk, type[Exception], list[str]]] = {
    "a proxy that leaves": ("http://", says(b""), courser.ProxyError, ["proxy", "shop.example:443", "closed"]),
    "a proxy that resets": ("http://", resets, courser.ProxyError, ["proxy", "reset"]),
    "a proxy that says nothing": ("http://", says_nothing, courser.ConnectTimeout, ["proxy", r"0\.3 s"]),
    "a proxy that is no proxy": ("http://", says(b"SSH-2.0-x\r\n\r\n"), courser.ProxyError, ["proxy", "not HTTP"]),
    "a proxy that refuses": (
        "http://",
        says(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
        courser.ProxyError,
        ["proxy", "shop.example:443", "403"],
    ),
    "a proxy that reaches nobody": (
        "http://",
        says(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"),
        courser.ProxyError,
        ["proxy", "502"],
    ),
    "a proxy that wants to know who asks": ("http://", wants_digest, courser.ProxyError, ["proxy", "407|credentials"]),
    "a proxy that breaks off": (
        "http://",
        says(b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno"),
        courser.ProxyError,
        ["proxy", "403"],
    ),
    "a proxy without TLS": ("https://", says(b"HTTP/1.1 400 No\r\n\r\n"), courser.ConnectError, ["TLS", "proxy"]),
    "SOCKS 5 that leaves": ("socks5h://", says(b""), courser.ProxyError, ["proxy", "closed"]),
    "SOCKS 5 of another version": ("socks5h://", says(b"HT"), courser.ProxyError, ["proxy", "SOCKS"]),
    "SOCKS 5 that takes nobody": ("socks5h://", says(b"\x05\xff"), courser.ProxyError, ["proxy", "credentials"]),
    "SOCKS 5 and a wrong password": (
        "socks5h://ada:secret@",
        refuses_the_password,
        courser.ProxyError,
        ["proxy", "credentials|password"],
    ),
    "SOCKS 4 that refuses": (
        "socks4a://",
        says(b"\x00\x5b" + bytes(6)),
        courser.ProxyError,
        ["proxy", "shop.example:443"],
    ),
    "SOCKS 4 of another version": (
        "socks4a://",
        says(b"HTTP/1.1 400 No\r\n\r\n"),
        courser.ProxyError,
        ["proxy", "SOCKS"],
    ),
}


@pytest.mark.parametrize("peer", TUNNELS)
def test_what_went_wrong_with_a_proxy_is_told(world: World, peer: str) -> None:
    scheme, talk, error, patterns = TUNNELS[peer]
    with serving(talk) as port:
        settings = {"proxy": f"{scheme}127.0.0.1:{port}", "timeout": courser.Timeout(5.0, connect=0.3)}
        with pytest.raises(error) as caught:
            world.fetch("GET", "https://shop.example/", settings=settings)

    assert_says(caught.value, f"127.0.0.1:{port}", *patterns)
    assert isinstance(caught.value, courser.RequestError)
    assert caught.value.request.url == "https://shop.example/"


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks4"])
def test_a_proxy_that_is_not_there_is_named(world: World, scheme: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        authority = f"127.0.0.1:{port_of(bound)}"
        with pytest.raises(courser.ConnectError) as caught:
            world.fetch("GET", "http://127.0.0.2/", settings={"proxy": f"{scheme}://{authority}"})

    assert_says(caught.value, authority, "proxy", "refused")


@pytest.mark.parametrize("proxy", ["ftp://h.example", "h.example:x", "http://", "socks6://h.example", 42])
def test_a_proxy_that_is_none_is_refused_when_the_client_is_made(world: World, proxy: Any) -> None:
    with pytest.raises((ValueError, TypeError, courser.InvalidURL)) as caught:
        world.fetch("GET", "http://127.0.0.1/", settings={"proxy": proxy})

    assert_says(caught.value)


# ASGI


async def ends_at_once(scope: Any, receive: Any, send: Any) -> None:
    pass


async def ends_in_its_response(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"some", "more_body": True})


async def begins_twice(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def begins_with_its_body(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.body", "body": b"some"})


async def says_what_nobody_knows(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.nonsense"})


async def breaks_in_its_response(scope: Any, receive: Any, send: Any) -> None:
    await ends_in_its_response(scope, receive, send)
    raise LookupError


async def takes_its_time(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await receive()


APPS: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "ends at once": (ends_at_once, courser.RemoteProtocolError, ["without"]),
    "ends in its response": (ends_in_its_response, courser.RemoteProtocolError, ["before|without"]),
    "begins twice": (begins_twice, courser.RemoteProtocolError, ["twice|second|again"]),
    "begins with its body": (begins_with_its_body, courser.RemoteProtocolError, ["http.response.body|before"]),
    "says what nobody knows": (says_what_nobody_knows, courser.RemoteProtocolError, ["http.nonsense"]),
    "breaks in its response": (breaks_in_its_response, courser.RemoteProtocolError, ["LookupError"]),
    "takes its time": (takes_its_time, courser.ReadTimeout, [r"0\.2 s"]),
}


@pytest.mark.parametrize("loop", [Asyncio(), Trio()], ids=lambda loop: loop.name)
@pytest.mark.parametrize("app", APPS)
def test_what_went_wrong_with_an_app_is_told(loop: World, app: str) -> None:
    called, error, patterns = APPS[app]
    transport = courser.ASGITransport(called, raise_app_exceptions=False, grace=0.0)
    with pytest.raises(error) as caught:
        loop.fetch("GET", "http://app.example/path", settings={"transport": transport, "timeout": 0.2})

    assert_says(caught.value, "app", *patterns)
    assert isinstance(caught.value, courser.RequestError)
    assert caught.value.request.url == "http://app.example/path"


@pytest.mark.parametrize("loop", [Asyncio(), Trio()], ids=lambda loop: loop.name)
def test_an_app_that_does_not_start_says_why(loop: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    transport = courser.ASGITransport(app, lifespan=True)
    with pytest.raises(courser.ConnectError) as caught:
        loop.fetch("GET", "http://app.example/", settings={"transport": transport})

    assert_says(caught.value, "app", "no database")


# WSGI


def never_begins(environ: Any, start_response: Any) -> Any:
    return []


def begins_twice_(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def has_an_odd_status(environ: Any, start_response: Any) -> Any:
    start_response("fine", [])
    return []


def gives_text(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return ["text"]


def says_less(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Length", "10")])
    return [b"short"]


@pytest.mark.parametrize("app", [never_begins, begins_twice_, has_an_odd_status, gives_text, says_less])
def test_what_went_wrong_with_a_wsgi_app_is_told(app: Any) -> None:
    with courser.Client(app=app) as client, pytest.raises(courser.RemoteProtocolError) as caught:
        client.get("http://app.example/path")

    assert_says(caught.value, "app")
    assert caught.value.request.url == "http://app.example/path"


# Transports of one's own


def test_a_handler_that_answers_with_something_else_is_told_so(world: World) -> None:
    transport = courser.MockTransport(lambda request: "fine")  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError) as caught:
        world.fetch("GET", "http://x.example/", settings={"transport": transport})

    assert_says(caught.value, "response", "str")


@pytest.mark.parametrize(
    "extensions",
    [
        {"proxy": "ftp://h.example"},
        {"verify": "/no/such/file"},
        {"sni_hostname": "ü"},
        {"retries": -1},
        {"target": "text"},
    ],
    ids=str,
)
def test_an_extension_that_makes_no_sense_is_named(world: World, extensions: dict[str, Any]) -> None:
    refused = pytest.raises((ValueError, TypeError, courser.TransportError))
    with serving(says_nothing) as port, refused as caught:
        world.fetch("GET", f"https://127.0.0.1:{port}/", settings={"timeout": 0.3}, extensions=extensions)

    assert_says(caught.value)
