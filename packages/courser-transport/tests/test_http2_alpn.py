"""Who speaks HTTP/2 with whom: what a server chooses, what it then says, and what was offered to it."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import pytest

from courser_transport import ConnectError, Limits, RemoteProtocolError, create_ssl_context
from exchanges import collect, hear, serving
from frames import FramePeer
from http2 import Transport, over_tls, serves
from serving import OK, Certificates
from worlds import World, in_every_world


def answers_http1(sock: Any) -> None:
    """Answer one request in HTTP/1.1."""
    hear(sock)
    sock.sendall(OK)
    with contextlib.suppress(OSError):
        sock.recv(1)


def until_the_end(sock: Any) -> None:
    """Hear whatever comes."""
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


@in_every_world
async def test_a_server_that_chooses_nothing_is_spoken_to_in_http1(world: World, certificates: Certificates) -> None:
    async with over_tls(world, certificates, answers_http1, protocols=[], http2=True) as it:
        response = await it.send()
        assert response.extensions["http_version"] == b"HTTP/1.1"
        assert await collect(response) == b"hello"


@in_every_world
async def test_a_server_that_chooses_nothing_is_no_server_of_http2(world: World, certificates: Certificates) -> None:
    async with over_tls(world, certificates, until_the_end, protocols=[], http1=False, http2=True) as it:
        with pytest.raises(ConnectError, match="does not speak HTTP/2, and http1=False leaves nothing else"):
            await it.send()


@in_every_world
async def test_who_may_have_http2_chooses_it_first(world: World, certificates: Certificates) -> None:
    chosen: list[Any] = []

    def handler(sock: Any) -> None:
        chosen.append(sock.selected_alpn_protocol())
        serves(1)(sock)

    async with over_tls(world, certificates, handler, http2=True) as it:
        response = await it.send()
        assert response.extensions["http_version"] == b"HTTP/2"
        assert await collect(response) == b"hello"
    assert chosen == ["h2"]


@in_every_world
async def test_a_server_that_chooses_http2_and_speaks_http1_is_told_apart(
    world: World, certificates: Certificates
) -> None:
    def handler(sock: Any) -> None:
        sock.recv(1)
        sock.sendall(OK)
        until_the_end(sock)

    async with over_tls(world, certificates, handler, http2=True) as it:
        with pytest.raises(RemoteProtocolError, match=r"speaks HTTP/1\.1, and HTTP/2 was asked for"):
            await it.send()


@in_every_world
async def test_a_server_that_chooses_http1_and_speaks_http2_is_refused(
    world: World, certificates: Certificates
) -> None:
    def handler(sock: Any) -> None:
        hear(sock)
        FramePeer(sock).send(4, 0, 0)
        until_the_end(sock)

    async with over_tls(world, certificates, handler, protocols=["http/1.1"], http2=True) as it:
        with pytest.raises(RemoteProtocolError):
            await it.send()


@in_every_world
async def test_a_server_that_was_not_offered_http2_and_chooses_it_all_the_same_is_refused(
    world: World, certificates: Certificates
) -> None:
    """A context of the user's own may offer it where the transport does not speak it."""
    context = create_ssl_context(str(certificates.file), trust_env=False, http2=True)
    async with over_tls(world, certificates, until_the_end, verify=context) as it:
        with pytest.raises(ConnectError, match="chose HTTP/2, which this transport does not speak"):
            await it.send()


@in_every_world
async def test_http_is_http1_where_both_are_spoken(world: World) -> None:
    async with serving(world, answers_http1) as peer:
        it = Transport(world, f"http://127.0.0.1:{peer.port}/", http2=True)
        response = await it.send()
        assert response.extensions["http_version"] == b"HTTP/1.1"
        assert await collect(response) == b"hello"
        it.transport.pool.close()


class CountingContext(ssl.SSLContext):
    """A context that notes how often somebody changed what it offers."""

    changes = 0

    def set_alpn_protocols(self, protocols: Any) -> None:
        self.changes += 1
        super().set_alpn_protocols(protocols)


@in_every_world
async def test_a_context_is_changed_when_a_transport_takes_it_and_never_after(
    world: World, certificates: Certificates
) -> None:
    context = CountingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.file)
    limits = Limits(max_requests_per_connection=1)
    async with over_tls(world, certificates, *[serves(1)] * 3, verify=context, http2=True, limits=limits) as it:
        assert context.changes == 1
        for _ in range(3):
            assert await collect(await it.send()) == b"hello"
        assert it.transport.pool.stats().connections_made == 3
        assert context.changes == 1


@in_every_world
async def test_a_context_of_a_transport_without_http2_is_not_changed(world: World, certificates: Certificates) -> None:
    context = CountingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.file)
    async with over_tls(world, certificates, answers_http1, verify=context) as it:
        assert await collect(await it.send()) == b"hello"
    assert context.changes == 0
