"""What the environment says about proxies, and whom it exempts: a row for each rule."""

from __future__ import annotations

import logging

import pytest

from courser_client._environment import NoProxy, environment_proxies
from courser_models import URL

VARIABLES = [
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"),
]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


# no_proxy, URL, and whether the URL is exempt
ROWS = [
    # A name is the host and what is below it.
    ("example.com", "http://example.com/", True),
    ("example.com", "https://a.b.example.com/", True),
    ("example.com", "http://notexample.com/", False),
    ("example.com", "http://example.com.evil/", False),
    ("example.com", "http://com/", False),
    (".example.com", "http://a.example.com/", True),
    (".example.com", "http://example.com/", True),
    ("*.example.com", "http://a.example.com/", True),
    ("*.example.com", "http://example.com/", False),
    ("*.example.com", "http://notexample.com/", False),
    ("corp", "http://corp/", True),
    ("corp", "http://wiki.corp/", True),
    ("localhost", "http://localhost:8080/", True),
    ("localhost", "http://127.0.0.1/", False),
    # Case, final dots, and names in other scripts do not matter.
    ("EXAMPLE.com", "http://Example.COM/", True),
    ("example.com.", "http://example.com/", True),
    ("example.com", "http://example.com./", True),
    ("example.com.", "http://example.com./", True),
    ("bücher.example", "http://xn--bcher-kva.example/", True),
    ("xn--bcher-kva.example", "http://bücher.example/", True),
    # A port.
    ("example.com:8080", "http://example.com:8080/", True),
    ("example.com:8080", "http://example.com/", False),
    ("example.com:80", "http://example.com/", True),
    ("example.com:443", "https://a.example.com/", True),
    ("example.com:443", "http://example.com/", False),
    ("*.example.com:8080", "http://a.example.com:8080/", True),
    ("*.example.com:8080", "http://a.example.com:8081/", False),
    # Addresses are numbers.
    ("192.168.1.5", "http://192.168.1.5/", True),
    ("192.168.1.5", "http://192.168.1.50/", False),
    ("192.168.1.5:80", "http://192.168.1.5/", True),
    ("192.168.1.5:81", "http://192.168.1.5/", False),
    ("1.5", "http://192.168.1.5/", False),
    ("::1", "http://[::1]/", True),
    ("::1", "http://[0:0:0:0:0:0:0:1]/", True),
    ("[::1]", "http://[::1]/", True),
    ("[::1]", "http://[0:0:0:0:0:0:0:1]:8080/", True),
    ("[::1]:80", "http://[::1]/", True),
    ("[::1]:80", "http://[::1]:81/", False),
    ("fe80::1", "http://[fe80::1%25eth0]/", True),
    ("192.168.1.5", "http://[::ffff:192.168.1.5]/", True),
    # Networks.
    ("192.168.0.0/16", "http://192.168.1.5/", True),
    ("192.168.0.0/16", "http://192.169.1.5/", False),
    ("192.168.1.5/16", "http://192.168.200.1/", True),
    ("fe80::/10", "http://[fe80::1]/", True),
    ("fe80::/10", "http://[fe80::1%25eth0]/", True),
    ("[fe80::]/10", "http://[fe80::1]/", True),
    ("fe80::/10", "http://[2001:db8::1]/", False),
    ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/", True),
    ("10.0.0.0/8", "http://10.example/", False),
    # Everything, and lists.
    ("*", "http://anything.example/", True),
    ("*", "http://192.0.2.1/", True),
    ("a.example,b.example", "http://b.example/", True),
    ("a.example, b.example", "http://b.example/", True),
    ("a.example b.example", "http://b.example/", True),
    (" ,, a.example ,", "http://a.example/", True),
    ("a.example,*", "http://b.example/", True),
]


@pytest.mark.parametrize(("text", "url", "is_exempt"), ROWS)
def test_exceptions(text: str, url: str, is_exempt: bool) -> None:
    assert NoProxy(text).matches(URL(url)) is is_exempt


@pytest.mark.parametrize(
    "entry", ["[::1", "[::1]x", "a:b", "a.example:99999", "10.0.0.0/99", "a/b", "*a.example", "a*b"]
)
def test_what_is_no_exception_exempts_nothing_and_is_told(entry: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "courser"):
        exceptions = NoProxy(f"{entry},b.example")
    assert [record.getMessage() for record in caplog.records] == [
        f"no_proxy lists {entry!r}, which is no host, address or network; it exempts nothing"
    ]
    assert exceptions.matches(URL("http://b.example/"))
    assert not exceptions.matches(URL("http://a.example/"))


def test_each_scheme_has_its_variable_and_all_is_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://one.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "https://two.example")
    monkeypatch.setenv("all_proxy", "socks5h://three.example")
    proxies, exceptions = environment_proxies()
    assert {scheme: str(proxy.url) for scheme, proxy in proxies.items()} == {
        "http": "http://one.example:3128",
        "https": "https://two.example",
        "all": "socks5h://three.example",
    }
    assert exceptions is None


def test_lower_case_wins_even_where_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://lower.example")
    monkeypatch.setenv("HTTP_PROXY", "http://upper.example")
    assert environment_proxies()[0]["http"].origin.host == "lower.example"
    monkeypatch.setenv("http_proxy", "")
    assert environment_proxies() == ({}, None)


def test_a_scheme_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "name:secret@proxy.example:3128")
    proxy = environment_proxies()[0]["https"]
    assert (str(proxy.url), proxy.auth) == ("http://proxy.example:3128", ("name", "secret"))


def test_a_cgi_program_does_not_believe_what_a_client_can_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://evil.example")
    assert environment_proxies()[0]["http"].origin.host == "evil.example"
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert environment_proxies() == ({}, None)
    monkeypatch.setenv("http_proxy", "http://good.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://good.example")
    assert {proxy.origin.host for proxy in environment_proxies()[0].values()} == {"good.example"}


@pytest.mark.parametrize("value", ["ftp://canary@proxy.example", "http://", "http://canary:canary@host:99999"])
def test_a_variable_that_names_no_proxy_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ValueError, match="the environment variable HTTPS_PROXY holds no URL of a proxy") as caught:
        environment_proxies()
    assert "canary" not in str(caught.value)


def test_exceptions_are_read_where_there_is_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "a.example")
    assert environment_proxies() == ({}, None)
    monkeypatch.setenv("all_proxy", "http://proxy.example")
    _, exceptions = environment_proxies()
    assert exceptions is not None
    assert exceptions.matches(URL("http://a.example/"))
    assert repr(exceptions) == "NoProxy('a.example')"
