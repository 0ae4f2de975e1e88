"""Addresses that somebody else than the system knows: a resolver, static ones, and a memory of answers."""

from __future__ import annotations

import contextvars
import ipaddress
import socket
import threading
import time
from typing import Any

import pytest

from courser_models import Request
from courser_transport import (
    AsyncHTTPTransport,
    CachingResolver,
    ConnectError,
    ConnectTimeout,
    Deadline,
    HTTPTransport,
    create_ssl_context,
)
from courser_transport._dial_settings import dial_settings
from darkness import refusing
from dialling import AsyncNames, Names, dialer, dialling, get, names
from serving import Certificates, serving
from worlds import PATIENCE, World, in_event_loops, in_every_world


@in_every_world
@pytest.mark.parametrize("answer", [["127.0.0.1"], ("127.0.0.1",), {"127.0.0.1"}, [ipaddress.ip_address("127.0.0.1")]])
async def test_a_resolver_says_where_a_host_is(world: World, answer: Any) -> None:
    resolver = names(world, answer)
    with serving() as server, dialling(world, resolver=resolver) as pool:
        assert await get(pool, f"http://Api.Example:{server.port}/") == b"hello"
        assert resolver.asked == [("api.example", server.port)]


@in_event_loops
async def test_a_plain_resolver_may_block_in_an_async_client_too(world: World) -> None:
    threads: list[str] = []
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    variable.set("seen")

    def answer(host: str, port: int) -> list[str]:
        threads.append(threading.current_thread().name)
        assert variable.get() == "seen"
        return ["127.0.0.1"]

    with serving() as server, dialling(world, resolver=Names(answer)) as pool:
        assert await get(pool, f"http://a.example:{server.port}/") == b"hello"
        assert threads == ["courser resolver for a.example"]


@in_event_loops
async def test_a_plain_function_that_returns_something_to_await_is_awaited(world: World) -> None:
    async def answer() -> list[str]:
        await world.turn()
        return ["127.0.0.1"]

    with serving() as server, dialling(world, resolver=Names(lambda host, port: answer())) as pool:
        assert await get(pool, f"http://a.example:{server.port}/") == b"hello"


@in_every_world
async def test_an_address_in_the_url_is_not_asked_for(world: World) -> None:
    resolver = names(world, ["192.0.2.1"])
    with serving() as server, dialling(world, resolver=resolver) as pool:
        assert await get(pool, f"http://127.0.0.1:{server.port}/") == b"hello"
        assert resolver.asked == []


@in_every_world
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([], r"the resolver \w+ knows no address of it"),
        ("127.0.0.1", r"the resolver \w+ answered '127\.0\.0\.1', and not with a list of IP addresses"),
        (None, r"the resolver \w+ answered None, and not with a list of IP addresses"),
        (["b.example"], r"the resolver \w+ answered with 'b\.example', which is no IP address"),
        ([("127.0.0.1", 80)], r"the resolver \w+ answered with \('127\.0\.0\.1', 80\), which is no IP address"),
        ([1], r"the resolver \w+ answered with 1, which is no IP address"),
    ],
)
async def test_an_answer_that_is_none_is_told(world: World, answer: Any, sentence: str) -> None:
    with dialling(world, resolver=names(world, answer)) as pool:
        with pytest.raises(ConnectError, match=f"^looking up a.example failed: {sentence}$"):
            await get(pool, "http://a.example/")
        assert pool.open == 0


@in_every_world
async def test_what_a_resolver_raises_is_the_cause_of_a_connect_error(world: World) -> None:
    mistake = LookupError("no such zone")

    def fail(host: str, port: int) -> Any:
        raise mistake

    with dialling(world, resolver=names(world, fail)) as pool:
        with pytest.raises(
            ConnectError, match=r"looking up a\.example failed: the resolver \w+ says no such zone"
        ) as it:
            await get(pool, "http://a.example/")
        assert it.value.__cause__ is mistake
        assert pool.open == 0


@in_every_world
async def test_a_resolver_of_its_own_impatience_is_no_time_out_of_ours(world: World) -> None:
    def fail(host: str, port: int) -> Any:
        raise TimeoutError("the name server is silent")

    with pytest.raises(ConnectError, match="the name server is silent"):
        await dialer(world, resolver=names(world, fail)).resolve("a.example", 80, Deadline(PATIENCE))


@in_every_world
async def test_a_resolver_that_hangs_ends_with_the_limit_for_connecting(world: World) -> None:
    over = threading.Event()

    def block(host: str, port: int) -> list[str]:
        over.wait(PATIENCE)
        return []

    started = time.monotonic()
    resolvers: list[Any] = [Names(block)]
    if world.has_loop:
        resolvers.append(AsyncNames(lambda host, port: world.backend.sleep(PATIENCE)))
    for resolver in resolvers:
        with pytest.raises(ConnectTimeout, match=r"^looking up a\.example timed out after 0\.1 s$"):
            await dialer(world, resolver=resolver).resolve("a.example", 80, Deadline(0.1))
    assert time.monotonic() - started < 0.5
    over.set()


def test_an_async_resolver_does_not_suit_a_sync_client() -> None:
    with pytest.raises(TypeError, match="the resolver AsyncNames is for an async client"):
        HTTPTransport(resolver=AsyncNames([]))
    with pytest.raises(TypeError, match="the resolver AsyncNames is for an async client"):
        HTTPTransport(resolver=CachingResolver(AsyncNames([])))
    AsyncHTTPTransport(resolver=AsyncNames([]))
    with pytest.raises(TypeError, match=r"resolver needs a method resolve\(host, port\), which dict does not have"):
        AsyncHTTPTransport(resolver={})  # type: ignore[arg-type]


@in_every_world
@pytest.mark.parametrize("key", ["localhost", "LOCALHOST", "localhost.", "localhost:{port}"])
async def test_a_static_address_goes_before_the_resolver_and_changes_nothing_else(
    world: World, key: str, certificates: Certificates
) -> None:
    resolver = names(world, ["192.0.2.1"])
    with serving(certificates.server) as server:
        context = create_ssl_context(certificates.file)
        resolve = {key.format(port=server.port): "127.0.0.1"}
        with dialling(world, context, resolver=resolver, resolve=resolve) as pool:
            request = Request("GET", f"https://localhost:{server.port}/")
            response = await pool.send(request)
            # The certificate says localhost: the handshake asked for the host of the URL, and checked it.
            assert response.extensions["peer_address"] == ("127.0.0.1", server.port)
            assert request.headers["host"] == f"localhost:{server.port}"
        assert resolver.asked == []


@in_every_world
async def test_a_static_address_does_not_make_a_certificate_valid(world: World, certificates: Certificates) -> None:
    with serving(certificates.server) as server:
        context = create_ssl_context(certificates.file)
        with (
            dialling(world, context, resolve={"other.example": "127.0.0.1"}) as pool,
            pytest.raises(ConnectError, match=r"not valid for 'other\.example'"),
        ):
            await get(pool, f"https://other.example:{server.port}/")


@in_every_world
async def test_static_addresses_may_be_several_and_for_one_port(world: World) -> None:
    with serving() as server, refusing() as (_, (_, closed)):
        resolve = {f"a.example:{server.port}": ["[::1]", "127.0.0.1"], "a.example": ["192.0.2.1"]}
        with dialling(world, resolve=resolve) as pool:
            assert await get(pool, f"http://a.example:{server.port}/") == b"hello"
        found = await dialer(world, resolve=resolve).resolve("a.example", closed, Deadline(PATIENCE))
        assert found == [(socket.AF_INET, ("192.0.2.1", closed))]


@pytest.mark.parametrize(
    ("resolve", "overrides"),
    [
        ({"a.example": "192.0.2.1"}, {("a.example", None): ["192.0.2.1"]}),
        ({"A.example:443": ["192.0.2.1", "[2001:DB8::1]"]}, {("a.example", 443): ["192.0.2.1", "2001:db8::1"]}),
        ({"bücher.example": "2001:db8::1"}, {("xn--bcher-kva.example", None): ["2001:db8::1"]}),
        ({"[2001:db8::2]:80": "192.0.2.1"}, {("2001:db8::2", 80): ["192.0.2.1"]}),
        ({"2001:db8::2": "192.0.2.1"}, {("2001:db8::2", None): ["192.0.2.1"]}),
        ({"[2001:db8::2]": "192.0.2.1"}, {("2001:db8::2", None): ["192.0.2.1"]}),
        ({"a.": ipaddress.ip_address("::1")}, {("a", None): ["::1"]}),
        ({}, {}),
        (None, {}),
    ],
)  # fmt: skip
def test_hosts_are_read_as_urls_have_them(resolve: Any, overrides: Any) -> None:
    assert dial_settings(has_loop=True, resolve=resolve).overrides == overrides


@pytest.mark.parametrize(
    ("resolve", "sentence"),
    [
        ({"a.example": "b.example"}, r"resolve leads 'a\.example' to 'b\.example', which is no IP address"),
        ({"a.example": "192.0.2.1:80"}, "which is no IP address"),
        ({"a.example": []}, "resolve leads 'a.example' to no address"),
        ({"a.example:https": "192.0.2.1"}, "whose port is not a number up to 65535"),
        ({"a.example:65536": "192.0.2.1"}, "whose port is not a number up to 65535"),
        ({"http://a.example": "192.0.2.1"}, "resolve has the key 'http://a.example'"),
        ({"a.example/x": "192.0.2.1"}, "resolve has the key 'a.example/x'; a key is a host"),
        ({"": "192.0.2.1"}, "resolve has the key ''"),
        ({"[::1": "192.0.2.1"}, "resolve has the key"),
    ],
)
def test_static_addresses_that_make_no_sense_are_refused(resolve: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HTTPTransport(resolve=resolve)


@in_every_world
async def test_an_answer_is_remembered_for_its_time(world: World) -> None:
    resolver = names(world, ["127.0.0.1"])
    cache = CachingResolver(resolver, ttl=60.0)
    with serving() as server:
        for _ in range(2):  # two clients, each with connections of its own
            with dialling(world, resolver=cache) as pool:
                assert await get(pool, f"http://a.example:{server.port}/") == b"hello"
    assert len(resolver.asked) == 1
    await dialer(world, resolver=cache).resolve("b.example", 80, Deadline(PATIENCE))
    await dialer(world, resolver=cache).resolve("a.example", 80, Deadline(PATIENCE))
    cache.clear()
    await dialer(world, resolver=cache).resolve("a.example", 80, Deadline(PATIENCE))
    assert resolver.asked == [("a.example", server.port), ("b.example", 80), ("a.example", 80), ("a.example", 80)]


@in_every_world
async def test_an_answer_is_forgotten_after_its_time_and_when_others_need_the_room(world: World) -> None:
    resolver = names(world, ["127.0.0.1"])
    brief = dialer(world, resolver=CachingResolver(resolver, ttl=0.0))
    for _ in range(2):
        await brief.resolve("a.example", 80, Deadline(PATIENCE))
    assert len(resolver.asked) == 2
    small = dialer(world, resolver=CachingResolver(resolver, size=2))
    for host in "abcab":
        await small.resolve(f"{host}.example", 80, Deadline(PATIENCE))
    assert len(resolver.asked) == 7, "a was forgotten for c, and then b for a"


@in_every_world
async def test_an_address_that_could_not_be_connected_to_is_forgotten(world: World) -> None:
    resolver = names(world, ["127.0.0.1"])
    dialling_once = dialer(world, resolver=CachingResolver(resolver))
    with refusing() as (_, (_, closed)):
        for _ in range(2):
            with pytest.raises(ConnectError, match="connection refused"):
                await dialling_once.dial("a.example", closed, "a.example", Deadline(PATIENCE), None)
    assert len(resolver.asked) == 2


@in_every_world
async def test_a_failure_is_not_remembered(world: World) -> None:
    answers = iter([[], ["127.0.0.1"]])
    resolver = names(world, lambda host, port: next(answers))
    cached = dialer(world, resolver=CachingResolver(resolver))
    with pytest.raises(ConnectError, match="knows no address"):
        await cached.resolve("a.example", 80, Deadline(PATIENCE))
    assert await cached.resolve("a.example", 80, Deadline(PATIENCE))


@in_every_world
async def test_the_system_is_asked_where_no_resolver_is_given(world: World) -> None:
    found = await dialer(world, resolver=CachingResolver()).resolve("localhost", 80, Deadline(PATIENCE))
    assert ("127.0.0.1", 80) in [address[:2] for _, address in found]


class SlowNames:
    """Names that are answered when they are let go, in any world; each look-up takes the next answer."""

    def __init__(self, world: World, *answers: Any) -> None:
        self._answers = list(answers)
        self._is_let_go = threading.Event()
        self._world = world
        self.resolver = names(world, self._answer)

    def _answer(self, host: str, port: int) -> Any:
        answer = self._answers.pop(0)
        if self._world.has_loop:
            return self._later(answer)
        assert self._is_let_go.wait(PATIENCE)
        return self._now(answer)

    async def _later(self, answer: Any) -> Any:
        await self._world.until(self._is_let_go.is_set)
        return self._now(answer)

    def _now(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def let_go(self) -> None:
        self._is_let_go.set()


def _waiting(cache: CachingResolver) -> int:
    return sum(len(flight.waiting) for flight in cache._flights.values())


@in_every_world
@pytest.mark.parametrize("answer", [["192.0.2.1"], LookupError("no such zone")])
async def test_one_look_up_serves_all_who_ask_meanwhile(world: World, answer: Any) -> None:
    slow = SlowNames(world, answer)
    cache = CachingResolver(slow.resolver)
    shared = dialer(world, resolver=cache)

    async def ask() -> Any:
        try:
            return await shared.resolve("a.example", 80, Deadline(PATIENCE))
        except ConnectError as error:
            return str(error)

    tasks = [await world.beside(ask) for _ in range(10)]
    await world.until(lambda: _waiting(cache) == 9)
    slow.let_go()
    outcomes = [await task.result() for task in tasks]
    assert len(slow.resolver.asked) == 1
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert ("no such zone" in outcomes[0]) is isinstance(answer, Exception)
    assert not cache._flights


@in_event_loops
@pytest.mark.parametrize("also", [0, 1, 2])
async def test_who_asked_first_may_be_cancelled(world: World, also: int) -> None:
    slow = SlowNames(world, ["192.0.2.1"], ["192.0.2.2"])
    cache = CachingResolver(slow.resolver)
    shared = dialer(world, resolver=cache)

    async def ask() -> Any:
        return await shared.resolve("a.example", 80, Deadline(PATIENCE))

    tasks = [await world.beside(ask)]
    await world.until(lambda: len(slow.resolver.asked) == 1)
    tasks += [await world.beside(ask) for _ in range(4)]
    await world.until(lambda: _waiting(cache) == 4)
    for task in tasks[: 1 + also]:  # in the same turn, so that the next may have been told already
        task.cancel()
    for task in tasks[: 1 + also]:
        await task.ended()
        assert task.was_cancelled
    slow.let_go()
    for task in tasks[1 + also :]:
        assert await task.result() == [(socket.AF_INET, ("192.0.2.2", 80))]
    assert len(slow.resolver.asked) == 2
    assert not cache._flights


@in_every_world
async def test_who_asked_first_may_have_less_time_than_the_others(world: World) -> None:
    slow = SlowNames(world, ["192.0.2.1"], ["192.0.2.2"])
    cache = CachingResolver(slow.resolver)
    shared = dialer(world, resolver=cache)

    async def ask(seconds: float) -> Any:
        return await shared.resolve("a.example", 80, Deadline(seconds))

    brief = await world.beside(lambda: ask(0.1))
    await world.until(lambda: len(slow.resolver.asked) == 1)
    patient = await world.beside(lambda: ask(PATIENCE))
    with pytest.raises(ConnectTimeout, match=r"looking up a\.example timed out after 0\.1 s"):
        await brief.result()
    slow.let_go()
    assert await patient.result() == [(socket.AF_INET, ("192.0.2.2", 80))]


@in_every_world
async def test_who_waits_for_another_keeps_to_the_own_limit(world: World) -> None:
    slow = SlowNames(world, ["192.0.2.1"])
    cache = CachingResolver(slow.resolver)
    shared = dialer(world, resolver=cache)

    async def ask(seconds: float) -> Any:
        return await shared.resolve("a.example", 80, Deadline(seconds))

    patient = await world.beside(lambda: ask(PATIENCE))
    await world.until(lambda: len(slow.resolver.asked) == 1)
    with pytest.raises(ConnectTimeout, match=r"looking up a\.example timed out after 0\.05 s"):
        await ask(0.05)
    slow.let_go()
    assert await patient.result()


def test_a_memory_without_room_or_time_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="ttl must be"):
        CachingResolver(ttl=-1)
    with pytest.raises(ValueError, match="ttl must be"):
        CachingResolver(ttl=float("nan"))
    with pytest.raises(ValueError, match="size must be"):
        CachingResolver(size=0)


@in_every_world
async def test_a_look_up_that_a_forks_parent_began_is_not_waited_for(world: World) -> None:
    slow = SlowNames(world, ["192.0.2.1"], ["192.0.2.2"])
    cache = CachingResolver(slow.resolver)
    shared = dialer(world, resolver=cache)

    async def ask() -> Any:
        return await shared.resolve("a.example", 80, Deadline(PATIENCE))

    in_the_parent = await world.beside(ask)
    await world.until(lambda: len(slow.resolver.asked) == 1)
    cache._process -= 1  # as it looks in a fork's child
    slow.let_go()
    assert await ask()
    assert await in_the_parent.result()
    assert not cache._flights
