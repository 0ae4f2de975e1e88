"""What a proxy is: its URL, its credentials, and what is shown of them."""

from __future__ import annotations

import pickle
import ssl
from typing import Any

import pytest

from courser_models import URL, Origin
from courser_transport import Proxy, proxy_of


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://proxy.example", 80),
        ("https://proxy.example", 443),
        ("socks4://proxy.example", 1080),
        ("socks4a://proxy.example", 1080),
        ("socks5://proxy.example", 1080),
        ("socks5h://proxy.example", 1080),
        ("http://proxy.example:3128", 3128),
    ],
)
def test_a_proxy_without_a_port_is_at_the_usual_one(url: str, port: int) -> None:
    proxy = Proxy(url)
    assert proxy.origin == Origin(URL(url).scheme, "proxy.example", port)


@pytest.mark.parametrize("url", ["ftp://proxy.example", "proxy.example", "localhost:3128", "", "http://", "http://:80"])
def test_what_is_no_proxy_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Exception, match=r"://|host") as caught:
        Proxy(url)
    assert type(caught.value).__name__ in ("ValueError", "InvalidURL")


def test_credentials_in_the_url_are_taken_out_of_it() -> None:
    proxy = Proxy("http://na%40me:se%3Acret@proxy.example:3128")
    assert proxy.auth == ("na@me", "se:cret")
    assert proxy.raw_auth == (b"na@me", b"se:cret")
    assert str(proxy.url) == "http://proxy.example:3128"


def test_credentials_that_are_given_win_over_those_of_the_url() -> None:
    assert Proxy("http://a:b@proxy.example", auth=("c", "d")).auth == ("c", "d")


def test_basic_goes_without_being_asked_for() -> None:
    proxy = Proxy("http://Aladdin:open%20sesame@proxy.example", headers={"X-Team": "blue"})
    assert proxy.fields == [
        (b"X-Team", b"blue"),
        (b"Proxy-Authorization", b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ]


def test_a_field_that_is_given_is_the_credential() -> None:
    proxy = Proxy("http://a:b@proxy.example", headers={"Proxy-Authorization": "Bearer token"})
    assert proxy.fields == [(b"Proxy-Authorization", b"Bearer token")]


def test_socks_takes_no_scheme() -> None:
    with pytest.raises(ValueError, match="SOCKS knows a name and a password, and no object"):
        Proxy("socks5://proxy.example", auth=object())  # type: ignore[arg-type]


def test_no_password_is_shown() -> None:
    proxy = Proxy("http://name:canary@proxy.example:3128", headers={"Proxy-Authorization": "canary"})
    assert repr(Proxy("http://name:canary@proxy.example")) == "Proxy('http://proxy.example', auth=('name', '********'))"
    assert "canary" not in repr(proxy) + str(proxy)


CONTEXT = ssl.create_default_context()
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "port": {"url": "http://proxy.example:3129"},
    "scheme": {"url": "https://proxy.example:3128"},
    "name": {"auth": ("other", "b")},
    "password": {"auth": ("a", "other")},
    "headers": {"headers": {"X-Team": "blue"}},
    "ssl_context": {"ssl_context": CONTEXT},
    "tunnels_http": {"tunnels_http": True},
}


@pytest.mark.parametrize("one", VARIANTS)
@pytest.mark.parametrize("other", VARIANTS)
def test_proxies_are_equal_where_everything_is(one: str, other: str) -> None:
    def make(variant: str) -> Proxy:
        return Proxy(**{"url": "http://proxy.example:3128", "auth": ("a", "b"), **VARIANTS[variant]})

    assert (make(one) == make(other)) is (one == other)
    assert (hash(make(one)) == hash(make(other))) is (one == other)


def test_a_proxy_travels() -> None:
    proxy = Proxy("socks5h://a:b@proxy.example", headers={"X": "y"})
    assert pickle.loads(pickle.dumps(proxy)) == proxy


def test_the_same_url_is_the_same_proxy() -> None:
    assert proxy_of("http://proxy.example") is proxy_of("http://proxy.example")
    assert proxy_of(None) is None
    with pytest.raises(TypeError, match="a proxy is a URL or a Proxy, not int"):
        proxy_of(3128)  # type: ignore[arg-type]
