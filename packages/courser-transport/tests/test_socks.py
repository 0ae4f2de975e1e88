"""Connections through a SOCKS proxy, byte by byte (RFC 1928, 1929), in every world."""

from __future__ import annotations

from typing import Any

import pytest

from courser_models import ByteStream, Request
from courser_transport import ConnectTimeout, Proxy, ProxyError, ReadError
from courser_transport.testing import ScriptedBackend, Step, breaks, ends, expects, hangs, sends
from pools import numbers, proxied_pool
from worlds import World, in_every_world

URL = "http://server.example:8080/"
OK = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
NOBODY = sends(b"\x05\x00")
PASSWORD = sends(b"\x05\x02")
CONNECTED = sends(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
NAME = b"\x03\x0eserver.example\x1f\x90"


async def _content(pool: Any, url: str = URL, **timeouts: float) -> bytes:
    response = await pool.send(Request("GET", url, extensions={"timeout": timeouts}))
    assert isinstance(response.stream, ByteStream)
    return response.stream.read_all()


def _resolving(backend: ScriptedBackend, *addresses: str) -> None:
    """Let every name have these addresses."""

    async def resolve(host: str, port: int, deadline: Any) -> list[Any]:
        return [(0, (address, port)) for address in addresses]

    backend.resolve = resolve  # type: ignore[method-assign]


@in_every_world
async def test_socks5h_passes_the_name_on(world: World) -> None:
    pool, backend = proxied_pool(
        world,
        "socks5h://proxy.example",
        [expects(b"\x05\x01\x00"), NOBODY, expects(b"\x05\x01\x00" + NAME), CONNECTED, expects(b"GET / "), OK],
    )
    assert await _content(pool) == b"hello"
    assert backend.connected == ["proxy proxy.example:1080"]
    assert b"Proxy-Authorization" not in b"".join(backend.made[0].written)


@in_every_world
async def test_socks5_looks_the_name_up_here(world: World) -> None:
    asks = expects(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x1f\x90")
    pool, backend = proxied_pool(
        world, "socks5://proxy.example", [expects(b"\x05\x01\x00"), NOBODY, asks, CONNECTED, OK]
    )
    _resolving(backend, "192.0.2.7")
    assert await _content(pool) == b"hello"


@in_every_world
async def test_an_address_that_the_proxy_cannot_reach_is_followed_by_the_next(world: World) -> None:
    unreachable = sends(b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00")
    ipv6 = expects(b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000007") + b"\x1f\x90")
    ipv4 = expects(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x1f\x90")
    greeting = expects(b"\x05\x01\x00")
    bad = [greeting, NOBODY, ipv6, unreachable]
    good = [greeting, NOBODY, ipv4, CONNECTED, expects(b"GET"), OK]
    pool, backend = proxied_pool(world, "socks5://proxy.example", bad, good)
    _resolving(backend, "2001:db8::7", "192.0.2.7")
    assert await _content(pool) == b"hello"
    assert [stream.is_closed for stream in backend.made] == [True, False]


@in_every_world
async def test_an_address_in_the_url_is_passed_as_one(world: World) -> None:
    asks = expects(b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x50")
    pool, _ = proxied_pool(world, "socks5h://proxy.example", [expects(b"\x05"), NOBODY, asks, CONNECTED, OK])
    assert await _content(pool, "http://[2001:db8::1]/") == b"hello"


@in_every_world
async def test_a_name_and_a_password_are_said_when_they_are_asked_for(world: World) -> None:
    pool, _ = proxied_pool(
        world,
        "socks5h://me:secret@proxy.example",
        [
            expects(b"\x05\x02\x00\x02"),
            PASSWORD,
            expects(b"\x01\x02me\x06secret"),
            sends(b"\x01\x00"),
            expects(b"\x05\x01\x00" + NAME),
            CONNECTED,
            OK,
        ],
    )
    assert await _content(pool) == b"hello"


@pytest.mark.parametrize("kind", [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x05proxy"])
@in_every_world
async def test_answers_may_come_in_any_pieces(world: World, kind: bytes) -> None:
    answer = b"\x05\x00\x00" + kind + b"\x04\x38"
    steps = [sends(b"%c" % byte) for byte in b"\x05\x00" + answer]
    pool, _ = proxied_pool(world, "socks5h://proxy.example", [*steps, OK])
    assert await _content(pool) == b"hello"


@in_every_world
async def test_socks4a_passes_the_name_on(world: World) -> None:
    asks = expects(b"\x04\x01\x1f\x90\x00\x00\x00\x01me\x00server.example\x00")
    pool, _ = proxied_pool(world, "socks4a://me@proxy.example", [asks, sends(b"\x00\x5a" + bytes(6)), OK])
    assert await _content(pool) == b"hello"


@in_every_world
async def test_socks4_looks_the_name_up_here_and_leaves_ipv6_out(world: World) -> None:
    asks = expects(b"\x04\x01\x1f\x90\xc0\x00\x02\x07\x00")
    pool, backend = proxied_pool(world, "socks4://proxy.example", [], [asks, sends(b"\x00\x5a" + bytes(6)), OK])
    _resolving(backend, "2001:db8::7", "192.0.2.7")
    assert await _content(pool) == b"hello"


LONG = "x" * 63 + ".example"
WRONG: dict[str, tuple[str, list[Step], type[Exception], str]] = {
    "closes": ("socks5h://p", [ends()], ProxyError, "it closed the connection in the middle of the SOCKS handshake"),
    "resets": (
        "socks5h://p",
        [breaks(ReadError("reset"))],
        ProxyError,
        "did not connect to server.example:8080: reset",
    ),
    "speaks http": ("socks5h://p", [sends(b"HTTP/1.1 400")], ProxyError, "its answer begins with the byte 72"),
    "speaks http, 4": ("socks4a://p", [sends(b"HTTP/1.1 400")], ProxyError, "its answer begins with the byte 72"),
    "wants a password": ("socks5h://p", [sends(b"\x05\xff")], ProxyError, "does not accept this client without cred"),
    "wants more": ("socks5h://a:b@p", [sends(b"\x05\xff")], ProxyError, "does not accept a name and a password"),
    "wants gssapi": (
        "socks5h://a:b@p",
        [sends(b"\x05\x01")],
        ProxyError,
        "chose authentication method 1, which was not",
    ),
    "refuses": ("socks5h://a:b@p", [PASSWORD, sends(b"\x01\x01")], ProxyError, "does not accept the name and the pass"),
    "long": (f"socks5h://{'a' * 256}:b@p", [PASSWORD], ProxyError, "names and passwords of 1 to 255 bytes"),
    "no rule": ("socks5h://p", [NOBODY, sends(b"\x05\x02\x00\x01")], ProxyError, "its rules do not allow it"),
    "not found": ("socks5h://p", [NOBODY, sends(b"\x05\x04\x00\x01")], ProxyError, "8080: host unreachable"),
    "unknown": ("socks5h://p", [NOBODY, sends(b"\x05\x63\x00\x01")], ProxyError, "8080: reply 99"),
    "odd address": ("socks5h://p", [NOBODY, sends(b"\x05\x00\x00\x09")], ProxyError, "address of the unknown type 9"),
    "other version": ("socks5h://p", [NOBODY, sends(b"\x04\x00\x00\x01")], ProxyError, "is not SOCKS 5"),
    "too much": ("socks5h://p", [NOBODY, sends(b"\x05\x00\x00\x01" + bytes(6) + b"HTTP")], ProxyError, "sent 4 bytes"),
    "rejected, 4": ("socks4a://p", [sends(b"\x00\x5b" + bytes(6))], ProxyError, "rejected or failed"),
    "password, 4": ("socks4a://a:b@p", [], ProxyError, "SOCKS 4 knows a name and no password"),
    "hangs": ("socks5h://p", [hangs()], ConnectTimeout, "through proxy p:1080 timed out after 0.01 s"),
    "hangs later": ("socks5h://p", [NOBODY, hangs()], ConnectTimeout, "through proxy p:1080 timed out after 0.01 s"),
    "hangs, 4": ("socks4a://p", [hangs()], ConnectTimeout, "through proxy p:1080 timed out after 0.01 s"),
}


@pytest.mark.parametrize("how", WRONG)
@in_every_world
async def test_a_proxy_that_fails_is_named_and_keeps_no_place(world: World, how: str) -> None:
    proxy, steps, kind, message = WRONG[how]
    pool, backend = proxied_pool(world, Proxy(proxy), steps)
    with pytest.raises(kind, match=message) as caught:
        await _content(pool, connect=0.01)
    assert "server.example:8080" in str(caught.value)
    assert "proxy p:1080" in str(caught.value)
    assert type(caught.value) is kind
    assert backend.made[0].is_closed
    assert numbers(pool) == {}


@in_every_world
async def test_a_name_that_does_not_fit_is_refused(world: World) -> None:
    host = ".".join(["x" * 60] * 4) + ".abcdefghijk"
    pool, _ = proxied_pool(world, "socks5h://proxy.example", [NOBODY])
    with pytest.raises(Exception, match=r"255 bytes|253"):
        await _content(pool, f"http://{host}/")
