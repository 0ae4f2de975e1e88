"""Whom both clients trust, and what they say when they do not."""

import contextlib
import gc
import re
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import courser

from .sentences import assert_says
from .servers.certificates import Authority
from .servers.nginx import Nginx
from .servers.steps import (
    Step,
    answer,
    closes,
    expects_bytes,
    expects_goodbye,
    expects_request,
    expects_rest,
    resets,
    sends,
    sets,
    stalls,
)
from .servers.wire import Wire
from .worlds import Asyncio, Loop, Threads, Trio, World

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


def test_a_certificate_that_only_the_server_has_signed_is_refused(world: World, authority: Authority) -> None:
    error = refusal(world, authority.self_signed_context(), authority.client_context())

    assert_says(error, "self-signed certificate; verify= may be a file with this very certificate")


def test_what_is_wrong_with_a_certificate_can_be_asked(world: World, authority: Authority) -> None:
    expired = refusal(world, authority.expired_context(), authority.client_context())
    elsewhere = refusal(world, authority.server_context("other.example"), authority.client_context())

    assert isinstance(expired, courser.CertificateError)
    assert isinstance(elsewhere, courser.CertificateError)
    assert (expired.verify_code, elsewhere.verify_code) == (10, 62)


def test_the_reason_is_in_the_same_words_everywhere(authority: Authority) -> None:
    said = {
        re.sub(r":\d+", ":PORT", str(refusal(world, authority.expired_context(), authority.client_context())))
        for world in (Threads(), Asyncio(), Trio())
    }

    assert said == {
        "TLS handshake with localhost:PORT failed: the certificate is not trusted: certificate has expired, unless "
        "this machine's clock is wrong"
    }


def test_a_server_whose_key_is_not_pinned_is_refused(world: World, authority: Authority) -> None:
    chain, _ = authority.write_server_certificate()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, chain.with_name("server-key.pem"))
    pin = courser.public_key_pin(chain.read_text())
    other = f"sha256/{'A' * 43}="
    settings = {"verify": str(authority.bundle)}

    error = refusal(world, server, pins={"localhost": other}, **settings)
    with Wire(SERVES, tls=server) as wire:
        url = f"https://localhost:{wire.port}/"
        response = world.fetch("GET", url, settings={**settings, "pins": {"localhost": [other, pin]}})

    assert isinstance(error, courser.CertificateError)
    assert_says(error, f"it shows the key {re.escape(pin)}$")
    assert response.content == b"secret"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_misses_a_client_certificate_is_a_failed_connect(
    world: World, authority: Authority, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 the server says so after the handshake, in the place of an answer."""
    error = refusal(world, authority.asking_context(version), authority.client_context())

    assert_says(error, "TLS handshake with localhost:", "the peer (may )?wants? a client certificate")


def test_with_http2_a_client_certificate_that_is_missing_is_told_too(world: World, authority: Authority) -> None:
    server = authority.asking_context(ssl.TLSVersion.TLSv1_3)
    server.set_alpn_protocols(["h2"])
    error = refusal(world, server, str(authority.bundle), http2=True)

    assert isinstance(error, courser.CertificateError)
    assert_says(error, "TLS handshake with localhost:", "the peer wants a client certificate")


def test_a_client_certificate_that_the_server_does_not_trust_is_the_reason(
    world: World, authority: Authority, stranger: Authority
) -> None:
    cert = tuple(map(str, stranger.write_client_certificate()))
    error = refusal(world, authority.asking_context(), str(authority.bundle), cert=cert)

    assert isinstance(error, courser.CertificateError)
    assert_says(error, "the peer does not accept our certificate: unknown ca")


def test_a_server_that_speaks_only_an_old_version_is_refused(world: World, authority: Authority) -> None:
    error = refusal(world, authority.old_context(), authority.client_context())

    assert_says(error, "the peer speaks no version of TLS that is allowed here, most likely none from 1.2 on")


def test_a_server_without_tls_is_refused(world: World, authority: Authority) -> None:
    script = [expects_bytes(), sends(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), expects_goodbye()]
    with Wire(script) as wire, pytest.raises(courser.ConnectError) as caught:
        world.fetch("GET", f"https://{wire.authority}/", settings={"verify": authority.client_context()})

    assert_says(caught.value, wire.authority, "wrong version number; the peer may speak plain HTTP on this port")


def test_an_alert_of_tls_that_answers_plain_http_is_recognised(world: World) -> None:
    """RFC 8446, section 6: a fatal alert, that the message was not what it should have been."""
    script = [expects_request(), sends(b"\x15\x03\x01\x00\x02\x02\x0a")]
    with Wire(script) as wire, pytest.raises(courser.RemoteProtocolError) as caught:
        world.fetch("GET", wire.url)

    assert_says(caught.value, wire.authority, r"it may speak TLS on this port \(https://\)")


def test_plain_http_to_a_real_server_of_tls_is_an_error(world: World, nginx: Nginx) -> None:
    response = world.fetch("GET", nginx.https.replace("https://", "http://"))

    assert response.status_code == 400
    assert b"plain HTTP request was sent to HTTPS port" in response.content


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


@pytest.mark.parametrize("world", [Asyncio(), Trio()], ids=lambda world: world.name)
def test_cancelled_handshakes_close_their_sockets_at_once(world: Loop, authority: Authority) -> None:
    events = [(threading.Event(), threading.Event()) for _ in range(10)]
    scripts = [[expects_bytes(), sets(hello), expects_goodbye(), sets(end)] for hello, end in events]
    with Wire(*scripts) as wire:

        async def program(client: courser.AsyncClient) -> None:
            for hello, end in events:
                async with started(client.get, f"https://{wire.authority}/"):
                    await world.until(hello)
                await world.until(end)

        gc.disable()  # the collector would close them too, some day
        try:
            world.run(program, verify=authority.client_context())
        finally:
            gc.enable()


@contextlib.asynccontextmanager
async def started(function: Callable[..., Awaitable[object]], *arguments: object) -> AsyncIterator[None]:
    """Call the function beside what is in the block, and cancel it at the block's end."""
    async with anyio.create_task_group() as group:
        group.start_soon(function, *arguments)
        yield
        group.cancel_scope.cancel()


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


def test_the_second_connection_to_a_real_server_resumes_the_first_one_s_session(
    world: World, nginx: Nginx, authority: Authority
) -> None:
    async def program(client: courser.AsyncClient) -> list[bool]:
        resumed = []
        for _ in range(3):
            async with client.stream("GET", f"{nginx.https}/small.json") as response:
                resumed.append(response.extensions["network_stream"].get_extra_info("ssl_object").session_reused)
        return resumed

    limits = courser.Limits(max_keepalive_connections=0)

    assert world.run(program, verify=str(authority.bundle), limits=limits) == [False, True, True]


def test_authorities_in_memory_will_do(world: World, authority: Authority) -> None:
    with Wire(SERVES, SERVES, tls=authority.server_context()) as wire:
        for verify in (authority.bundle.read_bytes(), authority.bundle.read_text()):
            assert world.fetch("GET", wire.url, settings={"verify": verify}).content == b"secret"


def test_a_key_in_memory_will_do(world: World, authority: Authority) -> None:
    cert = tuple(path.read_bytes() for path in authority.write_client_certificate())

    with Wire(SERVES, tls=authority.asking_context()) as wire:
        settings = {"verify": str(authority.bundle), "cert": cert}
        assert world.fetch("GET", wire.url, settings=settings).content == b"secret"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there the system has more than files")
def test_the_system_s_authorities_can_be_trusted(
    world: World, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refusal(world, authority.server_context(), "system")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    with Wire(SERVES, tls=authority.server_context()) as wire:
        assert world.fetch("GET", wire.url, settings={"verify": "system"}).content == b"secret"
    assert_says(error, "its authority is none that verify= trusts")


def refusal(
    world: World, server: ssl.SSLContext, verify: ssl.SSLContext | str | bool, **settings: Any
) -> courser.ConnectError:
    """Return the error with which a client refuses the server at localhost, or is refused; nothing is answered."""
    with Wire([expects_rest()], tls=server) as wire:
        with pytest.raises(courser.ConnectError) as caught:
            settings = {"verify": verify, **settings}
            world.fetch("GET", f"https://localhost:{wire.port}/", settings=settings)
        assert_says(caught.value, f"localhost:{wire.port}")
        assert caught.value.request.url.port == wire.port
    assert wire.requests == []
    return caught.value
