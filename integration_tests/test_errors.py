"""What goes wrong between two honest sides, and for the caller: each has its class and a sentence."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import courser

from .sentences import assert_says
from .servers.processes import port_of
from .servers.steps import answer, expects_bytes, expects_goodbye, expects_request, expects_rest, resets, sends, stalls
from .servers.wire import Wire
from .worlds import World


def test_a_refused_connection_names_the_peer(world: World) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        authority = f"127.0.0.1:{port_of(bound)}"
        with pytest.raises(courser.ConnectError) as caught:
            world.fetch("GET", f"http://{authority}/")

    assert_says(caught.value, authority, "refused")
    assert caught.value.request.url == f"http://{authority}/"


def test_a_name_that_does_not_exist_is_a_failed_connect(world: World) -> None:
    # RFC 6761, section 6.4: no resolver will ever find a name under «invalid».
    with pytest.raises(courser.ConnectError) as caught:
        # Without a network the resolver may take longer to give up than a client would wait.
        world.fetch("GET", "http://name.invalid/", settings={"timeout": None})

    assert_says(caught.value, r"name\.invalid")
    assert caught.value.request.url == "http://name.invalid/"


def test_the_connect_time_out_has_its_own_class(world: World) -> None:
    with deaf_listener() as authority, pytest.raises(courser.ConnectTimeout) as caught:
        world.fetch("GET", f"http://{authority}/", settings={"timeout": courser.Timeout(5.0, connect=0.2)})

    assert_says(caught.value, "connect", authority, r"0\.2 s")
    assert caught.value.request.url == f"http://{authority}/"


def test_the_read_time_out_has_its_own_class(world: World) -> None:
    with Wire([expects_request(), expects_goodbye()]) as wire, pytest.raises(courser.ReadTimeout) as caught:
        world.fetch("GET", wire.url, settings={"timeout": courser.Timeout(5.0, read=0.2)})

    assert_says(caught.value, "read", wire.authority, r"0\.2 s")
    assert caught.value.request.url == wire.url


def test_the_read_time_out_holds_inside_a_body_too(world: World) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    script = [expects_request(), sends(half), expects_goodbye()]
    with Wire(script) as wire, pytest.raises(courser.ReadTimeout) as caught:
        world.fetch("GET", wire.url, settings={"timeout": courser.Timeout(5.0, read=0.2)})

    assert_says(caught.value, "read", wire.authority, r"0\.2 s")
    assert caught.value.request.url == wire.url


def test_the_write_time_out_has_its_own_class(world: World) -> None:
    settings = {"timeout": courser.Timeout(5.0, write=0.2)}
    with Wire([stalls()], receive_buffer=4096) as wire, pytest.raises(courser.WriteTimeout) as caught:
        world.fetch("POST", wire.url, settings=settings, content=bytes(20_000_000))

    assert_says(caught.value, "writ|send", wire.authority, r"0\.2 s")
    assert caught.value.request.url == wire.url


def test_the_pool_time_out_has_its_own_class(world: World) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    with Wire([expects_request(), sends(half), stalls()]) as wire:

        async def program(client: courser.AsyncClient) -> courser.PoolTimeout:
            async with client.stream("GET", wire.url):
                with pytest.raises(courser.PoolTimeout) as caught:
                    await client.get(wire.url)
            return caught.value

        limits, timeout = courser.Limits(max_connections=1), courser.Timeout(5.0, pool=0.2)
        error = world.run(program, limits=limits, timeout=timeout)

    assert_says(error, "connection", wire.authority, r"0\.2 s")
    assert error.request.url == wire.url


def test_a_time_out_of_the_request_goes_before_that_of_the_client(world: World) -> None:
    with Wire([expects_request(), expects_goodbye()]) as wire, pytest.raises(courser.ReadTimeout) as caught:
        world.fetch("GET", wire.url, settings={"timeout": 5.0}, timeout=0.1)

    assert_says(caught.value, r"0\.1 s")


def test_the_next_request_after_a_time_out_has_a_new_connection(world: World) -> None:
    script = [expects_request(), expects_goodbye()]
    with Wire(script, [expects_request(), sends(answer(b"fine"))]) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            with pytest.raises(courser.ReadTimeout):
                await client.get(wire.url, timeout=0.1)
            return (await client.get(wire.url)).content

        assert world.run(program, limits=courser.Limits(max_connections=1)) == b"fine"


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"], ids=["head", "body"])
def test_a_reset_while_reading_is_a_read_error(world: World, before: bytes) -> None:
    with Wire([expects_request(), sends(before), resets()]) as wire, pytest.raises(courser.ReadError) as caught:
        world.fetch("GET", wire.url)

    assert_says(caught.value, wire.authority, "reset")
    assert caught.value.request.url == wire.url


def test_a_reset_while_writing_is_a_network_error(world: World) -> None:
    script = [expects_bytes(), resets()]
    with Wire(script, receive_buffer=4096) as wire, pytest.raises(courser.NetworkError) as caught:
        world.fetch("POST", wire.url, content=bytes(20_000_000))

    assert_says(caught.value, wire.authority)
    assert caught.value.request.url == wire.url


def test_an_error_of_the_body_reaches_the_caller_unchanged(world: World) -> None:
    class Mine(Exception):
        pass

    def failing() -> Iterator[bytes]:
        yield b"one"
        raise Mine

    async def async_failing() -> Any:
        for part in failing():
            yield part

    script = [expects_bytes(), expects_rest()]
    with Wire(script, [expects_request(), sends(answer(b"fine"))]) as wire:

        async def program(client: courser.AsyncClient) -> bytes:
            with pytest.raises(Mine):
                await client.post(wire.url, content=failing() if world.name == "threads" else async_failing())
            return (await client.get(wire.url)).content

        assert world.run(program, limits=courser.Limits(max_connections=1)) == b"fine"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/hosts", "127.0.0.1/path", "/path", "//127.0.0.1/"])
def test_a_scheme_nobody_speaks_is_refused(world: World, url: str) -> None:
    with pytest.raises(courser.UnsupportedProtocol) as caught:
        world.fetch("GET", url)

    assert_says(caught.value, "http")


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://host:port/",
        "http://host:99999/",
        "http://a\nb/",
        "http://host/\x00",
        "http://" + "a" * 70_000,
    ],
)
def test_an_invalid_url_is_refused(world: World, url: str) -> None:
    with pytest.raises(courser.InvalidURL) as caught:
        world.fetch("GET", url)

    assert_says(caught.value)


FORBIDDEN = {
    "LF in a value": {"headers": {"X-Field": "a\nInjected: 1"}},
    "CR LF in a value": {"headers": {"X-Field": "a\r\nInjected: 1"}},
    "CR in a value": {"headers": {"X-Field": "a\rb"}},
    "NUL in a value": {"headers": {"X-Field": "a\x00b"}},
    "CR LF in a name": {"headers": {"X-Field: 1\r\nInjected": "1"}},
    "blank in a name": {"headers": {"X Field": "1"}},
    "colon in a name": {"headers": {"X:Field": "1"}},
    "no name": {"headers": {"": "1"}},
    "CR LF in bytes": {"headers": [(b"X-Field", b"a\r\nInjected: 1")]},
    "CR LF in the host": {"headers": {"Host": "a\r\nInjected: 1"}},
    "CR LF in the method": {"method": "GET / HTTP/1.1\r\nInjected: 1\r\n\r\nGET"},
    "blank in the method": {"method": "GE T"},
    "length with a sign": {"method": "POST", "headers": {"Content-Length": "+5"}, "content": b"hello"},
}


@pytest.mark.parametrize("arguments", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_request_that_could_smuggle_is_refused_before_anybody_connects(
    world: World, arguments: dict[str, Any]
) -> None:
    with Wire() as wire, pytest.raises(courser.LocalProtocolError) as caught:
        world.fetch(**{"method": "GET", "url": wire.url, **arguments})

    assert_says(caught.value)
    assert wire.conversations == []


def test_a_body_has_one_length_on_the_wire_whatever_the_caller_says(world: World) -> None:
    both = {"Content-Length": "5", "Transfer-Encoding": "chunked"}
    with Wire([expects_request(), sends(answer())]) as wire:
        world.fetch("POST", wire.url, headers=both, content=b"hello")

    head = wire.requests[0].lower()
    assert (b"content-length:" in head) != (b"transfer-encoding:" in head)


@pytest.mark.parametrize("pieces", [(b"too", b" much"), (b"few",)], ids=["longer", "shorter"])
def test_a_body_that_belies_its_length_is_an_error_of_ours(world: World, pieces: tuple[bytes, ...]) -> None:
    with Wire([expects_bytes(), expects_rest()]) as wire, pytest.raises(courser.LocalProtocolError) as caught:
        world.fetch("POST", wire.url, content=world.pieces(*pieces), headers={"Content-Length": "4"})

    assert_says(caught.value, "4")


def test_a_closed_client_says_that_it_is_closed(world: World) -> None:
    async def program(client: courser.AsyncClient) -> None:
        await client.aclose()
        with pytest.raises(RuntimeError, match="closed") as caught:
            await client.get("http://127.0.0.1/")
        assert_says(caught.value)

    world.run(program)


def test_closing_a_client_closes_its_connections(world: World) -> None:
    with Wire([expects_request(), sends(answer(b"fine")), expects_goodbye()]) as wire:

        async def program(client: courser.AsyncClient) -> None:
            await client.get(wire.url)
            await client.aclose()
            await world.until(wire.conversations[0].settled)

        world.run(program)


def test_a_response_that_was_streamed_and_not_read_says_what_to_do(world: World) -> None:
    with Wire([expects_request(), sends(answer(b"fine"))]) as wire:

        async def program(client: courser.AsyncClient) -> None:
            async with client.stream("GET", wire.url) as response:
                with pytest.raises(courser.ResponseNotRead) as caught:
                    response.content  # noqa: B018 (reading it is the point)
                assert_says(caught.value, "read")

        world.run(program)


@contextmanager
def deaf_listener() -> Iterator[str]:
    """Yield the `host:port` of a socket whose backlog is full: another connection to it never comes about."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for connection in waiting:
                connection.setblocking(False)
                connection.connect_ex(listening.getsockname())
            yield f"127.0.0.1:{port_of(listening)}"
        finally:
            for connection in waiting:
                connection.close()
