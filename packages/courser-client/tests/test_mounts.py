"""Which transport serves a URL, in both colours."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from colours import Colour
from courser_client._mounts import URLPattern
from courser_models import URL, Request, Response
from courser_transport import AsyncHTTPTransport, HTTPTransport, Proxy

PROXIED = (HTTPTransport, AsyncHTTPTransport)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


ROWS = [
    ("all://", "http://example.com", True),
    ("", "http://example.com", True),
    ("http://", "http://example.com", True),
    ("http://", "https://example.com", False),
    ("https://", "https://example.com:8443", True),
    ("all://example.com", "http://example.com", True),
    ("all://example.com", "https://example.com", True),
    ("all://example.com", "http://www.example.com", False),
    ("http://example.com", "https://example.com", False),
    ("all://*.example.com", "http://www.example.com", True),
    ("all://*.example.com", "http://example.com", False),
    ("all://*example.com", "http://example.com", True),
    ("all://*example.com", "http://www.example.com", True),
    ("all://*example.com", "http://notexample.com", False),
    ("all://*", "http://example.com", True),
    ("https://*", "http://example.com", False),
    ("all://*:8080", "http://example.com:8080", True),
    ("all://*:8080", "http://example.com", False),
    ("all://example.com:1234", "http://example.com:1234", True),
    ("all://example.com:1234", "http://example.com", False),
    ("http://example.com:80", "http://example.com", True),
    ("all://EXAMPLE.com", "http://example.com.", True),
    ("all://[::1]", "http://[::1]:8080", True),
    ("all://bücher.example", "http://xn--bcher-kva.example", True),
]


@pytest.mark.parametrize(("pattern", "url", "matches"), ROWS)
def test_patterns(pattern: str, url: str, matches: bool) -> None:
    assert URLPattern(pattern).matches(URL(url)) is matches


@pytest.mark.parametrize("pattern", ["http", "example.com", "all"])
def test_a_pattern_has_the_form_of_a_url(pattern: str) -> None:
    with pytest.raises(ValueError, match=f"'{pattern}://' instead of '{pattern}'"):
        URLPattern(pattern)


def _named(colour: Colour, name: str) -> Any:
    return colour.transport(lambda request: Response(200, text=name, request=request))


@pytest.mark.parametrize(
    ("url", "served_by"),
    [
        ("http://example.org", "http"),
        ("https://example.org", "own"),
        ("https://api.internal", "below"),
        ("http://api.internal:8080", "port"),
        ("http://direct.internal", "own"),
        ("http://other.internal", "below"),
    ],
)
def test_the_most_specific_mount_serves(colour: Colour, url: str, served_by: str) -> None:
    mounts = {
        "http://": _named(colour, "http"),
        "all://*.internal": _named(colour, "below"),
        "all://*:8080": _named(colour, "port"),
        "http://direct.internal": None,
    }
    client: Any = colour.client(transport=_named(colour, "own"), mounts=mounts)
    assert colour.call(client.get, url).text == served_by
    colour.close(client)


def test_all_transports_are_entered_and_closed_once(colour: Colour) -> None:
    own, mounted = colour.transport(), colour.transport()
    client = colour.client(transport=own, mounts={"http://": mounted, "all://a.example": mounted, "https://": None})
    with colour.block(client):
        assert own.events == mounted.events == ["entered"]
    assert own.events == mounted.events == ["entered", "closed"]
    colour.close(client)
    assert mounted.events == ["entered", "closed"]


def test_one_that_fails_to_close_keeps_no_other_from_it(colour: Colour) -> None:
    own, mounted = colour.transport(), colour.transport()

    class Failing:
        def append(self, event: str) -> None:
            raise RuntimeError("closing failed")

    own.events = Failing()
    client = colour.client(transport=own, mounts={"http://": mounted})
    with pytest.raises(RuntimeError, match="closing failed"):
        colour.close(client)
    assert mounted.events == ["closed"]


def _proxy_for(client: Any, url: str) -> Any:
    transport = client._transport_for_url(URL(url))
    assert isinstance(transport, PROXIED)
    if isinstance(transport, HTTPTransport):
        return transport.pool._connector.proxy
    return transport._proxy


def test_a_proxy_serves_everything(colour: Colour) -> None:
    client = colour.client(proxy="http://proxy.example:3128")
    assert _proxy_for(client, "http://a.example") == Proxy("http://proxy.example:3128")
    assert _proxy_for(client, "https://a.example") == Proxy("http://proxy.example:3128")
    colour.close(client)


def test_what_is_mounted_goes_before_the_proxy(colour: Colour) -> None:
    mounted = colour.transport()
    client = colour.client(proxy="http://proxy.example", mounts={"http://": mounted})
    assert client._transport_for_url(URL("http://a.example")) is mounted
    assert _proxy_for(client, "https://a.example") == Proxy("http://proxy.example")
    colour.close(client)


def test_the_environment_names_proxies_and_exceptions(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://one.example")
    monkeypatch.setenv("ALL_PROXY", "http://two.example")
    monkeypatch.setenv("NO_PROXY", "localhost,.corp")
    client = colour.client()
    assert _proxy_for(client, "http://a.example") == Proxy("http://one.example")
    assert _proxy_for(client, "https://a.example") == Proxy("http://two.example")
    assert _proxy_for(client, "https://wiki.corp") is None
    assert client._transport_for_url(URL("http://localhost:8000")) is client._transport
    colour.close(client)


def test_the_same_proxy_for_two_schemes_is_one_transport(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    client = colour.client()
    assert len(client._transports()) == 2
    colour.close(client)


@pytest.mark.parametrize("without", ["trust_env", "transport", "proxy"])
def test_the_environment_is_not_asked_where_the_program_has_spoken(
    colour: Colour, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "ftp://no.proxy.at.all")
    arguments: dict[str, dict[str, Any]] = {
        "trust_env": {"trust_env": False},
        "transport": {"transport": colour.transport()},
        "proxy": {"proxy": "http://proxy.example"},
    }
    colour.close(colour.client(**arguments[without]))
    with pytest.raises(ValueError, match="ALL_PROXY"):
        colour.client()


def test_an_explicit_mount_goes_before_the_environment(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    mounted = colour.transport()
    client = colour.client(mounts={"all://": mounted})
    assert client._transport_for_url(URL("http://a.example")) is mounted
    colour.close(client)


def test_a_redirect_is_served_by_the_transport_of_its_own_url(colour: Colour) -> None:
    def redirect(request: Request) -> Response:
        return Response(302, headers={"Location": "https://other.example/"}, request=request)

    client: Any = colour.client(
        transport=_named(colour, "own"), mounts={"http://": colour.transport(redirect)}, follow_redirects=True
    )
    assert colour.call(client.get, "http://a.example").text == "own"
    colour.close(client)


@pytest.mark.parametrize("location", ["https://other.example/", "https://a.example/next"])
def test_what_a_request_says_of_its_own_peer_stays_with_that_origin(colour: Colour, location: str) -> None:
    def answer(request: Request) -> Response:
        if str(request.url) == "https://a.example/":
            return Response(302, headers={"Location": location}, request=request)
        return Response(200, request=request)

    transport = colour.transport(answer)
    client: Any = colour.client(transport=transport, follow_redirects=True)
    said = {"sni_hostname": "x.example", "verify": False, "target": b"/x", "proxy": "http://p.example", "own": 1}
    colour.call(client.get, "https://a.example/", extensions=said)
    colour.close(client)
    followed = transport.requests[1].extensions
    same_origin = location.startswith("https://a.example")
    assert ("sni_hostname" in followed) is same_origin
    assert ("verify" in followed) is same_origin
    assert "target" not in followed
    assert (followed["proxy"], followed["own"]) == ("http://p.example", 1)


def test_a_subclass_may_make_its_own_transport(colour: Colour) -> None:
    made = colour.transport()
    seen: dict[str, Any] = {}

    class Own(colour.client):  # type: ignore[name-defined,misc]
        def _init_transport(self, **arguments: Any) -> Any:
            seen.update(arguments)
            return made

    client: Any = Own(http2=False, verify=False)
    assert client._transport is made
    assert set(seen) == {"verify", "cert", "trust_env", "http1", "http2", "limits", "transport"}
    colour.close(client)


def test_a_client_travels_with_its_mounts_and_proxies(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://name:secret@proxy.example")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,.corp")
    client: Any = colour.client(mounts={"http://direct.example": None})
    with colour.block(client):
        other = pickle.loads(pickle.dumps(client))
    assert _proxy_for(other, "https://a.example") == Proxy("http://proxy.example", auth=("name", "secret"))
    assert other._transport_for_url(URL("https://10.1.2.3")) is other._transport
    assert other._transport_for_url(URL("http://direct.example")) is other._transport
    with colour.block(other):
        assert not other.is_closed
