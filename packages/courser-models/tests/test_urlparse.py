"""The two ways through the parser, and what neither lets through."""

import itertools
import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import URL, InvalidURL, _urlparse
from hostile import ATOMS, BEGINNINGS, texts_like_urls

plain_urls = st.from_regex(
    r"https?://[a-z0-9-]{1,8}(\.[a-z0-9-]{1,8}){0,2}[a-z](:[1-9][0-9]{0,3})?(/[A-Za-z0-9!$&'()*+,./:;=@_~-]{0,12})?"
    r"(\?[A-Za-z0-9!$%&'()*+,./:;=?@_~-]{0,12})?(#[A-Za-z0-9!$&'()*+,./:;=?@_~-]{0,12})?",
    fullmatch=True,
)


def parts_or_none(text: str) -> _urlparse.Parts | None:
    try:
        return _urlparse.parse(text)
    except InvalidURL:
        return None


def components(parts: _urlparse.Parts) -> dict[str, object]:
    return {name: getattr(parts, name) for name in _urlparse.Parts.__slots__}


@given(texts_like_urls)
def test_what_was_parsed_is_read_alike_when_it_is_parsed_again(text: str) -> None:
    parts = parts_or_none(text)

    if parts is not None:
        assert components(_urlparse.parse(parts.text)) == components(parts)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_invalid_url_and_nothing_else(text: str) -> None:
    parts = parts_or_none(text)

    assert parts is None or parts.text.isascii()


@given(plain_urls)
def test_the_short_way_and_the_long_way_read_a_plain_url_alike(text: str) -> None:
    short = parts_or_none(text)

    try:
        long = _urlparse._assemble(text, **_urlparse.split(text))
    except InvalidURL:
        assert short is None
    else:
        assert short is not None
        assert components(short) == components(long)


def test_a_url_that_is_used_again_is_not_parsed_again() -> None:
    assert _urlparse.parse("https://example.org/again") is _urlparse.parse("https://example.org/again")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("HTTP://Example.ORG/A", "http://example.org/A"),
        ("http://h:80/", "http://h/"),
        ("https://h:443/", "https://h/"),
        ("https://h:80/", "https://h:80/"),
        ("http://h:00081/", "http://h:81/"),
        ("http://h:/", "http://h/"),
        ("http://@h/", "http://h/"),
        ("http://h", "http://h"),
        ("http://h?", "http://h?"),
        ("http://h#", "http://h#"),
        ("http://h/a/./b/../c/.", "http://h/a/c/"),
        ("http://h/../../a", "http://h/a"),
        ("http://h/%2e%2E/a%2f", "http://h/a%2f"),
        ("http://h/a b?c d#e f", "http://h/a%20b?c%20d#e%20f"),
        ("http://h/\"<>`{}|^'", "http://h/%22%3C%3E%60%7B%7D|%5E'"),
        ("http://h/?\"<>`{}|^'", "http://h/?%22%3C%3E`{}|^%27"),
        ("x://h/?'", "x://h/?'"),
        ("http://h/#\"<>`{}|^'", "http://h/#%22%3C%3E%60{}|^'"),
        ("http://h/é?é#é", "http://h/%C3%A9?%C3%A9#%C3%A9"),
        ("http://h/%zz%", "http://h/%zz%"),
        ("http://u@v@h/", "http://u%40v@h/"),
        ("http://u:p:q/@h/", None),
        ("http://u:@h/", "http://u@h/"),
        ("http://:@h/", "http://h/"),
        ("http://:p@h/", "http://:p@h/"),
        ("http:h/a", "http://h/a"),
        ("HTTP:/h/a", "http://h/a"),
        ("https:///\\/u@h/a", "https://u@h/a"),
        ("ws:h", "ws://h"),
        ("x:/h/a", "x:/h/a"),
        ("x:h/a", "x:h/a"),
        ("file:///etc/hosts", "file:///etc/hosts"),
        ("http:", None),
        ("http://", None),
        ("http://?x", None),
        ("http:////#", None),
        ("http://:80", None),
        ("http://u@/h", None),
        ("x://u@/h", None),
        ("//:80/", None),
        ("x://@/h", "x:///h"),
        ("http://u:p:q@h/", "http://u:p%3Aq@h/"),
        ("http:\\\\h\\a\\..\\b?c\\d#e\\f", "http://h/b?c\\d#e\\f"),
        ("http://good\\@evil/", "http://good/@evil/"),
        ("https\\", "https\\"),
        ("mailto:a@b", "mailto:a@b"),
        ("x:/..//y", "x:/.//y"),
        ("/a/../b", "/a/../b"),
        ("./a:b", "./a:b"),
        ("1a:b", "1a:b"),
        (":a", ":a"),
        ("é:b", "%C3%A9:b"),
        ("://h/", "://h/"),
        ("", ""),
        ("?", "?"),
        ("#", "#"),
    ],
)
def test_a_url_is_brought_into_its_normal_form(text: str, normal: str | None) -> None:
    parts = parts_or_none(text)

    assert (None if parts is None else parts.text) == normal


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("faß.de", "xn--fa-hia.de"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("ａ。com", "a.com"),
        ("a\u00adb", "ab"),
        ("%65xample.org", "example.org"),
        ("a_b.-c-", "a_b.-c-"),
        ("☃.net", "xn--n3h.net"),
        ("XN--A", "xn--a"),
        ("a..b", "a..b"),
        ("h.", "h."),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0xa", "0.0.0.10"),
        ("127.0xff", "127.0.0.255"),
        ("0xg", "0xg"),
        ("0177.0.0.01", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("1.2.3.4.", "1.2.3.4"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[::ffff:1.2.3.4]", "::ffff:102:304"),
        ("[fe80::1%25eth0]", "fe80::1%eth0"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("[fe80::1%2525]", "fe80::1%25"),
        ("[fe80::1%251]", "fe80::1%1"),
        ("[fe80::1%1]", "fe80::1%1"),
        ("[1:0:0:2:3:0:0:4]", "1::2:3:0:0:4"),
        ("[0:0:1:0:0:0:2:3]", "0:0:1::2:3"),
        ("[0:0:1:0:0:2:3:4]", "::1:0:0:2:3:4"),
        ("[1:2:3:4:5:6:0:0]", "1:2:3:4:5:6::"),
        ("[1:0:3:4:5:6:7:8]", "1:0:3:4:5:6:7:8"),
        ("[10:0:0:0:0:0:0:100]", "10::100"),
        ("[::]", "::"),
    ],
)
def test_a_host_is_brought_into_the_form_that_goes_on_the_wire(host: str, normal: str) -> None:
    assert _urlparse.parse(f"http://{host}/").host == normal


@pytest.mark.parametrize(
    "host",
    [
        *["a b", "a<b", "a^b", "a|b", "%00", "%0a", "%2f", "%23", "%40", "%ff", "a%5cb", "%5b::1%5d"],
        *["256.1.1.1", "1.2.3.4.5", "1.2.3.256", "0x1.08", "a.1", "4294967296", "1..1", "09.1"],
        *["[::1", "[::1]x", "[::g]", "[v1.a]", "[]", "[1.2.3.4]", "[::1%]", "[::1%a b]", "::1"],
        *["[fe80::1%31]", "[fe80::1%25]", "[fe80::1%ee0]", "[fe80::1%25%31]", "[::１]", "[::%31]"],
        *["a\u200db", "\u202e", "\u00ad", "1.2.3.4..", "0x" + "f" * 200, "é" * 300, "%C3%A9" * 254, "." * 60000],
    ],
)
def test_a_host_that_parsers_disagree_about_is_refused(host: str) -> None:
    with pytest.raises(InvalidURL):
        _urlparse.parse(f"http://{host}/")


@pytest.mark.parametrize("port", ["65536", "+1", "-1", "1a", "0x50", "٣", " 80", "9" * 5000, "80:81"])
def test_a_port_that_is_no_number_from_0_to_65535_is_refused(port: str) -> None:
    with pytest.raises(InvalidURL, match="a port is a number from 0 to 65535"):
        _urlparse.parse(f"http://h:{port}/")


def test_a_port_may_have_any_number_of_zeros_before_it() -> None:
    assert _urlparse.parse(f"http://h:{'0' * 60000}81/").port == 81
    assert _urlparse.parse(f"http://h:{'0' * 60000}/").port == 0


@pytest.mark.parametrize("control", ["\x00", "\t", "\n", "\r", "\x1f", "\x7f", "\x85"])
@pytest.mark.parametrize(
    "place", ["{}http://h/", "http://h{}/", "http://h/a{}b", "http://h/?{}", "http://h/#{}", "http://u{}@h/"]
)
def test_a_control_character_is_refused_wherever_it_stands(control: str, place: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        _urlparse.parse(place.format(control))

    assert str(caught.value) == f"URL has a control character, {control!r}, at position {place.index('{')}"


@pytest.mark.parametrize("text", [" http://h/", "http://h/ ", " "])
def test_a_space_at_either_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidURL, match="strip it first"):
        _urlparse.parse(text)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidURL, match="lone surrogate"):
        _urlparse.parse("http://h/\ud800")


def test_a_url_may_be_65536_characters_long_and_no_longer() -> None:
    longest = "http://h/" + "a" * (65536 - len("http://h/"))

    assert _urlparse.parse(longest).text == longest
    with pytest.raises(InvalidURL, match="URL of 65537 characters is longer than the 65536 allowed"):
        _urlparse.parse(longest + "a")
    with pytest.raises(InvalidURL, match="is longer than the 65536 allowed"):
        _urlparse.parse("http://h/" + "é" * 20000)


def test_a_long_url_takes_no_place_in_the_cache() -> None:
    long = "http://h/" + "a" * 4096

    before = _urlparse._parse_once.cache_info().currsize
    assert URL(long) == URL(long)
    assert _urlparse._parse_once.cache_info().currsize == before


def test_a_host_may_be_253_characters_long_and_no_longer() -> None:
    longest = "a." * 126 + "a"

    assert _urlparse.parse(f"http://{longest}/").host == longest
    assert _urlparse.parse(f"http://{longest}./").host == f"{longest}."
    with pytest.raises(InvalidURL, match="host of 254 characters"):
        _urlparse.parse(f"http://{longest}a/")


def test_a_refused_url_does_not_show_its_password_or_query() -> None:
    with pytest.raises(InvalidURL) as caught:
        _urlparse.parse("http://ada:secret@h:99999/?token=hidden")

    assert "99999" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "http:ada:sec@h:x",
            "http:/ada:sec@h:x",
            "http://ada:sec/ret@h",
            "http://ada:sec?ret@h/",
            "http://ada:sec#ret@h/",
            "http://ada:123456/ret@h",
        ],
        *["http://ada:sec@[::1", "http://ada:sec@h:x/?ret@b", "http://h:x/?token=sec@b", "http://ada:sec?@a#ret@b"],
    ],
)
def test_a_refused_url_does_not_show_what_may_be_a_password(text: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        _urlparse.parse(text)

    assert not re.search("sec|ret|123456", str(caught.value))


def test_a_host_field_names_no_zone() -> None:
    assert URL("http://[fe80::1%25eth0]:81/").host_field == (b"Host", b"host", b"[fe80::1]:81")


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/a/b/c/./../../g", "/a/g"),
        ("/mid/content=5/../6", "/mid/6"),
        ("/", "/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/a/..", "/"),
        ("/a//../b", "/a/b"),
        ("/a/%2E./b/.%2e/c", "/c"),
        ("/a/...", "/a/..."),
        ("/.a/b./..c", "/.a/b./..c"),
    ],
)
def test_dot_segments_are_resolved(path: str, resolved: str) -> None:
    assert _urlparse.remove_dot_segments(path) == resolved


def random_texts(seed: int, count: int) -> Iterator[str]:
    """Yield texts of URL atoms, with and without a few characters of any kind thrown in."""
    random = Random(seed)
    for _ in range(count):
        pieces = [random.choice(ATOMS) for _ in range(random.randrange(10))]
        for _ in range(random.choice([0, 0, 1, 3])):
            pieces.insert(random.randrange(len(pieces) + 1), chr(random.randrange(*random.choice(CHARACTERS))))
        yield random.choice(BEGINNINGS) + "".join(pieces)


CHARACTERS = [(0, 0x80), (0x80, 0x3000), (0xD800, 0xFFFF), (0, 0x110000)]


def exercise(text: str, other: str) -> URL | None:
    """Do with two texts what a program may do with them; only `InvalidURL` may come of it."""
    try:
        base = URL(text)
    except InvalidURL:
        base = URL("http://h/a/b?c")
    last = None
    for attempt in [
        lambda: base.join(other),
        lambda: base / other,
        lambda: base.copy_with(host=other),
        lambda: base.copy_with(username=other, password=other),
        lambda: base.copy_with(path=other, query=None, fragment=other),
        lambda: base.copy_with(netloc=other.encode("utf-8", "replace")),
        lambda: base.copy_with(raw_path=other.encode("utf-8", "replace")),
        lambda: base.copy_add_param(other, other),
        lambda: base.copy_with(scheme=other),
    ]:
        try:
            last = attempt()
        except InvalidURL:
            continue
        assert URL(str(last)) == last
        assert last.path  # and every other view must be given without a complaint:
        _ = last.host, last.username, last.password, last.params, last.fragment, last.raw, last.masked, repr(last)
    return last


def test_whatever_is_done_with_hostile_texts_only_invalid_url_is_raised() -> None:
    texts = list(random_texts(seed=20, count=2000))

    done = [exercise(text, other) for text, other in itertools.pairwise(texts)]

    assert any(done)
