"""`URL`: its components, its copies, its references, its identity."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import URL, InvalidURL, Origin, QueryParams
from hostile import pieces_of_urls, texts_like_urls

RESOLUTION = json.loads(Path(__file__).with_name("rfc3986_resolution.json").read_text("utf-8"))
FULL = "https://user%40:pass%2F@example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20"


def test_a_url_gives_each_component_raw_and_readable() -> None:
    url = URL(FULL)

    assert (url.scheme, url.raw_scheme) == ("https", b"https")
    assert (url.userinfo, url.username, url.password) == (b"user%40:pass%2F", "user@", "pass/")
    assert (url.host, url.raw_host, url.port, url.netloc) == ("example.org", b"example.org", 8443, b"example.org:8443")
    assert (url.path, url.raw_path) == ("/a b/c", b"/a%20b/c?x=1&y=%C3%A9")
    assert (url.query, url.params) == (b"x=1&y=%C3%A9", QueryParams([("x", "1"), ("y", "é")]))
    assert url.fragment == "top "
    assert url.origin == Origin("https", "example.org", 8443)
    assert url.host_field == (b"Host", b"host", b"example.org:8443")
    assert str(url) == FULL


def test_an_empty_url_has_empty_components() -> None:
    url = URL("")

    assert (url.scheme, url.host, url.netloc, url.userinfo, url.query, url.fragment) == ("", "", b"", b"", b"", "")
    assert (url.port, url.origin) == (None, None)
    assert (url.path, url.raw_path, str(url)) == ("/", b"/", "")


def test_an_internationalised_host_is_shown_in_unicode_and_sent_in_ascii() -> None:
    url = URL("https://中国.CN./")

    assert (url.host, url.raw_host, url.netloc) == ("中国.cn.", b"xn--fiqs8s.cn.", b"xn--fiqs8s.cn.")
    assert str(url) == "https://xn--fiqs8s.cn./"


def test_an_ipv6_host_has_brackets_where_a_port_could_follow() -> None:
    url = URL("http://[2001:DB8::1]:81/")

    assert (url.host, url.raw_host, url.netloc) == ("2001:db8::1", b"2001:db8::1", b"[2001:db8::1]:81")
    assert url.origin == Origin("http", "2001:db8::1", 81)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://h/", Origin("http", "h", 80)),
        ("https://h/", Origin("https", "h", 443)),
        ("wss://h/", Origin("wss", "h", 443)),
        ("http://h:0/", Origin("http", "h", 0)),
        ("http://h:443/", Origin("http", "h", 443)),
        ("x://h:5/", Origin("x", "h", 5)),
        ("x://h/", None),
        ("//h/", None),
        ("http:///", None),
    ],
)
def test_an_origin_has_a_port_or_is_none(text: str, origin: Origin | None) -> None:
    assert URL(text).origin == origin


@pytest.mark.parametrize(
    ("text", "is_absolute"),
    [("http://h", True), ("x://h/", True), ("//h/", False), ("/a", False), ("mailto:a@b", False), ("", False)],
)
def test_a_url_is_absolute_with_scheme_and_host(text: str, is_absolute: bool) -> None:
    assert (URL(text).is_absolute_url, URL(text).is_relative_url) == (is_absolute, not is_absolute)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scheme": "http"}, "http://user%40:pass%2F@example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        (
            {"username": "ada:", "password": "p@ß"},
            "https://ada%3A:p%40%C3%9F@example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20",
        ),
        ({"username": "", "password": None}, "https://example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"userinfo": b"a@b/:c"}, "https://a%40b%2F:c@example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"host": "Ö.example"}, "https://user%40:pass%2F@xn--nda.example:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"host": "::1", "port": None}, "https://user%40:pass%2F@[::1]/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"port": 443}, "https://user%40:pass%2F@example.org/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"netloc": b"[::1]:80", "userinfo": b""}, "https://[::1]:80/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"path": "/é/../x y"}, "https://user%40:pass%2F@example.org:8443/x%20y?x=1&y=%C3%A9#top%20"),
        ({"path": "/a\\b"}, "https://user%40:pass%2F@example.org:8443/a/b?x=1&y=%C3%A9#top%20"),
        ({"raw_path": b"/z?q"}, "https://user%40:pass%2F@example.org:8443/z?q#top%20"),
        ({"raw_path": b"/z"}, "https://user%40:pass%2F@example.org:8443/z#top%20"),
        ({"query": b"a b"}, "https://user%40:pass%2F@example.org:8443/a%20b/c?a%20b#top%20"),
        ({"query": b""}, "https://user%40:pass%2F@example.org:8443/a%20b/c?#top%20"),
        ({"query": None, "fragment": None}, "https://user%40:pass%2F@example.org:8443/a%20b/c"),
        ({"params": {"k": ["1 2", 3]}}, "https://user%40:pass%2F@example.org:8443/a%20b/c?k=1+2&k=3#top%20"),
        ({"params": {}}, "https://user%40:pass%2F@example.org:8443/a%20b/c#top%20"),
        ({"fragment": "é #"}, "https://user%40:pass%2F@example.org:8443/a%20b/c?x=1&y=%C3%A9#%C3%A9%20#"),
    ],
)
def test_a_component_can_be_replaced(changes: dict[str, Any], expected: str) -> None:
    assert str(URL(FULL).copy_with(**changes)) == expected
    assert str(URL(FULL, **changes)) == expected


def test_a_url_can_be_made_of_components_alone() -> None:
    assert str(URL(scheme="https", host="h", port=8443, path="/a b", query=b"x=1")) == "https://h:8443/a%20b?x=1"


@pytest.mark.parametrize(
    "changes",
    [
        *[{"host": "evil/"}, {"host": "a@b"}, {"host": "a:b"}, {"host": "a?b"}, {"netloc": b"u@h"}, {"netloc": b"h/x"}],
        *[
            {"path": "/a?b"},
            {"path": "/a#b"},
            {"path": "a"},
            {"path": "/a\nb"},
            {"raw_path": b"/a#b"},
            {"query": b"a#b"},
        ],
        *[
            {"scheme": "1x"},
            {"scheme": "a:b"},
            {"scheme": "http://evil"},
            {"scheme": "é"},
            {"port": -1},
            {"port": 65536},
        ],
        *[{"username": "a", "host": "b c"}, {"fragment": "a\r"}, {"netloc": b"h:x"}],
        *[{"query": b"\xff"}, {"raw_path": b"/\xff"}, {"userinfo": b"\xff"}, {"netloc": b"\xff"}],
    ],
)
def test_a_component_that_would_become_two_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidURL):
        URL("http://h/p").copy_with(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"scheme": b"http"}, {"port": "80"}, {"query": "x"}, {"raw_path": "/"}, {"netloc": "h"}, {"colour": "red"}],
)
def test_a_component_of_the_wrong_type_or_name_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        URL("http://h/").copy_with(**changes)


@pytest.mark.parametrize("thing", [None, b"http://h/", 5])
def test_a_url_is_made_of_text_or_another_url(thing: Any) -> None:
    with pytest.raises(TypeError, match="a URL is made of a str or a URL"):
        URL(thing)


@given(texts_like_urls, st.sampled_from(["scheme", "host", "path", "username", "password", "fragment"]), pieces_of_urls)
def test_a_changed_copy_is_read_alike_when_it_is_parsed_again(text: str, component: str, value: str) -> None:
    try:
        url = URL(text).copy_with(**{component: value})
    except InvalidURL:
        return

    again = URL(str(url))
    assert again == url
    assert (again.origin, again.raw_path, again.userinfo, again.fragment) == (
        url.origin,
        url.raw_path,
        url.userinfo,
        url.fragment,
    )


@given(texts_like_urls, pieces_of_urls)
def test_a_joined_url_is_read_alike_when_it_is_parsed_again(base: str, reference: str) -> None:
    try:
        url = URL(base).join(reference)
    except InvalidURL:
        return

    again = URL(str(url))
    assert again == url
    assert (again.origin, again.raw_path, again.userinfo, again.fragment) == (
        url.origin,
        url.raw_path,
        url.userinfo,
        url.fragment,
    )


@pytest.mark.parametrize(("reference", "target"), RESOLUTION["normal"] + RESOLUTION["abnormal"])
def test_a_reference_is_resolved_as_rfc_3986_section_5_4_shows(reference: str, target: str) -> None:
    assert str(URL(RESOLUTION["base"]).join(reference)) == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("http://h", "x", "http://h/x"),
        ("http://h?q", "x", "http://h/x"),
        ("http://u:p@h:81/a", "b", "http://u:p@h:81/b"),
        ("http://u:p@h/a", "//o/b", "http://o/b"),
        ("https://h/a", "//o:443/b", "https://o/b"),
        ("http://h/a#f", "", "http://h/a"),
        ("http://h/a?q", "?", "http://h/a?"),
        ("https://h/a/b", "\\\\evil.example/x", "https://evil.example/x"),
        ("https://h/a/b", "\\x", "https://h/x"),
        ("https://h/a/b", "c\\..\\..\\d", "https://h/d"),
        ("http://h/a", "é b", "http://h/%C3%A9%20b"),
        ("mailto:a@b", "c", "mailto:c"),
    ],
)
def test_a_reference_is_resolved_as_a_browser_does(base: str, reference: str, target: str) -> None:
    assert str(URL(base).join(reference)) == target
    assert str(URL(base).join(URL(reference))) == target


def test_query_parameters_can_be_set_added_removed_and_merged() -> None:
    url = URL("http://h/p?a=1&b=2&a=3#f")

    assert str(url.copy_set_param("a", 9)) == "http://h/p?a=9&b=2#f"
    assert str(url.copy_add_param("a", True)) == "http://h/p?a=1&b=2&a=3&a=true#f"
    assert str(url.copy_remove_param("a")) == "http://h/p?b=2#f"
    assert str(url.copy_merge_params({"b": 0, "c": None})) == "http://h/p?a=1&a=3&b=0&c=#f"
    assert str(url.copy_remove_param("a").copy_remove_param("b")) == "http://h/p#f"


def test_equal_urls_have_equal_hashes_and_equal_their_text() -> None:
    url = URL("HTTP://H:80/")

    assert url == URL("http://h/")
    assert hash(url) == hash(URL("http://h/"))
    assert url == "http://h:80/"
    assert url != "http://h"
    assert url != "http://a b/"
    assert url != 5


def test_a_url_has_no_attributes_to_set() -> None:
    with pytest.raises(AttributeError):
        URL("http://h/").host = "evil"  # type: ignore[misc]


def test_repr_hides_the_password_and_masked_hides_every_secret() -> None:
    url = URL("https://ada:secret@h:81/p?token=t&flag#f")

    assert repr(url) == "URL('https://ada:[secure]@h:81/p?token=t&flag#f')"
    assert url.masked == "https://h:81/p?token=…&flag"


@given(texts_like_urls)
def test_a_url_survives_pickling(text: str) -> None:
    try:
        url = URL(text)
    except InvalidURL:
        return

    restored = pickle.loads(pickle.dumps(url))

    assert type(restored) is URL
    assert (str(restored), restored.origin, restored.raw_path) == (str(url), url.origin, url.raw_path)
