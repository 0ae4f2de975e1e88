"""Whatever decides who the peer is has connections of its own."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courser_models import Origin, Request
from courser_transport import CachingResolver, ConnectError, HTTPTransport, Limits, Proxy, public_addresses_only
from courser_transport._route import route_of
from courser_transport.testing import sends
from pools import scripted_pool
from worlds import World, in_every_world

CONTEXTS = [ssl.create_default_context(), ssl.create_default_context()]

# Each a way to vary one thing; the first of each is how it usually is.
CHOICES: dict[str, list[Any]] = {
    "scheme": ["https", "http"],
    "host": ["a.example", "b.example"],
    "port": [443, 8443],
    "proxy": [
        None,
        Proxy("http://proxy.example"),
        Proxy("http://proxy.example", auth=("a", "b")),
        Proxy("http://proxy.example", auth=("a", "c")),
        Proxy("http://proxy.example", headers={"X-Team": "blue"}),
        Proxy("http://proxy.example", tunnels_http=True),
        Proxy("https://proxy.example"),
        Proxy("https://proxy.example", ssl_context=CONTEXTS[0]),
        Proxy("https://proxy.example", ssl_context=CONTEXTS[1]),
        Proxy("socks5://proxy.example"),
        Proxy("socks5h://proxy.example"),
    ],
    "sni_hostname": [None, "x.example", "y.example"],
    "verify": [None, False, CONTEXTS[0], CONTEXTS[1], "ca.pem"],
}
PEERS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()})


def _who(peer: dict[str, Any]) -> tuple[Any, ...]:
    """Everything that decides who the peer is, spelled out: what two requests must have in common to share."""
    proxy = peer["proxy"]
    if peer["scheme"] == "http":
        if proxy is not None and not proxy.is_socks and not proxy.tunnels_http:
            return "forwarded", proxy
        return "http", peer["host"], peer["port"], proxy
    return "https", peer["host"], peer["port"], proxy, peer["sni_hostname"], peer["verify"]


def _route(peer: dict[str, Any]) -> Any:
    extensions = {name: peer[name] for name in ("proxy", "sni_hostname", "verify") if peer[name] is not None}
    return route_of(Origin(peer["scheme"], peer["host"], peer["port"]), extensions, None, forwards=True)


@settings(max_examples=500, deadline=None)
@given(one=PEERS, other=PEERS)
def test_two_requests_share_a_connection_exactly_where_the_peer_is_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = _who(one) == _who(other)
    assert (_route(one) == _route(other)) is same
    if same:
        assert hash(_route(one)) == hash(_route(other))


@settings(max_examples=300, deadline=None)
@given(peer=PEERS, name=st.sampled_from(sorted(CHOICES)), data=st.data())
def test_varying_one_thing_is_another_peer(peer: dict[str, Any], name: str, data: st.DataObject) -> None:
    varied = {**peer, name: data.draw(st.sampled_from([value for value in CHOICES[name] if value is not peer[name]]))}
    assert (_route(varied) == _route(peer)) is (_who(varied) == _who(peer))


def test_an_ordinary_request_goes_by_its_origin() -> None:
    origin = Origin("https", "a.example", 443)
    assert route_of(origin, {"timeout": {}, "trace": print}, None, forwards=True) is origin


@in_every_world
async def test_a_connection_is_not_lent_to_a_request_for_another_peer(world: World) -> None:
    pool, backend = scripted_pool(world, [])
    origin = Origin("http", "a.example", 80)
    held = await pool.acquire(origin, {})
    pool.release(held)
    for proxy in (
        Proxy("http://p.example", tunnels_http=True),
        Proxy("http://p.example"),
        Proxy("socks5h://p.example"),
    ):
        assert pool._take_idle(route_of(origin, {"proxy": proxy}, None, forwards=True)) is None
    assert pool._take_idle(route_of(origin, {"proxy": None}, None, forwards=True)) is held
    pool.release(held)
    assert backend.connected == ["a.example:80"]


@pytest.mark.parametrize(
    "settings_of_its_own",
    [
        {"verify": False},
        {"http2": True},
        {"proxy": "http://proxy.example"},
        {"retries": 1},
        {"limits": Limits()},
        {"pins": {"a.example": "00" * 32}},
        {"uds": "/run/server.sock"},
        {"local_address": "127.0.0.2"},
        {"socket_options": [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]},
        {"resolve": {"a.example": "192.0.2.1"}},
        {"resolver": CachingResolver()},
        {"connect_filter": public_addresses_only},
    ],
)
def test_what_a_transport_says_for_all_needs_no_place_in_the_key(settings_of_its_own: dict[str, Any]) -> None:
    with HTTPTransport() as one, HTTPTransport(**settings_of_its_own) as other:
        assert one.pool is not other.pool
        assert one.pool._places is not other.pool._places


def test_the_name_for_tls_is_the_one_that_is_checked() -> None:
    origin = Origin("https", "a.example", 443)
    assert route_of(origin, {"sni_hostname": b"x.example"}, None, True) == route_of(
        origin, {"sni_hostname": "x.example"}, None, True
    )
    assert "as x.example" in str(route_of(origin, {"sni_hostname": b"x.example"}, None, True))


@pytest.mark.parametrize("retries", [-1, 1.5, "2", True])
@in_every_world
async def test_a_number_of_retries_that_is_none_is_refused(world: World, retries: Any) -> None:
    pool, backend = scripted_pool(world, [])
    with pytest.raises(ValueError, match="retries is a number of attempts"):
        await pool.send(Request("GET", "http://a.example/", extensions={"retries": retries}))
    assert backend.connected == []
    assert pool.open == 0


@in_every_world
async def test_a_request_may_say_itself_how_often_connecting_is_tried(world: World) -> None:
    failure = ConnectError("connection refused")
    pool, backend = scripted_pool(world, failure, failure, [sends(b"HTTP/1.1 204 No Content\r\n\r\n")])
    response = await pool.send(Request("GET", "http://a.example/", extensions={"retries": 2}))
    assert response.status_code == 204
    assert backend.slept == [0.0, 0.5]
