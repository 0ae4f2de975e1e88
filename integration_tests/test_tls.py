"""Whom both clients trust, and what they say when they do not."""

import asyncio
import gc
import ssl
import threading
from pathlib import Path

import pytest

import courser

from .sentences import assert_says
from .servers.certificates import Authority
from .servers.steps import (
    Step,
    answer,
    closes,
    expects_bytes,
    expects_goodbye,
    expects_request,
    resets,
    sends,
    sets,
    stalls,
)
from .servers.wire import Wire
from .worlds import World

SERVES = [expects_request(), sends(answer(b"secret"))]


def test_a_certificate_of_a_trusted_authority_is_accepted(world: World, authority: Authority) -> None:
    with Wire(SERVES, tls=authority.server_context()) as wire:
        response = world.fetch("GET", wire.url, settings={"verify": authority.client_context()})

    assert response.content == b"secret"


def test_the_server_is_told_which_name_is_meant(world: World, authority: Authority) -> None:
    names: list[str | None] = []
    context = authority.server_context()
    context.sni_callback = lambda connection, name, context: names.append(name)
    settings = {"verify": authority.client_context()}

    with Wire(SERVES, SERVES, tls=context) as wire:
        world.fetch("GET", f"https://localhost:{wire.port}/", settings=settings)
        world.fetch("GET", f"https://127.0.0.1:{wire.port}/", settings=settings)

    # RFC 6066, section 3: an address is no name.
    assert names == ["localhost", None]


def test_an_expired_certificate_is_refused(world: World, authority: Authority) -> None:
    error = refusal(world, authority.expired_context(), authority.client_context())

    assert_says(error, "certificate", "expired")


def test_a_certificate_for_another_host_is_refused(world: World, authority: Authority) -> None:
    error = refusal(world, authority.server_context("other.example"), authority.client_context())

    assert_says(error, "certificate", "localhost")


def test_a_certificate_of_an_unknown_authority_is_refused(
    world: World, authority: Authority, stranger: Authority
) -> None:
    error = refusal(world, stranger.server_context(), authority.client_context())

    assert_says(error, "certificate", "issuer|self.signed")


def test_nobody_here_is_trusted_by_default(world: World, authority: Authority) -> None:
    error = refusal(world, authority.server_context(), verify=True)

    assert_says(error, "certificate")


def test_a_server_without_tls_is_refused(world: World, authority: Authority) -> None:
    script = [expects_bytes(), sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), expects_goodbye()]
    with Wire(script) as wire, pytest.raises(courser.ConnectError) as caught:
        world.fetch("GET", f"https://{wire.authority}/", settings={"verify": authority.client_context()})

    assert_says(caught.value, wire.authority, "TLS|SSL", "wrong|record|version|unknown")


@pytest.mark.parametrize("ends", [closes(), resets()], ids=["closes", "resets"])
def test_a_server_that_leaves_during_the_handshake_is_a_failed_connect(
    world: World, authority: Authority, ends: Step
) -> None:
    with Wire([expects_bytes(), ends]) as wire, pytest.raises(courser.ConnectError) as caught:
        world.fetch("GET", f"https://{wire.authority}/", settings={"verify": authority.client_context()})

    assert_says(caught.value, wire.authority, "TLS|handshake|SSL")


def test_a_server_that_never_answers_the_handshake_is_a_connect_time_out(world: World, authority: Authority) -> None:
    settings = {"verify": authority.client_context(), "timeout": courser.Timeout(5.0, connect=0.2)}
    with Wire([expects_bytes(), expects_goodbye()]) as wire, pytest.raises(courser.ConnectTimeout) as caught:
        world.fetch("GET", f"https://{wire.authority}/", settings=settings)

    assert_says(caught.value, wire.authority, r"0\.2 s")


def test_a_cancelled_handshake_closes_its_socket_at_once(authority: Authority) -> None:
    greeted, left = threading.Event(), threading.Event()
    with Wire([expects_bytes(), sets(greeted), expects_goodbye(), sets(left)]) as wire:

        async def main() -> bool:
            async with courser.AsyncClient(verify=authority.client_context()) as client:
                request = asyncio.create_task(client.get(f"https://{wire.authority}/"))
                assert await asyncio.to_thread(greeted.wait, 10)
                request.cancel()
                await asyncio.wait([request])
                return await asyncio.to_thread(left.wait, 10)

        gc.disable()  # the collector would close it too, some day
        try:
            assert asyncio.run(main())
        finally:
            gc.enable()


def test_verification_can_be_switched_off(world: World, stranger: Authority) -> None:
    with Wire(SERVES, tls=stranger.server_context("other.example")) as wire:
        assert world.fetch("GET", wire.url, settings={"verify": False}).content == b"secret"


def test_a_client_may_show_a_certificate_of_its_own(world: World, authority: Authority) -> None:
    context = authority.client_context()
    context.load_cert_chain(*authority.write_client_certificate())

    with Wire(SERVES, tls=authority.asking_context()) as wire:
        assert world.fetch("GET", wire.url, settings={"verify": context}).content == b"secret"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # HTTPX 0.28 would rather have a context
def test_verify_and_cert_may_be_files(world: World, authority: Authority) -> None:
    chain, key = authority.write_client_certificate()
    settings = {"verify": str(authority.bundle), "cert": (str(chain), str(key))}

    with Wire(SERVES, tls=authority.asking_context()) as wire:
        assert world.fetch("GET", wire.url, settings=settings).content == b"secret"


def test_ssl_cert_file_names_the_authorities_to_trust(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    with Wire(SERVES, tls=authority.server_context()) as wire:
        assert world.fetch("GET", wire.url).content == b"secret"


def test_ssl_cert_dir_names_the_authorities_to_trust(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority.write_directory(tmp_path)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    with Wire(SERVES, tls=authority.server_context()) as wire:
        assert world.fetch("GET", wire.url).content == b"secret"


def test_sslkeylogfile_receives_the_keys(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))

    with Wire(SERVES, tls=authority.server_context()) as wire:
        world.fetch("GET", wire.url)

    assert "CLIENT_" in keys.read_text()


def test_a_body_in_many_records_arrives_whole(world: World, authority: Authority) -> None:
    body = bytes(range(256)) * 1000
    pieces = range(1000, len(body), 1000)
    with Wire([expects_request(), sends(answer(body), split_at=pieces)], tls=authority.server_context()) as wire:
        response = world.fetch("GET", wire.url, settings={"verify": authority.client_context()})

    assert response.content == body


def test_a_connection_over_tls_is_used_again(world: World, authority: Authority) -> None:
    with Wire([*SERVES, *SERVES, stalls()], tls=authority.server_context()) as wire:

        async def program(client: courser.AsyncClient) -> list[bytes]:
            return [(await client.get(wire.url)).content for _ in range(2)]

        assert world.run(program, verify=authority.client_context()) == [b"secret", b"secret"]


def refusal(world: World, server: ssl.SSLContext, verify: ssl.SSLContext | bool) -> courser.ConnectError:
    """Return the error with which a client refuses the server at localhost; nothing is sent to it."""
    with Wire([expects_goodbye()], tls=server) as wire:
        with pytest.raises(courser.ConnectError) as caught:
            world.fetch("GET", f"https://localhost:{wire.port}/", settings={"verify": verify})
        assert_says(caught.value, f"localhost:{wire.port}")
        assert caught.value.request.url.port == wire.port
    assert wire.requests == []
    return caught.value
