"""The credential table: what a program gives for one origin, against every way in which a redirect leads to another.

Rows are the places where a secret can be: fields, cookies, schemes, URLs, extensions, proxies. Columns are trails of
redirects. The origins are raw servers under real names, schemes and ports, which keep what arrives; at the end they ask
for credentials. A cell holds when the secret arrived where it was meant to go, and nowhere else.
"""

import base64
import dataclasses
import itertools
import re
import socket
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import courser

from .servers.certificates import Authority
from .servers.origins import SOCKS_PASSWORD, Origins, Visit
from .sweeps.peer import requests, serving
from .watch import CANARY
from .worlds import Asyncio, Threads, Trio, World

SECRET = CANARY
HOME = "https://home.shop.example/start"
AWAY = "https://other.example/"


@dataclasses.dataclass(frozen=True)
class Trail:
    """Where the first request goes, and where each redirect leads."""

    stops: list[str]
    start: str = HOME
    status: int = 302

    @property
    def origins(self) -> list[str]:
        """Where the requests arrive, one after the other."""
        url, found = courser.URL(self.start), []
        for stop in ["", *self.stops]:
            url = url.join(stop)
            found.append(origin_of(url))
        return found


def origin_of(url: courser.URL) -> str:
    return f"{url.scheme}://{url.host}:{url.port or {'http': 80, 'https': 443}[url.scheme]}"


TRAILS = {
    "another host": Trail([AWAY]),
    "another host, with the body": Trail([AWAY], status=307),
    "a host below": Trail(["https://www.home.shop.example/"]),
    "the host above": Trail(["https://shop.example/"]),
    "a host that begins alike": Trail(["https://home.shop.example.evil.example/"]),
    "a host behind an @": Trail(["https://home.shop.example:x@evil.example/"]),
    "another port": Trail(["https://home.shop.example:8443/"]),
    "the scheme down": Trail(["http://home.shop.example/"]),
    "the scheme down, with the body": Trail(["http://home.shop.example/"], status=308),
    "the scheme up, to another port": Trail(["https://home.shop.example:8443/"], "http://home.shop.example/start"),
    "the scheme up, from another port": Trail(["https://home.shop.example/"], "http://home.shop.example:8080/start"),
    "the scheme up, to another host": Trail([AWAY], "http://home.shop.example/start"),
    "there and back again": Trail([AWAY, "https://home.shop.example/back"]),
    "there, back, and on": Trail([AWAY, "https://home.shop.example/back", "/on"], status=307),
    "on, then away, and on": Trail(["/on", AWAY, "/further"]),
    "away, down and up": Trail(["http://other.example/", AWAY, "http://other.example/"]),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a secret is: in the client's settings, the arguments of the call, or the URL.

    `returns` says that it goes home again when a redirect leads back there: the client finds it anew, for that host.
    """

    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    userinfo: str = ""
    returns: bool = False


def signed(request: courser.Request) -> courser.Request:
    request.headers["Authorization"] = f"Signature {SECRET}"
    return request


class Answering(courser.Auth):
    """A scheme that answers the first challenge it is shown."""

    def auth_flow(self, request: courser.Request) -> Generator[courser.Request, courser.Response, None]:
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {SECRET}"
            yield request


def kept_cookies() -> courser.CookieStore:
    """Return cookies as home has set them."""
    store = courser.CookieStore()
    fields = [("Set-Cookie", f"plain={SECRET}; Path=/"), ("Set-Cookie", f"secure={SECRET}; Path=/; Secure")]
    store.extract_cookies(courser.Response(200, headers=fields, request=courser.Request("GET", HOME)))
    return store


def netrc(directory: Path) -> courser.NetRCAuth:
    file = directory / "netrc"
    file.write_text(f"machine home.shop.example login ada password {SECRET}\ndefault login ada password {SECRET}\n")
    file.chmod(0o600)
    return courser.NetRCAuth(file)


FIELDS = {
    "Authorization": f"Bearer {SECRET}",
    "Cookie": f"session={SECRET}",
    "Cookie2": f"session={SECRET}",
    "X-Api-Key": SECRET,
}
TWICE = [("Authorization", f"Bearer {SECRET}"), ("authorization", f"Basic {SECRET}")]
Put = Callable[[Path], Place]


def of_call(name: str) -> Put:
    return lambda _: Place(arguments={"headers": {name: FIELDS[name]}})


def of_client(name: str) -> Put:
    return lambda _: Place({"headers": {name: FIELDS[name]}})


PLACES: dict[str, Put] = {
    **{f"{name} of the call": of_call(name) for name in FIELDS},
    **{f"{name} of the client": of_client(name) for name in FIELDS},
    "Authorization twice": lambda _: Place(arguments={"headers": TWICE}),
    "cookies of the call": lambda _: Place(arguments={"cookies": {"session": SECRET}}),
    "cookies of the client": lambda _: Place({"cookies": {"session": SECRET}}, returns=True),
    "cookies that home has set": lambda _: Place({"cookies": kept_cookies()}, returns=True),
    "Basic of the call": lambda _: Place(arguments={"auth": ("ada", SECRET)}),
    "Basic of the client": lambda _: Place({"auth": courser.BasicAuth("ada", SECRET)}),
    "Bearer": lambda _: Place({"auth": courser.BearerAuth(SECRET)}),
    "a function": lambda _: Place({"auth": signed}),
    "netrc": lambda directory: Place({"auth": netrc(directory)}),
    "the URL": lambda _: Place(userinfo=f"ada:{SECRET}@"),
}
# These say nothing before they are asked.
ANSWERING: dict[str, Callable[[], courser.Auth]] = {
    "Digest": lambda: courser.DigestAuth("ada", SECRET),
    "a scheme that answers": Answering,
}


WORLDS: list[World] = [Threads(), Asyncio(), Trio()]


def cells(*rows: Iterable[Any]) -> list[Any]:
    """Return every combination of the rows, each for one of the worlds in turn: what leaks is one code in all three."""
    combined = itertools.product(*rows)
    return [
        pytest.param(world, *cell, id=f"{world.name}-{'-'.join(cell)}")
        for world, cell in zip(itertools.cycle(WORLDS), combined, strict=False)
    ]


@pytest.mark.parametrize(("world", "place", "trail"), cells(PLACES, TRAILS), indirect=["world"])
def test_a_secret_arrives_where_it_was_meant_to_go_and_nowhere_else(
    world: World, authority: Authority, tmp_path: Path, place: str, trail: str
) -> None:
    led, put = TRAILS[trail], PLACES[place](tmp_path)
    with Origins(authority, led.stops, status=led.status) as origins:
        post(world, authority, origins, led, put)

    assert [visit.origin for visit in origins.visits] == led.origins
    home, *others = origins.visits
    assert holds_secret(home)
    if place == "cookies that home has set":
        assert_only_its_host_is_told(origins.visits)
    else:
        assert_only_home_is_told(origins.visits)
    # What has stayed behind does not come back when the trail does; only kept cookies are found anew.
    abroad = origins.visits[first_abroad(origins.visits) :]
    assert put.returns or not any(holds_secret(visit) for visit in abroad)
    # 307 and 308 send the body on, and nothing else that is secret.
    assert {visit.body for visit in others} == {b"data" if led.status in (307, 308) else b""}


@pytest.mark.parametrize(
    ("world", "scheme", "asks", "trail"),
    cells(ANSWERING, ["home asks first", "only the end asks"], TRAILS),
    indirect=["world"],
)
def test_who_asks_after_a_redirect_is_not_answered(
    world: World, authority: Authority, scheme: str, trail: str, asks: str
) -> None:
    led, put = TRAILS[trail], Place({"auth": ANSWERING[scheme]()})
    first = [None] if asks == "home asks first" else []
    with Origins(authority, [*first, *led.stops], status=led.status) as origins:
        post(world, authority, origins, led, put)

    assert_only_home_is_told(origins.visits)
    if first:
        assert origins.visits[1].field("authorization")
        assert [visit.origin for visit in origins.visits[1:]] == led.origins


@pytest.mark.parametrize(("world", "place", "trail"), cells(["SOCKS", "CONNECT"], TRAILS), indirect=["world"])
def test_what_a_proxy_is_told_no_origin_learns(world: World, authority: Authority, trail: str, place: str) -> None:
    led = TRAILS[trail]
    with Origins(authority, led.stops, status=led.status) as origins:
        proxy = courser.Proxy(origins.http, auth=("ada", SECRET), tunnels_http=True)
        put = Place({"proxy": proxy if place == "CONNECT" else origins.socks})
        post(world, authority, origins, led, put)

    assert [visit.origin for visit in origins.visits] == led.origins
    for visit in origins.visits:
        assert not holds_secret(visit)
        assert not visit.field("proxy-authorization")
        assert SOCKS_PASSWORD not in visit.text
    if place == "CONNECT":
        assert all(b"Proxy-Authorization: Basic" in head for head in origins.asked)


def test_a_transport_without_a_proxy_is_told_nothing_of_another(world: World, authority: Authority) -> None:
    """A mount leads home through a proxy with credentials, and a redirect leads out of the mount."""
    transport = courser.HTTPTransport if world.name == "threads" else courser.AsyncHTTPTransport
    with Origins(authority, [AWAY]) as origins:
        verify = authority.client_context()
        through = transport(verify=verify, proxy=courser.Proxy(origins.http, auth=("ada", SECRET)))
        around = transport(verify=verify, proxy=origins.socks)
        settings = {"mounts": {"all://home.shop.example": through, "all://": around}, "follow_redirects": True}
        world.fetch("GET", HOME, settings=settings)

    assert [visit.origin for visit in origins.visits] == TRAILS["another host"].origins
    assert not any(holds_secret(visit) for visit in origins.visits)
    assert len(origins.asked) == 1


@pytest.mark.parametrize(("world", "trail"), cells(TRAILS), indirect=["world"])
def test_the_name_and_the_target_of_one_origin_are_not_anothers(world: World, authority: Authority, trail: str) -> None:
    led = TRAILS[trail]
    extensions = {"sni_hostname": "alias.shop.example", "target": f"/{SECRET}".encode()}
    with Origins(authority, led.stops, status=led.status) as origins:
        post(world, authority, origins, led, Place(arguments={"extensions": extensions}))

    assert [visit.origin for visit in origins.visits] == led.origins
    home, *others = origins.visits
    assert f"POST /{SECRET} HTTP/1.1" in home.text
    assert not any(holds_secret(visit) for visit in others)
    left = first_abroad(origins.visits)
    for number, visit in enumerate(origins.visits):
        host = visit.origin.split(":")[1].removeprefix("//")
        # The certificate was made for the name that was asked for, and the client has verified it.
        name = "alias.shop.example" if number < left else host
        assert visit.server_name == (name if visit.origin.startswith("https:") else None)


def test_whom_one_origin_is_verified_by_does_not_vouch_for_another(
    world: World, authority: Authority, stranger: Authority
) -> None:
    home = "home.shop.example"
    arguments = {"extensions": {"verify": stranger.client_context()}}
    trail = Trail([AWAY])
    with Origins(authority, trail.stops, stranger=stranger, strangers=[home]) as origins:
        post(world, authority, origins, trail, Place(arguments=arguments))
    assert [visit.origin for visit in origins.visits] == trail.origins

    not_trusted = pytest.raises(courser.ConnectError, match="the certificate is not trusted")
    with Origins(authority, trail.stops, stranger=stranger, strangers=[home, "other.example"]) as origins, not_trusted:
        post(world, authority, origins, trail, Place(arguments=arguments))
    assert [visit.origin for visit in origins.visits] == trail.origins[:1]


# Cookies that the request itself has are for its URL alone; the client's are found anew.
FOR_ONE_URL = ("Cookie of the call", "Cookie of the client", "cookies of the call")


@pytest.mark.parametrize(
    ("world", "place", "start"),
    cells(PLACES, ["http://home.shop.example/start", "http://home.shop.example:80/start"]),
    indirect=["world"],
)
def test_the_same_host_is_still_trusted_when_it_turns_to_tls(
    world: World, authority: Authority, tmp_path: Path, place: str, start: str
) -> None:
    led, put = Trail(["https://home.shop.example/"], start), PLACES[place](tmp_path)
    with Origins(authority, led.stops) as origins:
        post(world, authority, origins, led, put)

    assert [visit.origin for visit in origins.visits] == [
        "http://home.shop.example:80",
        "https://home.shop.example:443",
    ]
    assert [holds_secret(visit) for visit in origins.visits] == [True, place not in FOR_ONE_URL]


@pytest.mark.parametrize("how", ["of the call", "of the client"])
def test_proxy_authorization_goes_to_no_server(world: World, how: str) -> None:
    """Nobody here is a proxy."""
    heads: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        head = connection.recv(65536)
        heads.append(head)
        location = f"Location: http://127.0.0.1:{other}/\r\n" if len(heads) == 1 else ""
        connection.sendall(f"HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n".encode())

    fields = {"headers": {"Proxy-Authorization": f"Basic {SECRET}"}}
    of_client, of_call = ({}, fields) if how == "of the call" else (fields, {})
    with serving(talk) as home, serving(talk) as other:
        settings = {"follow_redirects": True, **of_client}
        world.fetch("GET", f"http://127.0.0.1:{home}/", settings=settings, **of_call)

    assert [SECRET.encode() in head for head in heads] == [False, False]


# The body of a redirect

LONGEST = 65536


@pytest.mark.parametrize("framing", ["length", "chunked", "until the end"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "identity"])
def test_the_body_of_a_redirect_is_not_decoded_and_read_for_64_kib_at_most(
    world: World, framing: str, coding: str
) -> None:
    """It says that it is compressed and is not, so that decoding it would be an error, and it never ends."""
    sent: list[int] = []

    def talk(connection: socket.socket) -> None:
        for _, path, _ in requests(connection):
            if path == "/there":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
                continue
            framed = {"length": "Content-Length: 1000000000\r\n", "chunked": "Transfer-Encoding: chunked\r\n"}
            head = (
                f"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Encoding: {coding}\r\n{framed.get(framing, '')}\r\n"
            )
            connection.sendall(head.encode())
            for piece in endless(framing == "chunked"):
                sent.append(len(piece))
                connection.sendall(piece)

    with serving(talk) as port:
        response = world.fetch("GET", f"http://127.0.0.1:{port}/", follow_redirects=True)

    assert response.content == b"fine"
    assert response.history[0].num_bytes_downloaded <= LONGEST
    # What was sent beyond that is in the buffers of the kernel.
    assert sum(sent) < 20_000_000


def endless(chunked: bool) -> Iterator[bytes]:
    """Yield what no decoder takes, 100 MB of it."""
    data = b"\xff" * 10_000
    for _ in range(10_000):
        yield b"%x\r\n%s\r\n" % (len(data), data) if chunked else data


# The words of the table


def post(world: World, authority: Authority, origins: Origins, trail: Trail, put: Place) -> None:
    """Make the request that the trail begins with, with a secret in its place."""
    settings = {
        "proxy": origins.socks,
        "verify": authority.client_context(),
        "follow_redirects": True,
        "sensitive_headers": ["X-Api-Key"],
        **put.settings,
    }
    url = trail.start.replace("//", f"//{put.userinfo}", 1)
    world.fetch("POST", url, settings=settings, content=b"data", **put.arguments)


BASIC = base64.b64encode(f"ada:{SECRET}".encode()).decode()


def holds_secret(visit: Visit) -> bool:
    return SECRET in visit.text or BASIC in visit.text


def assert_only_home_is_told(visits: list[Visit]) -> None:
    """Assert that nobody but the origin of the first request was told anything that is not his own."""
    for visit in visits:
        if visit.origin == visits[0].origin:
            continue
        assert not holds_secret(visit), visit
        for name in ("authorization", "proxy-authorization", "cookie2", "x-api-key", "referer"):
            assert not visit.field(name), visit
        # A server's own cookies come back to it.
        assert all(re.fullmatch(r"(visit[0-9]=1(; )?)+", cookies) for cookies in visit.field("cookie")), visit


def assert_only_its_host_is_told(visits: list[Visit]) -> None:
    """Assert that cookies go to the host that set them, on every port (RFC 6265 §8.5), secure ones over TLS alone."""
    for visit in visits:
        is_home = "//home.shop.example:" in visit.origin
        assert holds_secret(visit) == is_home
        assert ("secure=" in visit.text) == (is_home and visit.origin.startswith("https:"))


def first_abroad(visits: list[Visit]) -> int:
    """Return the number of the first request that arrived somewhere else than the first one."""
    return next(number for number, visit in enumerate(visits) if visit.origin != visits[0].origin)
