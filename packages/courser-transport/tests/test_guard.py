"""`connect_filter`: nobody is connected to whose address it refuses, however the URL, a name or an answer has it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courser_models import InvalidURL, Request
from courser_transport import AddressNotAllowed, CachingResolver, ConnectError, Deadline, public_addresses_only
from courser_transport._connect import Connector
from courser_transport._dial import Dialer
from courser_transport._dial_settings import dial_settings
from courser_transport._tls import TLSSettings
from courser_transport.testing import ScriptedBackend, ScriptedStream, sends
from darkness import FAMILIES, HERE
from dialling import dialer, dialling, get, names
from exchanges import collect
from loopback import peer
from serving import OK, serving
from worlds import PATIENCE, World, in_every_world

HOSTS = [
    line.split("\t")[0]
    for line in Path(__file__).with_name("ssrf_hosts.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
SERVER = ipaddress.ip_address("127.0.0.1")


@contextlib.contextmanager
def listening_everywhere() -> Iterator[list[socket.socket]]:
    """Give listeners at one port of every address of this machine, which accept without waiting."""
    with contextlib.ExitStack() as sockets:
        listeners: list[socket.socket] = []
        for family in FAMILIES:
            place = "0.0.0.0" if family == socket.AF_INET else "::"
            port = listeners[0].getsockname()[1] if listeners else 0
            listener = sockets.enter_context(socket.create_server((place, port), family=family))
            listener.setblocking(False)
            listeners.append(listener)
        yield listeners


def connections_to(listeners: list[socket.socket]) -> int:
    """Return how many connections came."""
    accepted = 0
    for listener in listeners:
        with contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()
                accepted += 1
    return accepted


@in_every_world
@pytest.mark.parametrize("host", HOSTS)
async def test_no_notation_leads_past_the_filter(world: World, host: str) -> None:
    with listening_everywhere() as listeners, dialling(world, connect_filter=public_addresses_only) as pool:
        port = listeners[0].getsockname()[1]
        try:
            request = Request("GET", f"http://{host}:{port}/")
        except InvalidURL:
            return
        with pytest.raises(ConnectError) as caught:
            await pool.send(request)
        # A name that this machine does not know is the only other way to fail.
        assert isinstance(caught.value, AddressNotAllowed) or str(caught.value).startswith("looking up localhost")
        assert connections_to(listeners) == 0
        assert pool.open == 0


@in_every_world
@pytest.mark.parametrize("family", FAMILIES)
async def test_the_same_listeners_are_reached_without_a_filter(world: World, family: int) -> None:
    with listening_everywhere() as listeners:
        port = listeners[0].getsockname()[1]
        host = HERE[socket.AddressFamily(family)]
        (await dialer(world).dial(host, port, "peer", Deadline(PATIENCE), None)).close()
        assert connections_to(listeners) == 1


@in_every_world
async def test_the_refusal_names_host_and_address_and_what_to_do(world: World) -> None:
    settings = {"resolver": names(world, ["10.0.0.1", "fd00::1"]), "connect_filter": public_addresses_only}
    with dialling(world, **settings) as pool, pytest.raises(AddressNotAllowed) as caught:
        await pool.send(Request("GET", "http://api.example:8080/"))
    assert str(caught.value) == (
        "connecting to api.example:8080 is not allowed: connect_filter refuses 10.0.0.1, fd00::1; "
        "if this peer may be connected to, let the filter allow its address"
    )
    assert caught.value.request.url.host == "api.example"


@in_every_world
@pytest.mark.parametrize("setting", ["resolver", "resolve", "cache", "system"])
async def test_wherever_an_address_comes_from_it_is_asked_for(world: World, setting: str) -> None:
    asked: list[Any] = []

    def note(address: Any) -> bool:
        asked.append(address)
        return True

    with serving() as server:
        host = "localhost" if setting == "system" else "a.example"
        settings: dict[str, Any] = {
            "resolver": {"resolver": names(world, ["127.0.0.1"])},
            "resolve": {"resolve": {"a.example": "127.0.0.1"}},
            "cache": {"resolver": CachingResolver(names(world, ["127.0.0.1"]))},
            "system": {},
        }[setting]
        for allows, expected in ((note, b"hello"), (public_addresses_only, None)):
            with dialling(world, connect_filter=allows, **settings) as pool:
                if expected is None:
                    with pytest.raises(AddressNotAllowed):
                        await get(pool, f"http://{host}:{server.port}/")
                else:
                    assert await get(pool, f"http://{host}:{server.port}/") == expected
        assert SERVER in asked


@in_every_world
async def test_an_answer_that_changes_leads_nowhere_else(world: World) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]])
    resolver = names(world, lambda host, port: next(answers))
    allows_one = {"resolver": resolver, "connect_filter": lambda address: address == SERVER}
    with serving() as server, dialling(world, **allows_one) as pool:
        request = Request("GET", f"http://a.example:{server.port}/", headers={"Connection": "close"})
        assert await collect(await pool.send(request)) == b"hello"
        with pytest.raises(AddressNotAllowed, match=r"refuses 127\.0\.0\.2"):
            await pool.send(request)
        assert await collect(await pool.send(request)) == b"hello"
        assert len(server.connections) == 2
    assert len(resolver.asked) == 3, "one look-up for each connection: nothing is asked again after the filter"


@in_every_world
async def test_only_those_addresses_are_dialled_that_are_allowed(world: World) -> None:
    with listening_everywhere() as listeners:
        resolver = names(world, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
        guarded = dialer(world, resolver=resolver, connect_filter=lambda address: address == SERVER)
        port = listeners[0].getsockname()[1]
        stream = await guarded.dial("a.example", port, "a.example", Deadline(PATIENCE), None)
        assert stream.extra("peer_address") == ("127.0.0.1", port)
        stream.close()
        assert connections_to(listeners) == 1


@in_every_world
async def test_a_refusal_is_not_tried_again(world: World) -> None:
    resolver = names(world, ["10.0.0.1"])
    backend = ScriptedBackend([], world.backend)
    settings = dial_settings(has_loop=world.has_loop, resolver=resolver, connect_filter=public_addresses_only)
    connector = Connector(backend, TLSSettings(), 5, dialer=Dialer(backend, settings))
    with pytest.raises(AddressNotAllowed):
        await connector.connect(Request("GET", "http://a.example/").url.origin, Deadline(PATIENCE))  # type: ignore[arg-type]
    assert len(resolver.asked) == 1
    assert (backend.slept, backend.connected) == ([], [])


@in_every_world
async def test_an_ipv4_mapped_address_is_shown_as_what_it_is_to_the_system(world: World) -> None:
    asked: list[Any] = []

    def refuse(address: Any) -> bool:
        asked.append(address)
        return False

    with dialling(world, connect_filter=refuse) as pool, pytest.raises(AddressNotAllowed):
        await get(pool, "http://[::ffff:192.0.2.7]/")
    assert asked == [ipaddress.IPv4Address("192.0.2.7")]


@in_every_world
async def test_a_network_without_real_addresses_is_not_trusted_to_be_allowed(world: World) -> None:
    backend = ScriptedBackend([ScriptedStream([sends(OK)])], world.backend)
    guarded = Dialer(backend, dial_settings(has_loop=world.has_loop, connect_filter=lambda address: True))
    with pytest.raises(ConnectError, match=r"'a\.example' is no address"):
        await guarded.dial("a.example", 80, "a.example:80", Deadline(PATIENCE), None)
    assert backend.connected == []


@in_every_world
async def test_what_a_filter_raises_comes_out_and_nobody_is_connected_to(world: World) -> None:
    def broken(address: Any) -> bool:
        raise LookupError("a mistake in the filter")

    with listening_everywhere() as listeners, dialling(world, connect_filter=broken) as pool:
        with pytest.raises(LookupError, match="a mistake in the filter"):
            await get(pool, f"http://127.0.0.1:{listeners[0].getsockname()[1]}/")
        assert connections_to(listeners) == 0
        assert pool.open == 0


async def _always(address: Any) -> bool:
    return False


def test_a_filter_that_could_never_say_no_is_refused() -> None:
    with pytest.raises(TypeError, match="connect_filter must be a plain function"):
        dial_settings(has_loop=True, connect_filter=_always)
    with pytest.raises(TypeError, match="connect_filter must be a function of an address, not list"):
        dial_settings(has_loop=True, connect_filter=[])  # type: ignore[arg-type]


@in_every_world
async def test_a_filter_whose_answer_has_to_be_awaited_allows_nothing(world: World) -> None:
    coroutines: list[Any] = []

    def hidden(address: Any) -> Any:
        coroutines.append(_always(address))
        return coroutines[-1]

    with dialling(world, connect_filter=hidden) as pool, pytest.raises(TypeError, match="has to be awaited"):
        await get(pool, "http://127.0.0.1/")
    coroutines[0].close()


@in_every_world
async def test_whoever_runs_the_program_may_name_a_proxy_at_any_address(world: World) -> None:
    with peer() as p:
        guarded = dialer(world, connect_filter=public_addresses_only)
        (await guarded.dial("127.0.0.1", p.port, "proxy", Deadline(PATIENCE), None, is_guarded=False)).close()
        with pytest.raises(AddressNotAllowed):
            await guarded.dial("127.0.0.1", p.port, "proxy", Deadline(PATIENCE), None)


@in_every_world
async def test_addresses_for_others_to_connect_to_are_asked_for_too(world: World) -> None:
    resolver = names(world, ["10.0.0.1", "192.0.2.1", "8.8.8.8"])
    guarded = dialer(world, resolver=resolver, connect_filter=public_addresses_only)
    assert await guarded.resolve("a.example", 443, Deadline(PATIENCE)) == [(socket.AF_INET, ("8.8.8.8", 443))]
    with pytest.raises(AddressNotAllowed, match=r"connecting to 10\.0\.0\.1 is not allowed"):
        await guarded.resolve("10.0.0.1", 443, Deadline(PATIENCE))


@in_every_world
async def test_behind_a_proxy_addresses_are_asked_for_and_names_refused(world: World) -> None:
    guarded = dialer(world, connect_filter=public_addresses_only)
    for host in ("10.0.0.1", "::1", "::ffff:7f00:1", "fe80::1%eth0"):
        with pytest.raises(AddressNotAllowed, match=f"^connecting to {host} is not allowed: connect_filter refuses"):
            guarded.check_behind("proxy p.example:3128", host)
    for host in ("internal.example", "localhost", "example.org"):
        with pytest.raises(AddressNotAllowed, match="the proxy looks the name up, and connect_filter cannot see"):
            guarded.check_behind("proxy p.example:3128", host)
    for host in ("8.8.8.8", "2606:4700::1111"):
        guarded.check_behind("proxy p.example:3128", host)
    dialer(world).check_behind("proxy p.example:3128", "10.0.0.1")
