"""`URL`: its components, its copies, its references, its identity."""

import json
import pickle
from enum import Enum
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


def test_raw_gives_what_a_request_is_sent_with() -> None:
    raw = URL("http://[::1]:81/a b?c").raw

    assert raw == (b"http", b"::1", 81, b"/a%20b?c")
    assert (raw.raw_scheme, raw.raw_host, raw.port, raw.raw_path) == raw
    assert pickle.loads(pickle.dumps(raw)) == raw


class Endpoint(str, Enum):  # the old way to make one, on purpose  # noqa: UP042
    HOME = "https://h/home"


def test_a_url_of_an_enumerations_member_is_a_url_of_its_text() -> None:
    url = URL(Endpoint.HOME)

    assert (type(str(url)), str(url), repr(url)) == (str, "https://h/home", "URL('https://h/home')")
    assert str(URL("http://o/").join(Endpoint.HOME)) == "https://h/home"


def test_a_url_without_a_host_keeps_its_empty_authority_when_it_is_changed() -> None:
    assert str(URL("file:///a").copy_with(path="/b")) == "file:///b"
    assert str(URL("x://h/a").copy_with(host="")) == "x:/a"
    assert str(URL("http://h/a?b").copy_with(scheme="", host="")) == "/a?b"


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
        ("file:///a", None),
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
        ({"host": "fe80::1%25"}, "https://user%40:pass%2F@[fe80::1%2525]:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"host": "[fe80::1%25a]"}, "https://user%40:pass%2F@[fe80::1%25a]:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"path": "/a ", "query": b" ", "fragment": " "}, "https://user%40:pass%2F@example.org:8443/a%20?%20#%20"),
        ({"password": "%41"}, "https://user%40:%2541@example.org:8443/a%20b/c?x=1&y=%C3%A9#top%20"),
        ({"query": b"a='"}, "https://user%40:pass%2F@example.org:8443/a%20b/c?a=%27#top%20"),
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
        *[{"username": "a", "host": "b c"}, {"fragment": "a\r"}, {"netloc": b"h:x"}, {"port": 10**5000}],
        *[{"host": ""}, {"netloc": b""}, {"netloc": b":80"}, {"host": "\u00ad"}, {"path": "/" + "a" * 65536}],
        *[{"username": "\ud800"}, {"password": "\ud800"}, {"path": "/\ud800"}, {"params": {"a": "\ud800"}}],
        *[{"host": "fe80::1%a b"}, {"host": "[fe80::1%31]"}, {"path": "/" + "é" * 20000}],
        *[{"query": b"\xff"}, {"raw_path": b"/\xff"}, {"userinfo": b"\xff"}, {"netloc": b"\xff"}],
    ],
)
def test_a_component_that_would_become_two_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidURL):
        URL("http://h/p").copy_with(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"scheme": b"http"},
        {"port": "80"},
        {"port": True},
        {"query": "x"},
        {"raw_path": "/"},
        {"netloc": "h"},
        {"colour": "red"},
    ],
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
    if reference == "http:g":  # §5.4.2 leaves the choice; browsers take the one «for backward compatibility»
        target = RESOLUTION["also_accepted"][reference][0]

    assert str(URL(RESOLUTION["base"]).join(reference)) == target
    assert str(URL(RESOLUTION["base"]).join(URL(reference))) == target or reference == "http:g"


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
        ("http://h/a/b", ":foo", "http://h/a/:foo"),
        ("http://h/a/b", "1:2", "http://h/a/1:2"),
        ("http://h/a/b?'", "", "http://h/a/b?%27"),
        ("https://h:81/a/b", "///o/c", "https://o/c"),
        ("http://h/a", "\\/o", "http://o"),
        ("http://h/a", "?\\\\o", "http://h/a?\\\\o"),
        ("http://[fe80::1%25a]:1/x", "y", "http://[fe80::1%25a]:1/y"),
        ("x://h/a", "///o/c", "x:///o/c"),
        ("x://h/a", "\\b", "x://h/\\b"),
        ("/a/b", "../c", "/c"),
        ("a/b", "../c", "c"),
        ("a/b", "..//c", ".//c"),
        ("a/b", "../c:d", "./c:d"),
        ("//h/a", "b", "//h/b"),
        ("", "http://h/", "http://h/"),
    ],
)
def test_a_reference_is_resolved_as_a_browser_does(base: str, reference: str, target: str) -> None:
    assert str(URL(base).join(reference)) == target
    assert str(URL(base).join(URL(reference))) == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("http://h:81/a/b", "http:c", "http://h:81/a/c"),
        ("http://h:81/a/b", "HTTP:/c", "http://h:81/c"),
        ("http://h:81/a/b?q", "http:", "http://h:81/a/b?q"),
        ("http://h:81/a/b", "http:?", "http://h:81/a/b?"),
        ("http://h:81/a/b", "http:///c/d", "http://c/d"),
        ("https://h:81/a/b", "http:c", "http://c"),
        ("https://h:81/a/b", "http:/c", "http://c"),
        ("x://h/a/b", "x:c", "x:c"),
        ("", "http:c", "http://c"),
    ],
)
def test_a_reference_of_the_same_scheme_without_slashes_is_relative(base: str, reference: str, target: str) -> None:
    assert str(URL(base).join(reference)) == target


@pytest.mark.parametrize("reference", ["//", "///", "http://", "https:", "//:80", " x", "x ", "\n", "\\\\", "//u@"])
def test_a_reference_that_leads_to_no_host_or_has_what_is_refused_is_refused(reference: str) -> None:
    with pytest.raises(InvalidURL):
        URL("http://h/a").join(reference)


def test_a_reference_is_a_text_or_a_url() -> None:
    with pytest.raises(TypeError, match="a reference is a str or a URL, not bytes"):
        URL("http://h/").join(b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base", "segments", "expected"),
    [
        ("http://h", "a", "http://h/a"),
        ("http://h/", "a b", "http://h/a%20b"),
        ("http://h/a", "b/c", "http://h/a/b/c"),
        ("http://h/a/", "b/", "http://h/a/b/"),
        ("http://h/a/", "b//c", "http://h/a/b//c"),
        ("http://u:p@h:81/a?q=1#f", "é", "http://u:p@h:81/a/%C3%A9"),
        ("http://[fe80::1%25a]/", "b", "http://[fe80::1%25a]/b"),
        ("http://h/a", "?x#y%2e\\..;z", "http://h/a/%3Fx%23y%252e%5C..%3Bz"),
        ("http://h/a", "%2e%2e/x", "http://h/a/%252e%252e/x"),
        ("http://h/a", " . /...", "http://h/a/%20.%20/..."),
        ("http://h/a", "b:@c", "http://h/a/b:@c"),
        ("/a", "b", "/a/b"),
        ("a", "b:c", "a/b:c"),
        ("", "b", "b"),
    ],
)
def test_a_slash_appends_segments_to_the_path(base: str, segments: str, expected: str) -> None:
    assert str(URL(base) / segments) == expected


@pytest.mark.parametrize("segments", ["", "/", "/a", "//evil", ".", "..", "a/../b", "../a", "a/.", "a\n", "\ud800"])
def test_segments_that_are_not_below_are_refused(segments: str) -> None:
    with pytest.raises(InvalidURL):
        URL("http://h/a") / segments


@pytest.mark.parametrize(("base", "segments"), [("mailto:a@b", "c"), ("", "a:b")])
def test_segments_are_refused_where_they_would_not_become_a_path(base: str, segments: str) -> None:
    with pytest.raises(InvalidURL):
        URL(base) / segments


@pytest.mark.parametrize("segments", [1, b"a", None])
def test_segments_are_text(segments: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        URL("http://h/") / segments


@given(st.text(max_size=20) | pieces_of_urls)
def test_no_segments_lead_out_of_the_path_they_are_appended_to(segments: str) -> None:
    base = URL("https://u:p@h:81/a/b?q#f")

    try:
        url = base / segments
    except InvalidURL:
        return

    assert (url.origin, url.userinfo, url.query, url.fragment) == (base.origin, base.userinfo, b"", "")
    assert url.path == f"/a/b/{segments}"
    assert url.raw_path.startswith(b"/a/b/")
    assert URL(str(url)) == url


def test_query_parameters_can_be_set_added_removed_and_merged() -> None:
    url = URL("http://h/p?a=1&b=2&a=3#f")

    assert str(url.copy_set_param("a", 9)) == "http://h/p?a=9&b=2#f"
    assert str(url.copy_add_param("a", True)) == "http://h/p?a=1&b=2&a=3&a=true#f"
    assert str(url.copy_remove_param("a")) == "http://h/p?b=2#f"
    assert str(url.copy_merge_params({"b": 0, "c": None})) == "http://h/p?a=1&b=0&a=3&c=#f"
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
