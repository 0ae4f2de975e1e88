"""`Cookies`: what servers set, where it goes again, and the mapping over both."""

import copy
import http.cookiejar
import json
import pickle
import subprocess
import sys
import types
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import (
    URL,
    ByteStream,
    Cookie,
    CookieConflict,
    Cookies,
    Headers,
    InvalidHeader,
    Request,
    Response,
    _cookie_dates,
    _cookies,
)

# RFC 6265 §5: the IETF's http-state tests. What we do otherwise, and why.
CASES = json.loads((Path(__file__).parent / "cookie_cases.json").read_text("utf-8"))
DATES = json.loads((Path(__file__).parent / "cookie_dates.json").read_text("utf-8"))
START = "http://home.example.org:8888/cookie-parser?test"
NOT_ASCII = "a cookie that no field of ASCII could bring back is dropped"
CONTROL = "a control character drops the cookie (RFC 6265bis §5.6), and does not cut it"
DEVIATIONS = {
    "CHARSET0001": NOT_ASCII,
    "CHARSET0002": NOT_ASCII,
    "CHARSET0003": NOT_ASCII,
    "CHARSET0004": NOT_ASCII,
    "DISABLED_CHROMIUM0022": CONTROL,
    "DISABLED_CHROMIUM0023": CONTROL,
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A clock that stands still: `clock.now` is read by all cookies."""
    clock = types.SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(_cookies, "time", types.SimpleNamespace(time=lambda: clock.now))
    return clock


def received(*lines: str | bytes, url: str = "http://example.org/a/b") -> Response:
    """Return a response to `url` that sets cookies, its fields as they came."""
    fields = [(b"Set-Cookie", b"set-cookie", line if isinstance(line, bytes) else line.encode()) for line in lines]
    return Response.from_parts(200, Headers.from_wire(fields), ByteStream(b""), Request("GET", url), {})


def kept(*lines: str | bytes, url: str = "http://example.org/a/b") -> Cookies:
    return received(*lines, url=url).cookies


def sent(cookies: Any, url: str = "http://example.org/a/b") -> str | None:
    """Return the `Cookie` field of a request that these cookies are given to."""
    value = Request("GET", url, cookies=cookies).headers.get("cookie")
    assert value is None or isinstance(value, str)
    return value


# Received and sent again


@pytest.mark.parametrize("case", CASES, ids=[case["test"] for case in CASES])
def test_cookies_come_and_go_as_rfc_6265_says(case: dict[str, Any], clock: types.SimpleNamespace) -> None:
    clock.now = 1298937600.0  # 2011-03-01, when these cases were written
    cookies = kept(*case["received"], url=START)
    target = URL(START).join(case.get("sent-to", "/cookie-parser-result"))

    back = [{"name": cookie.name, "value": cookie.value} for cookie in cookies.cookies_for(target)]

    assert (back == case["sent"]) is (case["test"] not in DEVIATIONS)
    if case["test"] in DEVIATIONS:
        assert back == []


@pytest.mark.parametrize("case", DATES, ids=[case["test"] for case in DATES])
def test_dates_are_read_as_rfc_6265_says(case: dict[str, Any]) -> None:
    expected = None if case["expected"] is None else parsedate_to_datetime(case["expected"]).timestamp()

    assert _cookie_dates.read_date(case["test"]) == expected


@given(
    st.sampled_from(["Fri", "Mar", "Mon"]),
    st.integers(0, 40),
    st.sampled_from(["Jan", "feb", "DEC", "Foo"]),
    st.sampled_from(["0069", "0070", "0200", "1600", "1601", "1999", "2027", "9999"]),
    st.tuples(st.integers(0, 30), st.integers(0, 70), st.integers(0, 70)),
)
def test_the_usual_form_of_a_date_is_read_as_any_other(
    weekday: str, day: int, month: str, year: str, clock: tuple[int, int, int]
) -> None:
    usual = f"{weekday}, {day:02} {month} {year} {clock[0]:02}:{clock[1]:02}:{clock[2]:02} GMT"

    assert _cookie_dates.read_date(usual) == _cookie_dates.read_date(usual.replace(",", ",,"))
    assert _cookie_dates.read_date(usual.replace(f" {month} ", f"-{month}-")) == _cookie_dates.read_date(usual)


def test_a_cookie_without_a_domain_goes_to_its_host_alone() -> None:
    cookies = kept("a=b; Path=/")

    assert cookies.kept() == [Cookie("a", "b", "example.org", "/", is_host_only=True, has_path=True)]
    assert sent(cookies) == "a=b"
    assert sent(cookies, "http://sub.example.org/") is None
    assert sent(cookies, "http://badexample.org/") is None


def test_a_cookie_with_a_domain_goes_to_the_hosts_below_too() -> None:
    cookies = kept("a=b; Path=/; Domain=.Example.ORG")

    assert cookies.kept() == [Cookie("a", "b", "example.org", "/", has_path=True)]
    assert [sent(cookies, f"http://{host}/") for host in ["example.org", "x.y.example.org", "badexample.org"]] == [
        "a=b",
        "a=b",
        None,
    ]


@pytest.mark.parametrize(
    ("host", "domain", "is_kept", "is_host_only"),
    [
        ("example.org", "org", False, False),
        ("example.org", "other.org", False, False),
        ("example.org", "sub.example.org", False, False),
        ("localhost", "localhost", True, True),
        ("127.0.0.1", "127.0.0.1", True, True),
        ("127.0.0.1", "0.0.1", False, False),
        ("[::1]", "::1", True, True),
        ("bücher.example", "xn--bcher-kva.example", True, False),
    ],
)
def test_a_domain_must_be_the_host_or_one_above_it(host: str, domain: str, is_kept: bool, is_host_only: bool) -> None:
    cookies = kept(f"a=b; Domain={domain}", url=f"http://{host}/").kept()

    assert [cookie.is_host_only for cookie in cookies] == ([is_host_only] if is_kept else [])


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [("http://h.x/", False), ("https://h.x/", True), ("ws://h.x/", False), ("wss://h.x/", True)],
)
def test_a_secure_cookie_is_never_sent_in_the_clear(url: str, is_sent: bool) -> None:
    cookies = kept("a=b; Secure; HttpOnly", url="https://h.x/")

    assert [(cookie.is_secure, cookie.is_http_only) for cookie in cookies.kept()] == [(True, True)]
    assert (sent(cookies, url) is not None) is is_sent


@pytest.mark.parametrize(
    ("attributes", "ends"),
    [
        ("", None),
        ("; Max-Age=10", 1_000_010.0),
        ("; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 1_000_010.0),
        ("; Expires=Fri, 07 Aug 2037 08:04:19 GMT", 2133245059.0),
        ("; Expires=Fri, 07 Aug 2037 08:04:19 GMT; Expires=never", 2133245059.0),
        ("; Max-Age=" + "9" * 1024, 100_000_999_999.0),
        ("; Max-Age=" + "9" * 1025, None),
        ("; Max-Age=1e3", None),
        ("; Max-Age=", None),
        ("; Expires=Fri, 99 Aug 2037 08:04:19 GMT", None),
        ("; Expires=" + "9" * 5000, None),
    ],
)
def test_a_cookie_ends_when_it_says(attributes: str, ends: float | None, clock: types.SimpleNamespace) -> None:
    assert [cookie.expires for cookie in kept("a=b" + attributes).kept()] == [ends]


@pytest.mark.parametrize(
    ("attribute", "same_site"),
    [("", ""), ("SameSite=Lax", "lax"), ("samesite = STRICT", "strict"), ("SameSite=None", "none"), ("SameSite=x", "")],
)
def test_a_cookie_tells_what_it_says_of_other_sites(attribute: str, same_site: str) -> None:
    assert [cookie.same_site for cookie in kept(f"a=b; {attribute}").kept()] == [same_site]


def test_a_cookie_that_has_ended_is_gone(clock: types.SimpleNamespace) -> None:
    cookies = kept("a=b; Max-Age=10; Path=/", "c=d; Path=/")
    assert (sent(cookies), dict(cookies)) == ("a=b; c=d", {"a": "b", "c": "d"})

    clock.now += 10

    assert (sent(cookies), dict(cookies), len(cookies), "a" in cookies) == ("c=d", {"c": "d"}, 1, False)


@pytest.mark.parametrize("ending", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_server_removes_a_cookie_by_ending_it(ending: str) -> None:
    cookies = kept("a=b; Path=/", "c=d; Path=/x")
    assert bool(cookies)

    cookies.extract_cookies(received(f"a=; Path=/; {ending}", f"c=; Path=/y; {ending}"))

    assert dict(cookies) == {"c": "d"}


def test_a_replaced_cookie_keeps_its_place() -> None:
    assert sent(kept("a=1; Path=/", "b=2; Path=/", "a=3; Path=/")) == "a=3; b=2"


def test_long_paths_come_first_and_then_old_cookies() -> None:
    cookies = kept(
        "a=1; Path=/", "b=2; Path=/a/b; Domain=example.org", "c=3; Path=/a", "d=4; Path=/a/b", "e=5; Path=/x"
    )

    assert sent(cookies) == "b=2; d=4; c=3; a=1"


@pytest.mark.parametrize("line", [b"a=\xc3\xa9", b"\xe9=b", b"a=b\x01", b"a=b; Path=/\x7f", b"a=b\x00c", b"a=\xff"])
def test_a_cookie_that_could_not_be_sent_is_dropped_and_the_next_request_goes_out(line: bytes) -> None:
    cookies = kept(line, b"c=d; Path=/")

    assert dict(cookies) == {"c": "d"}
    assert sent(cookies) == "c=d"


def test_foreign_bytes_beside_the_cookie_do_no_harm() -> None:
    assert sent(kept(b"a=b; Path=/; Comment=\xe9\xff")) == "a=b"


@given(st.binary(max_size=60))
def test_no_set_cookie_makes_a_later_request_fail(line: bytes) -> None:
    url = URL("http://example.org/a/b")
    cookies = Cookies()

    for given_line in [line, b"a=" + line, b"a=b;" + line, b"a=b; Max-Age=" + line, b"a=b; Expires=" + line]:
        cookie = Cookie.read(given_line, url)
        if cookie is not None:
            cookies.keep(cookie, url)

    value = sent(cookies)
    assert value is None or (value.isascii() and value.isprintable()) or "\t" in value


def test_a_cookie_from_nowhere_is_not_kept() -> None:
    assert Cookie.read(b"a=b", URL("/relative")) is None


def test_a_response_gives_its_cookies_once_it_knows_its_request() -> None:
    response = received("a=b", "c=d")

    assert dict(response.cookies) == {"a": "b", "c": "d"}
    assert response.cookies is response.cookies
    with pytest.raises(RuntimeError, match="made without its request"):
        _ = Response(200).cookies


def test_the_host_of_the_url_decides_and_not_the_host_field() -> None:
    cookies = kept("a=b; Path=/")

    request = Request("GET", "http://evil.example/", headers={"Host": "example.org"}, cookies=cookies)

    assert "cookie" not in request.headers


# Set by a program


@pytest.mark.parametrize(
    ("given_cookies", "value"),
    [
        ({"a": "b", "c": "d"}, "a=b; c=d"),
        ([("a", "b"), ("a", "c")], "a=c"),
        ((("a", "b"),), "a=b"),
        (Cookies({"a": "b"}), "a=b"),
        ({"a": 5}, "a=5"),
        ({"a": ""}, "a="),
        ({"a": 'x y",=z'}, 'a=x y",=z'),
        ({}, None),
        (None, None),
    ],
)
def test_cookies_are_taken_in_every_form(given_cookies: Any, value: str | None) -> None:
    assert sent(given_cookies) == value
    assert sent(Cookies(given_cookies)) == value


@pytest.mark.parametrize("given_cookies", [5, "a=b", b"a=b"])
def test_what_are_no_cookies_is_refused(given_cookies: Any) -> None:
    name = type(given_cookies).__name__
    with pytest.raises(TypeError, match=f"^cookies are a mapping, a list of pairs, or a jar, not {name}$"):
        Cookies(given_cookies)


def test_a_cookie_field_of_the_caller_stays_as_it_is() -> None:
    request = Request("GET", "http://h/", headers={"Cookie": "k=v"}, cookies={"a": "b"})

    assert request.headers.get_list("cookie") == ["k=v"]


def test_cookies_without_a_domain_go_everywhere_and_others_to_theirs() -> None:
    cookies = Cookies()
    for name, domain in [
        ("a", ""),
        ("b", "example.org"),
        ("c", ".Example.org"),
        ("d", "other.org"),
        ("e", "Bücher.de"),
    ]:
        cookies.set(name, "1", domain=domain)

    assert sent(cookies, "http://example.org/") == "a=1; b=1; c=1"
    assert sent(cookies, "http://sub.example.org/") == "a=1; b=1; c=1"
    assert sent(cookies, "http://xn--bcher-kva.de/") == "a=1; e=1"


def test_an_address_is_no_domain_of_others() -> None:
    cookies = Cookies()
    cookies.set("a", "b", domain="0.0.1")

    assert sent(cookies, "http://127.0.0.1/") is None


def test_cookies_go_below_their_path() -> None:
    cookies = Cookies()
    cookies.set("a", "b", path="/x")

    assert [sent(cookies, f"http://h{path}") for path in ["/x", "/x/y", "/x?q", "/xy", "/"]] == [
        *["a=b"] * 3,
        *[None] * 2,
    ]


@pytest.mark.parametrize("name", ["", "a;b", "a=1; b", "a\r\nb", "a\x00", "é", " a", "a ", "\t", "a\x7f"])
def test_a_name_that_would_be_more_than_a_name_is_refused(name: str) -> None:
    cookies = Cookies()

    with pytest.raises(InvalidHeader, match=r"^name of cookie"):
        cookies.set(name, "b")
    with pytest.raises(ValueError, match=r"^name of cookie"):
        cookies[name] = "b"
    assert not cookies


@pytest.mark.parametrize("value", ["b; admin=1", "b\r\nX: y", "b\x00", "é", "\x1f", "\x7f"])
def test_a_value_that_would_be_more_than_a_value_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(
        ValueError, match=r"^value of cookie 'a' holds `;`, a control character, or one outside ASCII$"
    ) as caught:
        Request("GET", "http://h/", cookies={"a": value})
    assert isinstance(caught.value, InvalidHeader)


@pytest.mark.parametrize("place", [{"domain": "a\nb"}, {"path": "/\n"}])
def test_a_place_without_control_characters_is_asked_for(place: dict[str, str]) -> None:
    with pytest.raises(InvalidHeader, match=r"^domain and path of cookie 'a' may hold no control characters$"):
        Cookies().set("a", "b", **place)


def test_names_and_values_are_text() -> None:
    with pytest.raises(TypeError, match=r"^name of cookie must be str, not int$"):
        Cookies().set(5, "b")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^value of cookie 'a' must be str, not NoneType$"):
        Cookies().set("a", None)  # type: ignore[arg-type]


# The mapping


def several() -> Cookies:
    cookies = Cookies({"a": "everywhere"})
    cookies.set("a", "org", domain="example.org")
    cookies.set("a", "path", domain="example.org", path="/x")
    cookies.set("b", "com", domain="example.com")
    return cookies


def test_a_name_that_several_cookies_have_needs_a_domain_or_path() -> None:
    cookies = several()

    for read in [lambda: cookies["a"], lambda: cookies.get("a"), lambda: cookies.get("a", domain="example.org")]:
        with pytest.raises(CookieConflict, match="several cookies are named 'a'"):
            read()
    assert cookies.get("a", domain="") == "everywhere"
    assert cookies.get("a", domain=".Example.ORG", path="/") == "org"
    assert cookies.get("a", path="/x") == "path"
    assert cookies["b"] == "com"


def test_it_is_a_mapping() -> None:
    cookies = several()

    assert isinstance(cookies, Mapping)
    assert (list(cookies), len(cookies), bool(cookies)) == (["a", "a", "a", "b"], 4, True)
    assert ("a" in cookies, "c" in cookies, 5 in cookies) == (True, False, False)
    assert (cookies.get("c"), cookies.get("c", "d"), cookies.get("b", path="/x")) == (None, "d", None)
    with pytest.raises(KeyError, match="c"):
        cookies["c"]
    assert dict(Cookies({"a": "b"}).items()) == {"a": "b"}
    assert not Cookies()


def test_cookies_are_deleted_by_name_domain_and_path() -> None:
    cookies = several()

    cookies.delete("a", domain="example.org", path="/x")
    assert cookies.get("a", domain="example.org") == "org"
    del cookies["a"]
    del cookies["a"]
    cookies.delete("none")

    assert dict(cookies) == {"b": "com"}
    assert cookies.pop("b") == "com"
    assert not cookies


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ({}, []),
        ({"domain": "example.org"}, ["everywhere", "com"]),
        ({"domain": "example.org", "path": "/x"}, ["everywhere", "org", "com"]),
        ({"path": "/x"}, ["everywhere", "org", "com"]),
        ({"domain": "unknown.org"}, ["everywhere", "org", "path", "com"]),
    ],
)
def test_cookies_are_cleared_by_domain_and_path(place: dict[str, str], values: list[str]) -> None:
    cookies = several()

    cookies.clear(**place)

    assert [cookie.value for cookie in cookies.kept()] == values


def test_cookies_are_updated_from_every_form() -> None:
    cookies = several()

    cookies.update()
    cookies.update(None)
    cookies.update({"b": "1"})
    cookies.update([("c", "2")])
    cookies.update(kept("d=3; Path=/p; Domain=example.org"))

    assert cookies.get("b", domain="") == "1"
    assert (cookies["c"], cookies.get("d", domain="example.org", path="/p")) == ("2", "3")
    assert len(cookies) == 7


def test_a_copy_is_apart_from_what_it_was_made_of() -> None:
    cookies = Cookies({"a": "1"})

    for other in [Cookies(cookies), copy.copy(cookies), copy.deepcopy(cookies)]:
        other["b"] = "2"
        other["a"] = "3"
        assert dict(other) == {"a": "3", "b": "2"}

    assert dict(cookies) == {"a": "1"}


def test_cookies_are_equal_by_name_and_value() -> None:
    assert Cookies({"a": "1", "b": "2"}) == {"b": "2", "a": "1"}
    assert kept("a=1") == Cookies({"a": "1"})
    assert several() == several()
    assert several() != {"a": "everywhere", "b": "com"}
    assert Cookies({"a": "1"}) != {"a": "2"}
    assert Cookies() != 5
    with pytest.raises(TypeError):
        hash(Cookies())


def test_repr_shows_no_value() -> None:
    assert repr(several()) == (
        "<Cookies[<Cookie a=[secure] for every host />, <Cookie a=[secure] for example.org />, "
        "<Cookie a=[secure] for example.org/x />, <Cookie b=[secure] for example.com />]>"
    )
    assert repr(Cookies()) == "<Cookies[]>"


def test_cookies_survive_pickling() -> None:
    cookies = several()
    cookies.extract_cookies(received("c=d; Max-Age=1000; Secure"))

    restored = pickle.loads(pickle.dumps(cookies))
    response = pickle.loads(pickle.dumps(received("a=b; Path=/")))

    assert restored.kept() == cookies.kept()
    assert dict(response.cookies) == {"a": "b"}


def test_a_subclass_decides_what_is_kept_and_where_it_goes() -> None:
    class Choosy(Cookies):
        def keep(self, cookie: Cookie, url: URL) -> None:
            if cookie.name != "tracker":
                super().keep(cookie, url)

        def cookies_for(self, url: URL) -> list[Cookie]:
            return super().cookies_for(url)[:1]

    cookies = Choosy()
    cookies.extract_cookies(received("tracker=1; Path=/", "a=2; Path=/", "b=3; Path=/"))

    assert dict(cookies) == {"a": "2", "b": "3"}
    assert sent(cookies) == "a=2"
    assert dict(pickle.loads(pickle.dumps(Cookies(cookies)))) == {"a": "2", "b": "3"}


# The jar


def jar_cookie(name: str, value: str | None, domain: str = "", path: str = "/") -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        *(0, name, value, None, False, domain, bool(domain), domain.startswith("."), path, True, False, None, True),
        *(None, None, {}),
    )


def test_the_jar_gives_cookies_of_the_standard_library() -> None:
    cookies = kept("a=b; Path=/p; Domain=example.org; Max-Age=1000; Secure; HttpOnly", "c=d")

    first, second = cookies.jar

    assert isinstance(first, http.cookiejar.Cookie)
    assert (first.name, first.value, first.domain, first.domain_specified, first.path) == (
        *("a", "b", ".example.org", True),
        "/p",
    )
    assert (first.secure, first.has_nonstandard_attr("HttpOnly"), first.discard) == (True, True, False)
    assert (second.domain, second.domain_specified, second.path, second.discard) == ("example.org", False, "/a", True)
    assert cookies.jar is cookies.jar


def test_the_jar_and_the_mapping_are_one() -> None:
    cookies = kept("a=b; Path=/", "c=d; Path=/; Domain=example.org")
    before = cookies.kept()
    jar = cookies.jar
    assert cookies.kept() == before

    jar.set_cookie(jar_cookie("e", "f"))
    cookies["g"] = "h"
    cookies.delete("a")
    cookies.extract_cookies(received("c=new; Path=/; Domain=example.org", "i=j; Path=/"))

    assert sorted(cookies.items()) == [("c", "new"), ("e", "f"), ("g", "h"), ("i", "j")]
    assert sorted((cookie.name, cookie.value) for cookie in jar) == sorted(cookies.items())
    jar.clear()
    assert (dict(cookies), sent(cookies)) == ({}, None)
    cookies["k"] = "l"
    cookies.clear()
    assert list(jar) == []


def test_a_jar_of_the_program_is_used_itself(tmp_path: Path) -> None:
    file = str(tmp_path / "cookies.txt")
    jar = http.cookiejar.MozillaCookieJar(file)
    cookies = Cookies(jar)
    cookies.extract_cookies(received("a=b; Path=/; Max-Age=1000; HttpOnly", "c=d; Domain=example.org; Max-Age=1000"))
    jar.save()

    loaded = http.cookiejar.MozillaCookieJar(file)
    loaded.load()

    assert cookies.jar is jar
    assert {cookie.name: cookie.is_host_only for cookie in Cookies(loaded).kept()} == {"a": True, "c": False}
    assert sent(Cookies(loaded), "http://sub.example.org/a/x") == "c=d"


def test_a_jar_can_be_set() -> None:
    cookies = Cookies({"a": "b"})
    jar = http.cookiejar.CookieJar()
    jar.set_cookie(jar_cookie("c", "d"))

    cookies.jar = jar

    assert dict(cookies) == {"c": "d"}
    updated = Cookies({"a": "b"})
    updated.update(jar)
    assert dict(updated) == {"a": "b", "c": "d"}


def test_what_a_jar_holds_that_cannot_be_sent_is_left_in_it() -> None:
    jar = http.cookiejar.CookieJar()
    for name, value in [("a", "é"), ("b\n", "c"), ("d", "e; f=g"), ("h", "i"), ("j", None)]:
        jar.set_cookie(jar_cookie(name, value, domain=".h"))
    jar.set_cookie(jar_cookie("k", "l", domain="\ud800.example"))
    jar.set_cookie(jar_cookie("m", "n", domain=""))

    assert sent(Cookies(jar), "http://h/") == "h=i; j=; m=n"
    assert len(jar) == 7


def test_the_policy_of_a_jar_is_asked() -> None:
    policy = http.cookiejar.DefaultCookiePolicy(blocked_domains=["example.org"])
    cookies = Cookies(http.cookiejar.CookieJar(policy))

    cookies.extract_cookies(received("a=b"))
    cookies.extract_cookies(received("c=d", url="http://other.org/"))

    assert dict(cookies) == {"c": "d"}


def test_cookies_with_a_jar_survive_pickling_without_it() -> None:
    cookies = Cookies({"a": "b"})
    jar = cookies.jar

    restored = pickle.loads(pickle.dumps(cookies))
    restored["c"] = "d"

    assert (dict(restored), len(jar)) == ({"a": "b", "c": "d"}, 1)


def test_cookies_import_no_jar_of_the_standard_library() -> None:
    program = (
        "import sys\n"
        "from courser_models import Cookies, Request, Response\n"
        "request = Request('GET', 'http://h.x/', cookies={'a': 'b'})\n"
        "cookies = Response(200, headers={'Set-Cookie': 'c=d; Expires=Fri, 07 Aug 2037 08:04:19 GMT'},"
        " request=request).cookies\n"
        "cookies.update({'e': 'f'}); cookies.set_cookie_header(Request('GET', 'http://h.x/'))\n"
        "print(repr(cookies))\n"
        "print(*sorted({'http.cookiejar', 'http.client', 'urllib.request', 'email', 'socket'} & set(sys.modules)))\n"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "<Cookies[<Cookie c=[secure] for h.x />, <Cookie e=[secure] for every host />]>\n\n"
