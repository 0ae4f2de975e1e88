"""What each argument of the two clients' constructors does, with real servers; a row for each, and none without one."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

import courser

from .servers.certificates import Authority
from .servers.nginx import SMALL, Nginx
from .servers.steps import answer, expects_request, sends
from .servers.wire import Wire
from .worlds import World

Client = courser.AsyncClient
SHOWN: dict[str, Callable[..., None]] = {}


class Here(NamedTuple):
    """Where a row is shown."""

    world: World
    httpbin: str
    nginx: Nginx
    authority: Authority

    def run(self, program: Callable[[Client], Awaitable[Any]], **settings: Any) -> Any:
        return self.world.run(program, **settings)  # type: ignore[arg-type]  # an async def is a coroutine function

    def get(self, path: str, **settings: Any) -> Any:
        """Get from httpbin with a client of these settings."""
        return self.world.fetch("GET", f"{self.httpbin}{path}", settings=settings)


def shows(*names: str) -> Callable[[Callable[[Here], None]], Callable[[Here], None]]:
    """Note that a row shows these arguments."""

    def note(row: Callable[[Here], None]) -> Callable[[Here], None]:
        SHOWN.update(dict.fromkeys(names, row))
        return row

    return note


@shows("auth")
def _auth(here: Here) -> None:
    assert here.get("/basic-auth/ada/secret").status_code == 401
    assert here.get("/basic-auth/ada/secret", auth=("ada", "secret")).json()["user"] == "ada"


@shows("params", "params_mode")
def _params(here: Here) -> None:
    assert here.get("/get?own=1", params={"a": "1"}).json()["args"] == {"a": "1"}
    assert here.get("/get?own=1", params={"a": "1"}, params_mode="merge").json()["args"] == {"own": "1", "a": "1"}


@shows("headers")
def _headers(here: Here) -> None:
    assert here.get("/get", headers={"X-Name": "value"}).json()["headers"]["X-Name"] == "value"


@shows("cookies")
def _cookies(here: Here) -> None:
    async def kept(client: Client) -> Any:
        await client.get(f"{here.httpbin}/cookies/set?b=2")
        return (await client.get(f"{here.httpbin}/cookies")).json()["cookies"]

    assert here.run(kept, cookies={"a": "1"}) == {"a": "1", "b": "2"}
    assert here.run(kept, cookies=False) == {}


@shows("verify", "trust_env")
def _verify(here: Here) -> None:
    url = f"{here.nginx.https}/small.json"
    with pytest.raises(courser.CertificateError):
        here.world.fetch("GET", url)
    for trusted in (
        str(here.authority.bundle),
        here.authority.bundle.read_bytes(),
        here.authority.client_context(),
        False,
    ):
        assert here.world.fetch("GET", url, settings={"verify": trusted}).content == SMALL
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(here.authority.bundle))
        assert here.world.fetch("GET", url).content == SMALL
        with pytest.raises(courser.CertificateError):
            here.world.fetch("GET", url, settings={"trust_env": False})


@shows("cert")
def _cert(here: Here) -> None:
    certificate, key = here.authority.write_client_certificate()
    with Wire([expects_request(), sends(answer())], tls=here.authority.asking_context()) as wire:
        settings = {"verify": str(here.authority.bundle), "cert": (str(certificate), str(key))}
        assert here.world.fetch("GET", wire.url, settings=settings).content == b"ok"


@shows("pins")
def _pins(here: Here) -> None:
    settings = {"verify": here.authority.client_context(), "pins": {"127.0.0.1": "00" * 32}}
    with pytest.raises(courser.CertificateError, match="it shows the certificate"):
        here.world.fetch("GET", f"{here.nginx.https}/small.json", settings=settings)


@shows("http1", "http2")
def _http1(here: Here) -> None:
    def version(**settings: Any) -> str:
        settings["verify"] = str(here.authority.bundle)
        return here.world.fetch("GET", f"{here.nginx.http2}/small.json", settings=settings).http_version

    assert version() == "HTTP/1.1"
    assert version(http2=True) == version(http1=False, http2=True) == "HTTP/2"
    with pytest.raises(courser.ConnectError, match="does not speak HTTP/2"):
        here.world.fetch(
            "GET",
            f"{here.nginx.https}/small.json",
            settings={"verify": str(here.authority.bundle), "http1": False, "http2": True},
        )


@shows("proxy", "mounts")
def _proxy(here: Here) -> None:
    with Wire([expects_request(b"GET http://server.example/ HTTP/1.1"), sends(answer(b"proxied"))]) as wire:
        assert here.world.fetch("GET", "http://server.example/", settings={"proxy": wire.url}).content == b"proxied"
    with Wire([expects_request(b"GET http://server.example/ HTTP/1.1"), sends(answer(b"proxied"))]) as wire:
        settings = {"proxy": wire.url, "mounts": {"http://127.0.0.1": None}}

        async def both(client: Client) -> Any:
            proxied = await client.get("http://server.example/")
            return proxied.content, (await client.get(f"{here.httpbin}/get")).status_code

        assert here.run(both, **settings) == (b"proxied", 200)


@shows("timeout")
def _timeout(here: Here) -> None:
    with pytest.raises(courser.ReadTimeout, match=r"after 0.2 s"):
        here.get("/delay/3", timeout=0.2)


@shows("follow_redirects", "max_redirects", "redirect_policy")
def _follow_redirects(here: Here) -> None:
    assert here.get("/redirect/2").status_code == 302
    assert len(here.get("/redirect/2", follow_redirects=True).history) == 2
    with pytest.raises(courser.TooManyRedirects):
        here.get("/redirect/2", follow_redirects=True, max_redirects=1)
    stopped = here.get("/redirect/2", follow_redirects=True, redirect_policy=lambda following, response: False)
    assert (stopped.status_code, stopped.history) == (302, [])


@shows("sensitive_headers")
def _sensitive_headers(here: Here) -> None:
    elsewhere = here.httpbin.replace("127.0.0.1", "localhost")

    def told(**settings: Any) -> Any:
        path = f"/redirect-to?url={elsewhere}/get"
        response = here.get(path, headers={"X-Key": "1"}, follow_redirects=True, **settings)
        return response.json()["headers"].get("X-Key")

    assert told() == "1"
    assert told(sensitive_headers=["X-Key"]) is None


@shows("limits")
def _limits(here: Here) -> None:
    async def at_once(client: Client) -> Any:
        async with client.stream("GET", f"{here.nginx.http}/slow.bin"):
            await client.get(f"{here.nginx.http}/small.json")

    with pytest.raises(courser.PoolTimeout, match="1 of 1 connections are open"):
        here.run(at_once, limits=courser.Limits(max_connections=1), timeout=courser.Timeout(5.0, pool=0.1))


@shows("event_hooks")
def _event_hooks(here: Here) -> None:
    seen: list[Any] = []
    hooks = {
        "request": [lambda request: seen.append(request.method)],
        "response": [lambda r: seen.append(r.status_code)],
    }
    here.get("/get", event_hooks=hooks)
    assert seen == ["GET", 200]


@shows("base_url")
def _base_url(here: Here) -> None:
    response = here.world.fetch("GET", "below", settings={"base_url": f"{here.httpbin}/anything"})
    assert response.json()["url"] == f"{here.httpbin}/anything/below"


@shows("transport")
def _transport(here: Here) -> None:
    kind = courser.HTTPTransport if here.world.name == "threads" else courser.AsyncHTTPTransport
    settings = {"transport": kind(verify=str(here.authority.bundle))}
    assert here.world.fetch("GET", f"{here.nginx.https}/small.json", settings=settings).content == SMALL


@shows("app")
def _app(here: Here) -> None:
    def wsgi(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    app = wsgi if here.world.name == "threads" else asgi
    assert here.world.fetch("GET", "http://app.example/path", settings={"app": app}).content == b"/path"


@shows("default_encoding")
def _default_encoding(here: Here) -> None:
    def text(**settings: Any) -> str:
        with Wire([expects_request(), sends(answer(b"\xe9", "Content-Type: text/plain"))]) as wire:
            return here.world.fetch("GET", wire.url, settings=settings).text

    assert (text(), text(default_encoding="latin-1"), text(default_encoding=lambda content: "cp437")) == (
        "\ufffd",
        "é",
        "Θ",
    )


@shows("json_encoder", "json_decoder")
def _json_encoder(here: Here) -> None:
    url = f"{here.httpbin}/post"
    response = here.world.fetch("POST", url, settings={"json_encoder": lambda value: b'"ours"'}, json={})
    assert response.json()["json"] == "ours"
    assert here.get("/get", json_decoder=len).json() > 100


@shows("raise_for_status")
def _raise_for_status(here: Here) -> None:
    with pytest.raises(courser.HTTPStatusError, match="418"):
        here.get("/status/418", raise_for_status=True)


@shows("resolver", "resolve", "connect_filter")
def _resolver(here: Here) -> None:
    class Loopback:
        def resolve(self, host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

    url = here.httpbin.replace("127.0.0.1", "httpbin.example") + "/get"
    for settings in ({"resolver": Loopback()}, {"resolve": {"httpbin.example": "127.0.0.1"}}):
        assert "httpbin.example" in here.world.fetch("GET", url, settings=settings).json()["headers"]["Host"]
    with pytest.raises(courser.AddressNotAllowed):
        here.get("/get", connect_filter=courser.public_addresses_only)


@pytest.mark.parametrize("name", SHOWN)
def test_an_argument_does_what_it_says(
    name: str, world: World, httpbin: str, nginx: Nginx, authority: Authority
) -> None:
    SHOWN[name](Here(world, httpbin, nginx, authority))


@pytest.mark.parametrize("kind", [courser.Client, courser.AsyncClient])
def test_every_argument_has_a_row(kind: type) -> None:
    assert set(inspect.signature(kind).parameters) == set(SHOWN)
