"""Requests through an HTTP proxy: handed to it to send on, or through a tunnel; in every world."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from courser_models import ByteStream, LocalProtocolError, Request, Response
from courser_transport import (
    AddressNotAllowed,
    ConnectError,
    ConnectTimeout,
    Proxy,
    ProxyError,
    ReadError,
    RemoteProtocolError,
    public_addresses_only,
)
from courser_transport._dial import Dialer
from courser_transport._dial_settings import DialSettings
from courser_transport.testing import Step, breaks, ends, expects, hangs, sends
from pools import numbers, proxied_pool
from worlds import World, in_every_world

URL = "http://server.example/path?q=1"
OK = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
OPEN = sends(b"HTTP/1.1 200 Connection established\r\n\r\n")
TUNNEL = Proxy("http://proxy.example:3128", tunnels_http=True)


def _written(backend: Any, number: int = 0) -> bytes:
    return b"".join(backend.made[number].written)


async def _content(pool: Any, request: Request) -> bytes:
    response = await pool.send(request)
    assert isinstance(response.stream, ByteStream)
    return response.stream.read_all()


# Forwarding


@in_every_world
async def test_a_request_is_handed_to_the_proxy_with_its_whole_url(world: World) -> None:
    pool, backend = proxied_pool(world, "http://name:secret@proxy.example:3128", [OK])
    assert await _content(pool, Request("GET", URL)) == b"hello"
    assert backend.connected == ["proxy proxy.example:3128"]
    head = _written(backend)
    assert head.startswith(b"GET http://server.example/path?q=1 HTTP/1.1\r\nHost: server.example\r\n")
    assert b"\r\nProxy-Authorization: Basic bmFtZTpzZWNyZXQ=\r\n" in head


@in_every_world
async def test_all_servers_on_http_share_the_connections_to_the_proxy(world: World) -> None:
    pool, backend = proxied_pool(world, "http://proxy.example:3128", [OK])
    await _content(pool, Request("GET", "http://a.example/"))
    backend.made[0].steps = [expects(b"GET"), OK]
    await _content(pool, Request("GET", "http://b.example:8080/"))
    assert len(backend.made) == 1
    assert b"GET http://b.example:8080/ HTTP/1.1\r\nHost: b.example:8080\r\n" in _written(backend)
    assert list(pool.stats().origins) == ["http://* via http://proxy.example:3128"]


@in_every_world
async def test_an_address_of_ipv6_has_its_brackets(world: World) -> None:
    pool, backend = proxied_pool(world, "http://[::1]:3128", [OK])
    await _content(pool, Request("GET", "http://[2001:db8::1]:8080/"))
    assert backend.connected == ["proxy [::1]:3128"]
    assert _written(backend).startswith(b"GET http://[2001:db8::1]:8080/ HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n")


@in_every_world
async def test_a_request_may_bring_its_own_credentials_for_the_proxy(world: World) -> None:
    pool, backend = proxied_pool(world, "http://a:b@proxy.example", [OK])
    await _content(pool, Request("GET", URL, headers={"Proxy-Authorization": "Bearer own"}))
    assert _written(backend).count(b"Proxy-Authorization") == 1
    assert b"Proxy-Authorization: Bearer own\r\n" in _written(backend)


@in_every_world
async def test_a_field_for_a_proxy_never_reaches_the_server(world: World) -> None:
    request = Request("GET", URL, headers={"Proxy-Authorization": "canary", "X-Other": "1"})
    pool, backend = proxied_pool(world, TUNNEL, [OPEN, OK])
    await _content(pool, request)
    connect, _, head = _written(backend).partition(b"\r\n\r\n")
    assert connect.startswith(b"CONNECT ")
    assert b"canary" not in connect + head
    assert b"X-Other: 1" in head
    pool, backend = proxied_pool(world, TUNNEL, [OK])
    pool._connector.proxy = None
    await _content(pool, request)
    assert b"canary" not in _written(backend)


# Tunnels


@in_every_world
async def test_a_tunnel_is_asked_for_and_used(world: World) -> None:
    proxy = Proxy("http://name:secret@proxy.example:3128", headers={"X-Team": "blue"}, tunnels_http=True)
    pool, backend = proxied_pool(world, proxy, [OPEN, OK])
    assert await _content(pool, Request("GET", URL)) == b"hello"
    assert _written(backend) == (
        b"CONNECT server.example:80 HTTP/1.1\r\nHost: server.example:80\r\nX-Team: blue\r\n"
        b"Proxy-Authorization: Basic bmFtZTpzZWNyZXQ=\r\n\r\n"
        b"GET /path?q=1 HTTP/1.1\r\nHost: server.example\r\n\r\n"
    )


@in_every_world
async def test_a_tunnel_to_ipv6_has_brackets_and_no_zone(world: World) -> None:
    pool, backend = proxied_pool(world, TUNNEL, [OPEN, OK])
    await _content(pool, Request("GET", "http://[fe80::1%25eth0]:8080/"))
    assert _written(backend).startswith(b"CONNECT [fe80::1]:8080 HTTP/1.1\r\nHost: [fe80::1]:8080\r\n")


@in_every_world
async def test_interim_responses_and_a_length_do_not_count(world: World) -> None:
    answer = sends(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n")
    pool, _ = proxied_pool(world, TUNNEL, [answer, OK])
    assert await _content(pool, Request("GET", URL)) == b"hello"


@in_every_world
async def test_an_answer_may_come_in_any_pieces(world: World) -> None:
    pieces = [sends(b"%c" % byte) for byte in b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"]
    pool, _ = proxied_pool(world, TUNNEL, [*pieces, OK])
    assert await _content(pool, Request("GET", URL)) == b"hello"


REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
    b"Content-Length: 6\r\n\r\nplease"
)


@in_every_world
async def test_a_refusal_tells_what_the_proxy_said(world: World) -> None:
    pool, backend = proxied_pool(world, TUNNEL, [sends(REFUSAL)])
    request = Request("GET", URL)
    with pytest.raises(ProxyError) as caught:
        await pool.send(request)
    assert str(caught.value) == (
        "proxy proxy.example:3128 refused a tunnel to server.example:80: 407 Proxy Authentication Required; it wants "
        "credentials (Basic)"
    )
    assert caught.value.request is request
    assert caught.value.response is not None
    assert caught.value.response.status_code == 407
    assert caught.value.response.headers["proxy-authenticate"] == "Basic realm=x"
    assert caught.value.response.text == "please"
    assert backend.made[0].is_closed
    assert numbers(pool) == {}
    assert pickle.loads(pickle.dumps(caught.value)).response.text == "please"


@in_every_world
async def test_of_a_long_refusal_only_the_beginning_is_kept(world: World) -> None:
    head = sends(b"HTTP/1.1 503 Full\r\n\r\n")
    pool, _ = proxied_pool(world, TUNNEL, [head, *[sends(b"x" * 40000)] * 2, hangs()])
    with pytest.raises(ProxyError, match="503 Full") as caught:
        await pool.send(Request("GET", URL))
    assert caught.value.response is not None
    assert len(caught.value.response.content) == 65536


@in_every_world
async def test_a_refusal_may_be_chunked(world: World) -> None:
    answer = sends(b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n")
    pool, _ = proxied_pool(world, TUNNEL, [answer])
    with pytest.raises(ProxyError, match=r"refused a tunnel to server.example:80: 502 Bad Gateway") as caught:
        await pool.send(Request("GET", URL))
    assert caught.value.response is not None
    assert caught.value.response.text == "why"


WRONG: dict[str, tuple[list[Step], type[Exception], str]] = {
    "closes": ([ends()], ProxyError, "proxy proxy.example:3128 closed the connection without sending a response"),
    "closes in its answer": ([sends(b"HTTP/1.1 2"), ends()], ProxyError, "after 10 bytes of a response head"),
    "resets": ([breaks(ReadError("connection reset by peer"))], ProxyError, "connection reset by peer"),
    "speaks something else": ([sends(b"SSH-2.0-OpenSSH_9.2\r\n")], ProxyError, "not HTTP/1.1: b'SSH-2.0-OpenSSH_9.2"),
    "answers with garbage": ([sends(b"HTTP/1.1 2x0 ?\r\n\r\n")], ProxyError, "opening a tunnel to server.example:80"),
    "never ends its head": (
        [sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000)],
        ProxyError,
        "more than 102400 bytes",
    ),
    "speaks unasked in the tunnel": (
        [sends(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")],
        ProxyError,
        "sent 42 bytes into the tunnel before anything was asked",
    ),
    "hangs": (
        [hangs()],
        ConnectTimeout,
        r"opening a tunnel to server.example:80 through proxy proxy.example:3128 timed out after 0.01 s",
    ),
}


@pytest.mark.parametrize("how", WRONG)
@in_every_world
async def test_a_proxy_that_fails_is_named_and_keeps_no_place(world: World, how: str) -> None:
    steps, kind, message = WRONG[how]
    pool, backend = proxied_pool(world, TUNNEL, steps, [OPEN, OK], max_connections=1)
    with pytest.raises(kind, match=message) as caught:
        await pool.send(Request("GET", URL, extensions={"timeout": {"connect": 0.01 if how == "hangs" else 10.0}}))
    assert "server.example:80" in str(caught.value)
    assert backend.made[0].is_closed
    assert numbers(pool) == {}
    assert await _content(pool, Request("GET", URL)) == b"hello"


@in_every_world
async def test_a_proxy_that_is_down_is_a_failure_to_connect(world: World) -> None:
    pool, _ = proxied_pool(world, TUNNEL, ConnectError("connecting to proxy proxy.example:3128 failed: refused"))
    with pytest.raises(ConnectError, match=r"connecting to proxy proxy.example:3128 failed"):
        await pool.send(Request("GET", URL))
    assert numbers(pool) == {}


@in_every_world
async def test_a_thousand_failures_lose_no_place(world: World) -> None:
    scripts = [[steps, [ends()], [sends(REFUSAL)]][n % 3] for n, steps in enumerate([[sends(b"?" * 9)]] * 1000)]
    pool, _ = proxied_pool(world, TUNNEL, *scripts, [OPEN, OK], max_connections=2)
    for _ in range(1000):
        with pytest.raises(ProxyError):
            await pool.send(Request("GET", URL))
    assert numbers(pool) == {}
    assert await _content(pool, Request("GET", URL)) == b"hello"


@in_every_world
async def test_a_host_cannot_smuggle_lines_into_connect(world: World) -> None:
    pool, backend = proxied_pool(world, Proxy("http://proxy.example", tunnels_http=True), [OPEN, OK])
    with pytest.raises(LocalProtocolError):
        await pool.send(Request("GET", URL, headers={"Host": "server.example"}, extensions={"target": b"/ X\r\nY: z"}))
    assert backend.connected == []


# Challenges


class Answering:
    """A scheme that answers each challenge with its number, `most` times."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[str] = []
        self.targets: list[bytes] = []

    def auth_flow(self, request: Request) -> Any:
        response: Response = yield request
        while response.status_code == 401 and len(self.asked) < self.most:
            self.asked.append(response.headers["www-authenticate"])
            self.targets.append(request.extensions["target"])
            request.headers["Authorization"] = f"Test {len(self.asked)}"
            response = yield request


def _challenge(number: int) -> bytes:
    return (
        b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Test nonce=%d\r\nWWW-Authenticate: Other\r\n"
        b"Content-Length: 0\r\n\r\n" % number
    )


@in_every_world
async def test_a_scheme_answers_the_challenge_to_a_tunnel(world: World) -> None:
    scheme = Answering(2)
    proxy = Proxy("http://proxy.example", auth=scheme, tunnels_http=True)
    pool, backend = proxied_pool(
        world, proxy, [sends(_challenge(1))], [sends(_challenge(2))], [OPEN, expects(b"GET"), OK]
    )
    assert await _content(pool, Request("GET", URL, headers={"Authorization": "for the server"})) == b"hello"
    assert [stream.is_closed for stream in backend.made] == [True, True, False]
    assert b"Proxy-Authorization" not in _written(backend, 0)
    assert b"Proxy-Authorization: Test 1\r\n" in _written(backend, 1)
    connect, _, head = _written(backend, 2).partition(b"\r\n\r\n")
    assert b"Proxy-Authorization: Test 2" in connect
    assert b"Test" not in head
    assert b"Authorization: for the server" in head
    assert scheme.asked == ["Test nonce=1", "Test nonce=2"]
    assert scheme.targets == [b"server.example:80"] * 2


@in_every_world
async def test_a_scheme_that_has_nothing_more_to_say_ends_it(world: World) -> None:
    proxy = Proxy("http://proxy.example", auth=Answering(1), tunnels_http=True)
    pool, _ = proxied_pool(world, proxy, [sends(_challenge(1))], [sends(_challenge(2))])
    with pytest.raises(ProxyError, match=r"407 Who\?; it does not accept the credentials \(Test\)"):
        await pool.send(Request("GET", URL))
    assert numbers(pool) == {}


@in_every_world
async def test_a_scheme_that_never_ends_is_ended(world: World) -> None:
    proxy = Proxy("http://proxy.example", auth=Answering(10**6), tunnels_http=True)
    pool, backend = proxied_pool(world, proxy, *[[sends(_challenge(n))] for n in range(20)])
    with pytest.raises(ProxyError, match="407"):
        await pool.send(Request("GET", URL))
    assert len(backend.made) == 5


@in_every_world
async def test_a_scheme_answers_for_a_request_that_is_sent_on(world: World) -> None:
    scheme = Answering(2)
    pool, backend = proxied_pool(world, Proxy("http://proxy.example", auth=scheme), [sends(_challenge(1))])
    request = Request("POST", URL, content=b"body")
    backend._streams[0].steps += [expects(b"POST"), OK]  # type: ignore[union-attr]  # it is kept, and asked again
    response = await pool.send(request)
    assert response.request is request
    written = b"".join(b"".join(stream.written) for stream in backend.made)
    assert written.count(b"POST http://server.example/path?q=1 HTTP/1.1\r\n") == 2
    assert written.count(b"Proxy-Authorization: Test 1\r\n") == 1
    assert written.endswith(b"body")
    assert scheme.targets == [b"http://server.example/path?q=1"]
    assert "proxy-authorization" not in request.headers


@in_every_world
async def test_a_body_that_cannot_be_sent_again_gets_the_challenge_as_its_answer(world: World) -> None:
    proxy = Proxy("http://proxy.example", auth=Answering(2))
    pool, _ = proxied_pool(world, proxy, [expects(b"POST"), sends(_challenge(1))])
    response = await pool.send(Request("POST", URL, content=iter([b"once"]), headers={"Content-Length": "4"}))
    assert response.status_code == 407


@in_every_world
async def test_a_proxy_for_one_request(world: World) -> None:
    pool, backend = proxied_pool(world, "http://proxy.example", [OK], [OK], [OK])
    await _content(pool, Request("GET", URL))
    await _content(pool, Request("GET", URL, extensions={"proxy": None}))
    await _content(pool, Request("GET", URL, extensions={"proxy": "http://other.example:8080"}))
    assert backend.connected == ["proxy proxy.example:80", "server.example:80", "proxy other.example:8080"]
    assert set(pool.stats().origins) == {
        "http://* via http://proxy.example",
        "http://server.example",
        "http://* via http://other.example:8080",
    }


@in_every_world
async def test_what_is_no_proxy_is_refused_before_anybody_is_connected_to(world: World) -> None:
    pool, backend = proxied_pool(world, "http://proxy.example", [OK])
    with pytest.raises(ValueError, match="a proxy's URL begins with"):
        await pool.send(Request("GET", URL, extensions={"proxy": "ftp://other.example"}))
    assert backend.connected == []


@in_every_world
async def test_a_tunnel_that_closes_while_it_is_idle_is_not_used_again(world: World) -> None:
    pool, backend = proxied_pool(world, TUNNEL, [OPEN, OK], [OPEN, OK])
    await _content(pool, Request("GET", URL))
    backend.made[0].steps = [ends()]
    assert await _content(pool, Request("GET", URL)) == b"hello"
    assert len(backend.made) == 2


@in_every_world
async def test_a_proxy_that_breaks_http_while_it_sends_on_is_named(world: World) -> None:
    pool, _ = proxied_pool(world, "http://proxy.example:3128", [sends(b"what?\r\n")])
    with pytest.raises(RemoteProtocolError, match=r"proxy proxy.example:3128 answered with something that is not HTTP"):
        await pool.send(Request("GET", URL))


# The filter of addresses


@pytest.mark.parametrize("proxy", ["http://proxy.example", "socks5h://proxy.example", "socks4a://proxy.example"])
@in_every_world
async def test_a_filter_is_not_led_around_by_a_proxy(world: World, proxy: str) -> None:
    pool, backend = proxied_pool(world, proxy, [OK])
    pool._connector._dialer = Dialer(backend, DialSettings(connect_filter=public_addresses_only))
    for host in ("127.0.0.1", "[::ffff:10.0.0.1]", "server.example"):
        request = Request("GET", f"http://{host}/")
        with pytest.raises(AddressNotAllowed) as caught:
            await pool.send(request)
        assert caught.value.request is request
    assert backend.connected == []


@in_every_world
async def test_a_filter_is_asked_for_what_a_proxy_is_told_and_not_for_the_proxy(world: World) -> None:
    greeting, nobody = expects(b"\x05\x01\x00"), sends(b"\x05\x00")
    connected = sends(b"\x05\x00\x00\x01" + bytes(6))
    pool, backend = proxied_pool(world, "socks5://127.0.0.1:1080", [greeting, nobody, connected, expects(b"GET"), OK])
    asked: list[str] = []

    def only_documentation(address: Any) -> bool:
        asked.append(str(address))
        return str(address).startswith("192.0.2.")

    pool._connector._dialer = Dialer(
        backend,
        DialSettings(
            connect_filter=only_documentation,
            overrides={("server.example", None): ["192.0.2.7"], ("inside.example", None): ["10.0.0.1"]},
        ),
    )
    backend.resolve = _as_address  # type: ignore[method-assign]
    assert await _content(pool, Request("GET", URL)) == b"hello"
    with pytest.raises(AddressNotAllowed, match=r"connect_filter refuses 10\.0\.0\.1"):
        await pool.send(Request("GET", "http://inside.example/"))
    assert asked == ["192.0.2.7", "10.0.0.1"]
    assert backend.connected == ["proxy 127.0.0.1:1080"]


async def _as_address(host: str, port: int, deadline: Any) -> list[Any]:
    return [(2, (host, port))]
