"""Through proxies that others wrote, to http and https, without and with credentials, in threads, asyncio and trio."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

import courser

from .conftest import do_without
from .servers.certificates import Authority
from .servers.nginx import LARGE, SMALL, Nginx
from .servers.processes import ServerIsMissing
from .servers.proxies import NAME, PASSWORD, run_dante, run_microsocks, run_squid, run_tinyproxy
from .worlds import World


@dataclass(frozen=True)
class Proxies:
    """The URL of each proxy, and of those that want credentials."""

    open: dict[str, str]
    guarded: dict[str, str]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Proxies]:
    with ExitStack() as running:
        try:
            squid = running.enter_context(run_squid(authority))
            tinyproxy = running.enter_context(run_tinyproxy(tmp_path_factory.mktemp("tinyproxy")))
            dante = running.enter_context(run_dante(tmp_path_factory.mktemp("dante")))
            microsocks = running.enter_context(run_microsocks(tmp_path_factory.mktemp("microsocks")))
        except ServerIsMissing as missing:
            do_without(missing)
        socks = {f"dante-{scheme}": f"{scheme}://{dante}" for scheme in ("socks4", "socks4a", "socks5", "socks5h")}
        yield Proxies(
            open={"squid": squid.http, "squid-tls": squid.https, "tinyproxy": tinyproxy.http, **socks},
            guarded={
                "squid": squid.guarded,
                "squid-tls": squid.https_guarded,
                "tinyproxy": tinyproxy.guarded,
                "microsocks": f"socks5h://{microsocks}",
                "microsocks-5": f"socks5://{microsocks}",
            },
        )


OPEN = ["squid", "squid-tls", "tinyproxy", "dante-socks4", "dante-socks4a", "dante-socks5", "dante-socks5h"]
GUARDED = ["squid", "squid-tls", "tinyproxy", "microsocks", "microsocks-5"]
TARGETS: dict[str, tuple[Callable[[Nginx], str], bool]] = {
    "http": (lambda nginx: nginx.http, False),
    "https": (lambda nginx: nginx.https, False),
    "http2": (lambda nginx: nginx.http2, True),
}


async def _several(client: courser.AsyncClient, url: str) -> list[courser.Response]:
    # The post first: tinyproxy closes after an answer without saying so, and what comes then may be sent twice.
    posted = await client.post(f"{url}/upload", content=b"x" * 100_000)
    return [*[await client.get(f"{url}/small.json") for _ in range(3)], posted]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("proxy", OPEN)
def test_requests_go_through(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str, target: str
) -> None:
    where, http2 = TARGETS[target]
    settings = {"proxy": proxies.open[proxy], "verify": authority.client_context(), "http2": http2}
    responses = world.run(lambda client: _several(client, where(nginx)), **settings)
    assert [response.status_code for response in responses] == [200] * 4
    assert {response.content for response in responses[:3]} == {SMALL}
    assert {response.http_version for response in responses} == {"HTTP/2" if http2 else "HTTP/1.1"}
    # One connection serves them all; a tunnel of squid's shows the server one, and tinyproxy makes one a request.
    if target != "http":
        assert len({response.headers["x-connection"] for response in responses}) == 1


@pytest.mark.parametrize("tunnels_http", [True, False])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("proxy", GUARDED)
def test_credentials_open_the_way(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str, target: str, tunnels_http: bool
) -> None:
    where, http2 = TARGETS[target]
    through = courser.Proxy(proxies.guarded[proxy], auth=(NAME, PASSWORD), tunnels_http=tunnels_http)
    settings = {"proxy": through, "verify": authority.client_context(), "http2": http2}
    responses = world.run(lambda client: _several(client, where(nginx)), **settings)
    assert [response.status_code for response in responses] == [200] * 4


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("proxy", ["squid", "squid-tls"])
def test_digest_opens_the_way(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str, target: str
) -> None:
    where, http2 = TARGETS[target]
    through = courser.Proxy(proxies.guarded[proxy], auth=courser.DigestAuth(NAME, PASSWORD))
    settings = {"proxy": through, "verify": authority.client_context(), "http2": http2}
    responses = world.run(lambda client: _several(client, where(nginx)), **settings)
    assert [response.status_code for response in responses] == [200] * 4
    assert not any("proxy-authorization" in response.request.headers for response in responses)


@pytest.mark.parametrize("proxy", GUARDED)
def test_without_credentials_there_is_no_way(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str
) -> None:
    settings = {"proxy": proxies.guarded[proxy], "verify": authority.client_context()}
    with pytest.raises(courser.ProxyError) as caught:
        world.fetch("GET", f"{nginx.https}/small.json", settings=settings)
    assert "credentials" in str(caught.value)
    if proxy.startswith("microsocks"):
        assert caught.value.response is None
        return
    assert caught.value.response is not None
    assert caught.value.response.status_code in (401, 407)
    forwarded = world.fetch("GET", f"{nginx.http}/small.json", settings=settings)
    assert forwarded.status_code == caught.value.response.status_code


@pytest.mark.parametrize("proxy", GUARDED)
def test_wrong_credentials_are_not_accepted_and_not_shown(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str
) -> None:
    through = courser.Proxy(proxies.guarded[proxy], auth=(NAME, "canary"))
    with pytest.raises(courser.ProxyError, match="does not accept the") as caught:
        world.fetch(
            "GET", f"{nginx.https}/small.json", settings={"proxy": through, "verify": authority.client_context()}
        )
    assert "canary" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("proxy", ["squid", "squid-tls", "tinyproxy", "dante-socks5h"])
def test_much_goes_through_in_both_directions(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, proxy: str
) -> None:
    async def program(client: courser.AsyncClient) -> tuple[bytes, int]:
        received = (await client.get(f"{nginx.https}/large.bin")).content
        return received, (await client.post(f"{nginx.https}/sink", content=LARGE)).status_code

    settings = {"proxy": proxies.open[proxy], "verify": authority.client_context(), "timeout": 30.0}
    received, status = world.run(program, **settings)
    assert (received == LARGE, status) == (True, 204)


def test_a_proxy_must_prove_who_it_is(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, stranger: Authority
) -> None:
    trusting = courser.Proxy(proxies.open["squid-tls"], ssl_context=authority.client_context())
    wary = courser.Proxy(proxies.open["squid-tls"], ssl_context=stranger.client_context())
    with pytest.raises(courser.ConnectError, match=r"TLS handshake with proxy .* the certificate is not trusted"):
        world.fetch("GET", f"{nginx.http}/small.json", settings={"proxy": wary})
    assert world.fetch("GET", f"{nginx.http}/small.json", settings={"proxy": trusting}).content == SMALL


@pytest.mark.parametrize("proxy", ["squid", "tinyproxy", "dante-socks5h"])
def test_a_server_that_is_down_is_the_proxys_news(world: World, proxies: Proxies, proxy: str) -> None:
    with pytest.raises(courser.ProxyError, match=r"127.0.0.1:1\b"):
        world.fetch("GET", "https://127.0.0.1:1/", settings={"proxy": proxies.open[proxy]})


def test_a_proxy_for_each_request(world: World, proxies: Proxies, nginx: Nginx, authority: Authority) -> None:
    async def program(client: courser.AsyncClient) -> list[bytes]:
        chosen = [None, *(proxies.open[name] for name in OPEN)]
        url = f"{nginx.https}/small.json"
        return [(await client.get(url, extensions={"proxy": proxy})).content for proxy in chosen]

    assert set(world.run(program, verify=authority.client_context())) == {SMALL}


def test_the_environment_leads_through_and_past(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxies.guarded["squid"])
    url = f"{nginx.https}/small.json"
    with pytest.raises(courser.ProxyError, match="407"):
        world.fetch("GET", url, settings={"verify": authority.client_context()})
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    assert world.fetch("GET", url, settings={"verify": authority.client_context()}).content == SMALL


def test_a_tunnel_that_is_cancelled_closes_at_once() -> None:
    """Ten cancellations while a proxy says nothing are ten goodbyes, without the garbage collector."""
    import gc

    goodbyes = threading.Semaphore(0)
    asked = threading.Semaphore(0)

    def serve(listening: socket.socket) -> None:
        for _ in range(10):
            connection, _ = listening.accept()
            with connection:
                assert connection.recv(65536).startswith(b"CONNECT server.example:443 ")
                asked.release()
                if connection.recv(1) == b"":
                    goodbyes.release()

    async def program(url: str) -> None:
        async with courser.AsyncClient(proxy=url) as client:
            for _ in range(10):
                task = asyncio.create_task(client.get("https://server.example/"))
                while not asked.acquire(blocking=False):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await asyncio.to_thread(goodbyes.acquire, timeout=10)

    gc.disable()
    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=serve, args=[listening])
            thread.start()
            asyncio.run(program(f"http://127.0.0.1:{listening.getsockname()[1]}"))
            thread.join(10)
    finally:
        gc.enable()


def test_a_thousand_failures_inside_tunnels_lose_no_place(
    world: World, proxies: Proxies, nginx: Nginx, authority: Authority, stranger: Authority
) -> None:
    """The tunnel stands and TLS in it fails: the place comes back each time."""

    async def program(client: courser.AsyncClient) -> Any:
        for _ in range(1000 if world.name == "asyncio" else 100):
            with pytest.raises(courser.ConnectError, match="certificate is not trusted"):
                await client.get(f"{nginx.https}/small.json", extensions={"verify": strangers_only})
        return await client.get(f"{nginx.https}/small.json")

    strangers_only: ssl.SSLContext = stranger.client_context()
    response = world.run(
        program,
        proxy=proxies.open["tinyproxy"],
        verify=authority.client_context(),
        limits=courser.Limits(max_connections=2),
        timeout=courser.Timeout(10.0, pool=1.0),
    )
    assert response.content == SMALL
