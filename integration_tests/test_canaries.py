"""Secrets planted wherever a program may put them: no line of a log, `repr`, error or traceback ever shows one.

What `watch` looks at in every test is looked at here while a table of places meets a table of peers; and besides, what
a program would print itself.
"""

import logging
import pickle
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

import courser

from .servers.certificates import Authority
from .sweeps.peer import abort, requests, serving
from .watch import CANARY, Watch, watching
from .worlds import Asyncio, Threads, Trio, World

# Peers: each does something else that errors and logs tell of.


def answers(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 404 No\r\nSet-Cookie: a={CANARY}\r\nContent-Length: 2\r\n\r\nno".encode())


def redirects(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: /?token={CANARY}\r\nSet-Cookie: a={CANARY}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )


def redirects_with_credentials(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            f"HTTP/1.1 307 Found\r\nLocation: http://{CANARY}:{CANARY}@127.0.0.1:1/?a={CANARY}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )


def redirects_nowhere(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: http://{CANARY}:{CANARY}@[oh no/?a={CANARY}\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )


def asks_for_more(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="x", nonce="y", qop="auth"\r\nContent-Length: 0\r\n\r\n'
        )


def asks_for_nonsense(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest nonce="x", algorithm=y, qop="z"\r\nContent-Length: 0\r\n\r\n'
        )


def proves_nothing(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nAuthentication-Info: rspauth="x", nc=1, qop=auth\r\nContent-Length: 0\r\n\r\n'
        )


def sends_no_http(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nSet-Cookie: {CANARY}\r\n bad\x00line: {CANARY}\r\n\r\n".encode())


def sends_damaged_content(connection: socket.socket) -> None:
    for _ in requests(connection):
        head = f"HTTP/1.1 200 OK\r\nSet-Cookie: a={CANARY}\r\nContent-Encoding: gzip\r\nContent-Length: {len(CANARY)}"
        connection.sendall(f"{head}\r\n\r\n{CANARY}".encode())


def is_silent(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.recv(1)


def resets(connection: socket.socket) -> None:
    for _ in requests(connection):
        abort(connection)
        return


def breaks_off(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nSet-Cookie: a={CANARY}\r\nContent-Length: 20\r\n\r\nno".encode())
        return


def refuses_as_a_proxy(connection: socket.socket) -> None:
    for _ in requests(connection):
        connection.sendall(
            'HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm="x", nonce="y", qop="auth"\r\n'
            f"Set-Cookie: a={CANARY}\r\nContent-Length: {len(CANARY)}\r\n\r\n{CANARY}".encode()
        )


def is_silent_from_the_beginning(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def hangs_up(connection: socket.socket) -> None:
    connection.recv(1)


def resets_at_once(connection: socket.socket) -> None:
    connection.recv(1)
    abort(connection)


def speaks_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(f"HTTP/1.1 400 {CANARY}\r\nContent-Length: 0\r\n\r\n".encode())


def wants_a_password(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x05\x02")
    connection.recv(65536)
    connection.sendall(b"\x01\x01")


def refuses_as_a_socks_proxy(connection: socket.socket) -> None:
    version = connection.recv(65536)[:1]
    connection.sendall(b"\x05\xff" if version == b"\x05" else b"\x00\x5d" + bytes(6))


PEERS = [
    *[answers, redirects, redirects_with_credentials, redirects_nowhere, asks_for_more, asks_for_nonsense],
    *[proves_nothing, sends_no_http, sends_damaged_content, is_silent, resets, breaks_off, refuses_as_a_proxy],
]
PEERS_BEFORE_HTTP = [
    *[is_silent_from_the_beginning, hangs_up, speaks_http, wants_a_password, refuses_as_a_socks_proxy, resets_at_once],
]

# Places: the settings of the client and the arguments of the call, given the port of the peer.

Put = tuple[dict[str, Any], dict[str, Any]]
USERINFO = f"ada:{CANARY}@"
FIELDS = {
    "Authorization": f"Bearer {CANARY}",
    "Cookie": f"a={CANARY}",
    "X-Api-Key": CANARY,
    "Proxy-Authorization": f"Basic {CANARY}",
    "Api-Key": CANARY,
    "X-Auth-Token": CANARY,
}
TO_THE_PEER: dict[str, Callable[[Path], Put]] = {
    "fields": lambda _: ({}, {"headers": FIELDS}),
    "fields of the client": lambda _: ({"headers": FIELDS}, {}),
    "the URL": lambda _: ({}, {"userinfo": USERINFO}),
    "parameters": lambda _: ({"params": {"key": CANARY}}, {"params": {"token": CANARY}}),
    "cookies": lambda _: ({"cookies": {"a": CANARY}}, {"cookies": {"b": CANARY}}),
    "Basic": lambda _: ({"auth": courser.BasicAuth(CANARY, CANARY)}, {}),
    "a pair": lambda _: ({}, {"auth": (CANARY, CANARY)}),
    "Digest": lambda _: ({"auth": courser.DigestAuth(CANARY, CANARY)}, {}),
    "Bearer": lambda _: ({"auth": courser.BearerAuth(CANARY)}, {}),
    "netrc": lambda directory: ({"auth": courser.NetRCAuth(netrc(directory))}, {}),
    "a token": lambda _: ({"auth": courser.TokenAuth(lambda: CANARY, token=CANARY)}, {}),
    "content": lambda _: ({}, {"content": CANARY}),
    "JSON": lambda _: ({}, {"json": {"password": CANARY}}),
    "a form": lambda _: ({}, {"data": {"password": CANARY}}),
    "a form with files": lambda _: ({}, {"data": {"a": CANARY}, "files": {"f": (CANARY, CANARY.encode())}}),
}
THROUGH_THE_PEER: dict[str, Callable[[str], dict[str, Any]]] = {
    "the URL of a proxy": lambda peer: {"proxy": f"http://{USERINFO}{peer}"},
    "credentials of a proxy": lambda peer: {"proxy": courser.Proxy(f"http://{peer}", auth=("ada", CANARY))},
    "Digest of a proxy": lambda peer: {
        "proxy": courser.Proxy(f"http://{peer}", auth=courser.DigestAuth("ada", CANARY))
    },
    "fields of a proxy": lambda peer: {"proxy": courser.Proxy(f"http://{peer}", headers=FIELDS)},
    "the environment": lambda peer: {"environment": f"http://{USERINFO}{peer}"},
}
THROUGH_THE_PEER_BEFORE_HTTP: dict[str, Callable[[str], dict[str, Any]]] = {
    "the URL of a SOCKS 5 proxy": lambda peer: {"proxy": f"socks5h://{USERINFO}{peer}"},
    "the URL of a SOCKS 4 proxy": lambda peer: {"proxy": f"socks4a://{CANARY}@{peer}"},
    "the URL of a TLS proxy": lambda peer: {"proxy": f"https://{USERINFO}{peer}"},
}
WORLDS: list[World] = [Threads(), Asyncio(), Trio()]


def netrc(directory: Path) -> Path:
    file = directory / "netrc"
    file.write_text(f"machine 127.0.0.1 login {CANARY} password {CANARY}\n")
    file.chmod(0o600)
    return file


def cells(places: Any, peers: list[Callable[[socket.socket], None]]) -> list[Any]:
    """Return every place with every peer, in one of the worlds after the other."""
    return [
        pytest.param(WORLDS[(row + column) % 3], place, peer, id=f"{place}-{peer.__name__}")
        for row, place in enumerate(places)
        for column, peer in enumerate(peers)
    ]


@pytest.mark.parametrize(("world", "place", "peer"), cells(TO_THE_PEER, PEERS), indirect=["world"])
def test_no_secret_is_shown(world: World, tmp_path: Path, place: str, peer: Callable[[Any], None]) -> None:
    settings, arguments = TO_THE_PEER[place](tmp_path)
    userinfo = arguments.pop("userinfo", "")

    with serving(peer) as port, watching() as watch:
        url = f"http://{userinfo}127.0.0.1:{port}/?token={CANARY}"
        meet(world, watch, url, settings, arguments)

    assert watch.looked_at >= 5
    assert not watch.complaints, "\n".join(watch.complaints)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("world", "place", "peer"),
    [*cells(THROUGH_THE_PEER, PEERS), *cells(THROUGH_THE_PEER_BEFORE_HTTP, PEERS_BEFORE_HTTP)],
    indirect=["world"],
)
def test_no_secret_of_a_proxy_is_shown(
    world: World, place: str, peer: Callable[[Any], None], scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(peer) as port, watching() as watch:
        settings = {**THROUGH_THE_PEER, **THROUGH_THE_PEER_BEFORE_HTTP}[place](f"127.0.0.1:{port}")
        monkeypatch.setenv("ALL_PROXY", settings.pop("environment", ""))
        meet(world, watch, f"{scheme}://{USERINFO}shop.example/?token={CANARY}", settings, {"headers": FIELDS})

    assert watch.looked_at >= 5
    assert not watch.complaints, "\n".join(watch.complaints)


def meet(world: World, watch: Watch, url: str, settings: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Make a request, and print all that a program might print of it."""

    def show(*things: Any) -> None:
        for thing in things:
            # A dictionary that the program has made shows what the program has put there.
            if type(thing).__module__.startswith("courser"):
                watch.look(repr(thing), f"the repr of a {type(thing).__name__}")

    async def program(client: courser.AsyncClient) -> None:
        try:
            response = await client.request("POST", url, **arguments)
            show(response, response.headers, response.request, response.request.headers, response.cookies)
            show(*response.history, response.next_request)
            response.raise_for_status()
        except (courser.HTTPError, courser.StreamError) as error:
            show(error, error.__context__)
            watch.look("".join(traceback.format_exception(error)), "a traceback")
            watch.look("".join(traceback.format_exception(pickle.loads(pickle.dumps(error)))), "a traceback, restored")
        # A URL by itself, and parameters, show all but a password: that is what they are for.
        show(client, client.cookies, client.headers, client.auth)

    kept = {"timeout": courser.Timeout(5.0, connect=0.5, read=0.1), "follow_redirects": True, "max_redirects": 3}
    show(*settings.values(), *arguments.values())
    world.run(program, **kept, **settings)


# What is refused before anybody is talked to


def wrong_environment(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    monkeypatch.setenv("HTTPS_PROXY", f"htp://{USERINFO}proxy.example:x")
    courser.Client()


def wrong_proxy(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(proxy=f"htp://{USERINFO}proxy.example/")


def wrong_port_of_a_proxy(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(proxy=f"http://{USERINFO}proxy.example:99999/")


def wrong_url(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.get(f"http://{USERINFO}exa mple.org/?token={CANARY}")


def wrong_scheme(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.get(f"ftp://{USERINFO}example.org/?token={CANARY}")


def wrong_field(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(headers={"Authorization": f"{CANARY}\n"})


def wrong_cookie(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(cookies={"session": f"{CANARY};"})


def wrong_password(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(cert=(*encrypted(directory, authority), CANARY)).get("https://127.0.0.1:1/")


def wrong_netrc(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    file = netrc(directory)
    file.write_text(f"machine 127.0.0.1 login ada {CANARY} {CANARY}\n")
    courser.get("http://127.0.0.1:1/", auth=courser.NetRCAuth(file))


def wrong_cookie_file(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    file = directory / "cookies.txt"
    file.write_text(f"shop.example\tTRUE\t/\tsession\t{CANARY}\n")
    courser.CookieStore().load(file)


def wrong_token(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    answer = courser.Response(200, json={"access_token": [CANARY], "id": CANARY})
    auth = courser.OAuth2ClientCredentials("https://id.example/token", CANARY, CANARY)
    with courser.Client(transport=courser.MockTransport(lambda request: answer), auth=auth) as client:
        client.get("https://api.example/")


def wrong_bearer(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.get("http://127.0.0.1:1/", auth=courser.BearerAuth(f"{CANARY}\n"))


def wrong_pair(monkeypatch: pytest.MonkeyPatch, directory: Path, authority: Authority) -> Any:
    courser.Client(auth=(CANARY, CANARY, CANARY))  # type: ignore[arg-type]


def encrypted(directory: Path, authority: Authority) -> tuple[Path, Path]:
    """Return the files of a certificate whose key has another password."""
    chain, key = authority.write_client_certificate()
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = directory / "locked.pem"
    form, secret = serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"another")
    locked.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, secret))
    return chain, locked


REFUSED = [
    *[wrong_environment, wrong_proxy, wrong_port_of_a_proxy, wrong_url, wrong_scheme, wrong_field, wrong_cookie],
    *[wrong_password, wrong_netrc, wrong_cookie_file, wrong_token, wrong_bearer, wrong_pair],
]


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_refused_is_not_shown(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority
) -> None:
    refused = pytest.raises((ValueError, TypeError, OSError, courser.HTTPError, courser.InvalidURL))
    with watching() as watch, refused as caught:
        make(monkeypatch, tmp_path, authority)

    watch.look_at_error(caught.value)
    watch.look_at_traceback(caught.value)
    assert not watch.complaints, "\n".join(watch.complaints)


# What a program prints


def test_what_holds_a_secret_is_printed_without_it(tmp_path: Path) -> None:
    holders = [
        courser.BasicAuth(CANARY, CANARY),
        courser.DigestAuth(CANARY, CANARY),
        courser.BearerAuth(CANARY),
        courser.NetRCAuth(netrc(tmp_path)),
        courser.TokenAuth(lambda: CANARY, token=CANARY),
        courser.OAuth2ClientCredentials("https://id.example/", CANARY, CANARY),
        courser.Token(CANARY),
        courser.Proxy(f"http://{USERINFO}proxy.example/", headers=FIELDS),
        courser.Proxy("http://proxy.example/", auth=("ada", CANARY)),
        courser.Headers({**FIELDS, "Set-Cookie": f"a={CANARY}"}),
        courser.Cookies({"a": CANARY}),
        courser.CookieStore({"a": CANARY}),
        courser.URL(f"https://ada:{CANARY}@example.org/"),
        courser.Request("GET", f"https://{USERINFO}example.org/?a={CANARY}", headers=FIELDS, content=CANARY),
        courser.Response(200, headers={"Set-Cookie": f"a={CANARY}"}, content=CANARY),
        courser.HTTPTransport(proxy=f"http://{USERINFO}proxy.example/"),
        courser.Client(auth=(CANARY, CANARY), headers=FIELDS, cookies={"a": CANARY}),
    ]
    with watching() as watch:
        for holder in holders:
            watch.look(f"{holder!r} {[holder]}", f"the repr of a {type(holder).__name__}")

    assert not watch.complaints, "\n".join(watch.complaints)


# The watch itself


def test_the_watch_sees_what_it_looks_for() -> None:
    logger = logging.getLogger("courser.transport")

    def fail(*_: Any) -> Any:
        raise KeyError(CANARY)

    with watching() as watch:
        courser.ReadError(f"reading from {CANARY}")
        courser.InvalidURL("")
        logger.debug("connected to %s", f"http://ada:{CANARY}@example.org/")
        with pytest.raises(KeyError):
            Threads().fetch("GET", "http://x.example/", settings={"transport": courser.MockTransport(fail)})

    assert [complaint.split(":")[0] for complaint in watch.complaints] == [
        "ReadError shows a secret",
        "InvalidURL says nothing",
        "the log shows a secret",
        "a traceback shows a secret",
    ]
