"""`CookieStore`: what servers may set, what goes where, and what goes when there is no room (RFC 6265bis)."""

import copy
import functools
import json
import pickle
import subprocess
import sys
import threading
import time
import types
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_auth import CookieStore, _cookie_store
from courser_models import URL, ByteStream, Cookie, Cookies, Headers, InvalidHeader, Request, Response

# The IETF's http-state tests, written for RFC 6265: what we do otherwise, and why.
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
DAY = 24 * 3600.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A clock that stands still: `clock.now` is the time for all cookies."""
    clock = types.SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


def receive(store: Cookies, *lines: str | bytes, url: str = "https://example.org/a/b") -> Any:
    """Give the store a response to `url` that sets cookies, its fields as they came; return the store."""
    fields = [(b"Set-Cookie", b"set-cookie", line if isinstance(line, bytes) else line.encode()) for line in lines]
    store.extract_cookies(Response.from_parts(200, Headers.from_wire(fields), ByteStream(b""), Request("GET", url), {}))
    return store


def kept(*lines: str | bytes, url: str = "https://example.org/a/b") -> Any:
    return receive(CookieStore(), *lines, url=url)


def sent(store: Cookies, url: str = "https://example.org/a/b") -> str | None:
    """Return the `Cookie` field that the store gives a request for `url`."""
    request = Request("GET", url)
    store.set_cookie_header(request)
    value: str | None = request.headers.get("cookie")
    return value


def names(store: Cookies) -> list[str]:
    return [cookie.name for cookie in store.kept()]


# Received and sent again


@pytest.mark.parametrize("case", CASES, ids=[case["test"] for case in CASES])
def test_cookies_come_and_go_as_the_ietf_tested(case: dict[str, Any], clock: types.SimpleNamespace) -> None:
    clock.now = 1298937600.0  # 2011-03-01, when these cases were written
    store = kept(*case["received"], url=START)
    target = URL(START).join(case.get("sent-to", "/cookie-parser-result"))

    back = [{"name": cookie.name, "value": cookie.value} for cookie in store.cookies_for(target)]

    assert (back == case["sent"]) is (case["test"] not in DEVIATIONS)
    if case["test"] in DEVIATIONS:
        assert back == []


@pytest.mark.parametrize("case", DATES, ids=[case["test"] for case in DATES])
def test_a_cookie_ends_at_the_date_that_the_ietf_read(case: dict[str, Any], clock: types.SimpleNamespace) -> None:
    expected = None if case["expected"] is None else parsedate_to_datetime(case["expected"]).timestamp()
    clock.now = (expected or 0.0) - 100.0

    assert [cookie.expires for cookie in kept(f"a=b; Expires={case['test']}").kept()] == [expected]


def test_a_cookie_without_a_domain_goes_to_its_host_alone() -> None:
    store = kept("a=b; Path=/")

    assert sent(store) == "a=b"
    assert sent(store, "https://sub.example.org/") is None
    assert sent(store, "https://badexample.org/") is None


def test_a_cookie_with_a_domain_goes_to_the_hosts_below_too() -> None:
    store = kept("a=b; Path=/; Domain=.Example.ORG")

    assert [sent(store, f"https://{host}/") for host in ["example.org", "x.y.example.org", "badexample.org"]] == [
        *["a=b"] * 2,
        None,
    ]


def test_long_paths_come_first_and_then_old_cookies_and_a_replaced_one_keeps_its_place() -> None:
    store = kept("a=1; Path=/", "b=2; Path=/a/b; Domain=example.org", "c=3; Path=/a", "d=4; Path=/a/b", "e=5; Path=/x")

    receive(store, "b=6; Path=/a/b; Domain=example.org")

    assert sent(store) == "b=6; d=4; c=3; a=1"


def test_cookies_that_differ_in_reach_are_two() -> None:
    store = kept("a=1; Path=/", "a=2; Path=/; Domain=example.org", "a=3; Path=/")

    assert sent(store) == "a=3; a=2"
    assert sent(store, "https://sub.example.org/") == "a=2"
    assert sent(receive(store, "a=; Path=/; Max-Age=0")) == "a=2"


def test_an_address_is_no_domain_of_others() -> None:
    assert not kept("a=b; Domain=2.3.4", url="https://1.2.3.4/")
    store = kept("a=b; Domain=1.2.3.4; Path=/", url="https://1.2.3.4/")
    assert (sent(store, "https://1.2.3.4:8443/"), sent(store, "https://9.2.3.4/")) == ("a=b", None)
    store.set("c", "d", domain="3.4")
    assert sent(store, "https://1.2.3.4/") == "a=b"


def test_the_host_of_the_url_decides_and_not_the_host_field() -> None:
    request = Request("GET", "https://other.org/", headers={"Host": "example.org"})

    kept("a=b; Path=/").set_cookie_header(request)

    assert "cookie" not in request.headers


def test_a_cookie_field_of_the_caller_stays_as_it_is() -> None:
    request = Request("GET", "https://example.org/", headers={"Cookie": "k=v"})

    kept("a=b; Path=/").set_cookie_header(request)

    assert request.headers.get_list("cookie") == ["k=v"]


def test_quotes_belong_to_the_value_and_a_semicolon_ends_it() -> None:
    assert sent(kept('x="a b;c"; Path=/')) == 'x="a b'


def test_a_cookie_tells_all_that_the_server_said() -> None:
    store = kept("a=b; Path=/x; Domain=example.org; Secure; HttpOnly; SameSite=Strict")

    assert store.kept() == [
        Cookie(
            *("a", "b", "example.org", "/x", None, False, True),
            is_http_only=True,
            has_path=True,
            same_site="strict",
        )
    ]


# Refused


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("co.uk", "https://shop.co.uk/"),
        ("CO.UK", "https://shop.co.uk/"),
        (".co.uk", "https://shop.co.uk/"),
        ("github.io", "https://ada.github.io/"),
        ("com", "https://example.com/"),
        ("kobe.jp", "https://www.kobe.jp/"),
        ("unknown-top-level", "https://www.unknown-top-level/"),
    ],
)
def test_a_public_suffix_is_refused(domain: str, url: str) -> None:
    assert not kept(f"a=b; Domain={domain}", url=url)


def test_a_public_suffix_may_set_cookies_for_itself_alone() -> None:
    store = kept("a=b; Domain=github.io; Path=/", url="https://github.io/")

    assert [cookie.is_host_only for cookie in store.kept()] == [True]
    assert (sent(store, "https://github.io/"), sent(store, "https://ada.github.io/")) == ("a=b", None)


def test_the_domain_below_a_public_suffix_is_fine() -> None:
    assert sent(kept("a=b; Domain=shop.co.uk; Path=/", url="https://www.shop.co.uk/"), "https://shop.co.uk/") == "a=b"


@pytest.mark.parametrize(
    "url", ["http://example.org/", "ws://example.org/", "http://128.0.0.1/", "http://127.example/"]
)
def test_a_secure_cookie_is_neither_set_nor_sent_in_the_clear(url: str) -> None:
    assert not kept("a=b; Secure; Path=/", url=url)
    assert sent(kept("a=b; Secure; Path=/", url=url.replace("http:", "https:").replace("ws:", "wss:")), url) is None


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/", "http://a.localhost/", "http://127.0.0.1/", "http://127.1.2.3/", "http://[::1]/"]
)
def test_loopback_is_as_safe_as_tls(url: str) -> None:
    store = kept("a=b; Secure; Path=/", "__Host-c=d; Secure; Path=/", url=url)

    assert sent(store, url) == "a=b; __Host-c=d"


@pytest.mark.parametrize(
    "line",
    [
        "a=evil; Path=/",
        "a=evil; Path=/; Domain=example.org",
        "a=evil; Path=/x",
        "a=; Path=/; Max-Age=0",
        "a=; Path=/; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ],
)
@pytest.mark.parametrize("secret", ["a=good; Secure; Path=/", "a=good; Secure; Path=/; Domain=example.org"])
def test_a_page_without_tls_leaves_secure_cookies_alone(secret: str, line: str) -> None:
    store = kept(secret, url="https://www.example.org/")

    receive(store, line, url="http://www.example.org/")

    assert [cookie.value for cookie in store.kept()] == ["good"]


@pytest.mark.parametrize(
    ("secret", "from_url", "line", "to_url"),
    [
        ("a=good; Secure; Path=/", "https://sub.example.org/", "a=evil; Domain=example.org", "http://www.example.org/"),
        ("a=good; Secure; Domain=example.org", "https://example.org/", "a=evil", "http://sub.example.org/"),
    ],
)
def test_nor_does_it_hide_them_from_above_or_below(secret: str, from_url: str, line: str, to_url: str) -> None:
    store = receive(kept(secret, url=from_url), line, url=to_url)

    assert [cookie.value for cookie in store.kept()] == ["good"]


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("b=fine; Path=/", "http://www.example.org/"),
        ("a=fine; Path=/", "http://other.example.org/"),
        ("a=fine; Path=/y", "http://www.example.org/"),
        ("a=fine; Path=/", "http://example.com/"),
    ],
)
def test_cookies_that_hide_no_secret_are_kept_without_tls(line: str, url: str) -> None:
    store = receive(kept("a=good; Secure; Path=/x", url="https://www.example.org/"), line, url=url)

    assert [cookie.value for cookie in store.kept()] == ["good", "fine"]


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("__Secure-a=b; Secure", True),
        ("__Secure-a=b", False),
        ("__secure-A=b", False),
        ("__SECURE-a=b; Path=/", False),
        ("__Host-a=b; Secure; Path=/", True),
        ("__Host-a=b; Secure; Path=/; Domain=example.org", False),
        ("__Host-a=b; Secure; Path=/a", False),
        ("__Host-a=b; Secure", False),
        ("__Host-a=b; Path=/", False),
        ("__hoST-a=b; Path=/; Secure; Domain=example.org", False),
        ("__Hosta=b", True),
        ("SameSite=b; SameSite=None", False),
        ("SameSite=b; SameSite=None; Secure", True),
        ("a=b; SameSite=Other", True),
        ("=__Host-a=b; Secure; Path=/", False),
        ("__Host-a", False),
    ],
)
def test_a_name_must_keep_what_it_promises(line: str, is_kept: bool) -> None:
    assert bool(kept(line, url="https://example.org/")) is is_kept


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("a=" + "b" * 4095, True),
        ("a=" + "b" * 4096, False),
        ("a" * 4096 + "=", True),
        ("a" * 4097 + "=", False),
        ("a=b; Path=/" + "x" * 1023, True),
    ],
)
def test_name_and_value_have_at_most_4096_bytes(line: str, is_kept: bool) -> None:
    assert bool(kept(line)) is is_kept


def test_an_attribute_of_more_than_1024_bytes_is_passed_over() -> None:
    assert [cookie.path for cookie in kept("a=b; Path=/" + "x" * 1024).kept()] == ["/a"]


@pytest.mark.parametrize("line", [b"a=\xc3\xa9", b"\xe9=b", b"a=b\x01", b"a=b; Path=/\x7f", b"a=b\x00c", b"a=b\x1fc"])
def test_a_cookie_that_could_not_be_sent_is_dropped_and_the_next_request_goes_out(line: bytes) -> None:
    assert sent(kept(line, b"c=d; Path=/")) == "c=d"


def test_bad_cookies_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        for _ in range(1000):
            receive(CookieStore(), b"a=\xff", b"__Host-a=b", b"a=b; Domain=org", b"a=b\x00")

    assert caplog.records == []


@given(
    st.lists(st.binary(max_size=60), max_size=3), st.sampled_from(["https://a.b.org/", "http://[::1]/", "http://h/"])
)
def test_nothing_that_a_server_sets_makes_a_request_fail(pieces: list[bytes], url: str) -> None:
    store = CookieStore(max_cookies=10, max_per_domain=5)

    for begin in [b"", b"a=", b"__Host-a=b;", b"a=b; Domain=", b"a=b; Max-Age=", b"a=b; Expires=", b"a=b; Path=/"]:
        receive(store, *[begin + piece for piece in pieces], url=url)

    value = sent(store, url)
    assert value is None or value.isascii()


@pytest.mark.parametrize(("name", "value"), [("a", "b; admin=1"), ("a=1; b", "c"), ("a", "b\r\nX: y"), ("a\n", "b")])
def test_a_program_cannot_set_more_than_a_cookie(name: str, value: str) -> None:
    with pytest.raises(InvalidHeader):
        CookieStore().set(name, value)


# Time


def test_no_cookie_lives_longer_than_400_days(clock: types.SimpleNamespace) -> None:
    store = kept("a=b; Max-Age=999999999999", "c=d; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "e=f; Max-Age=5")

    assert [cookie.expires for cookie in store.kept()] == [clock.now + 400 * DAY] * 2 + [clock.now + 5]


def test_a_cookie_that_has_ended_is_gone(clock: types.SimpleNamespace) -> None:
    store = kept("a=b; Max-Age=10; Path=/", "c=d; Path=/")
    assert (sent(store), len(store)) == ("a=b; c=d", 2)

    clock.now += 10

    assert (sent(store), names(store), "a" in store) == ("c=d", ["c"], False)


@pytest.mark.parametrize("ending", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_server_removes_a_cookie_by_ending_it(ending: str) -> None:
    store = receive(kept("a=b; Path=/", "c=d; Path=/x"), f"a=; Path=/; {ending}", f"c=; Path=/y; {ending}")

    assert names(store) == ["c"]


# Room


def test_too_many_cookies_of_a_domain_go_in_the_order_of_the_rfc(clock: types.SimpleNamespace) -> None:
    store = CookieStore(max_per_domain=4)
    receive(store, "secure=1; Secure; Path=/s", "used=1; Path=/u", "unused=1; Path=/n", "short=1; Max-Age=5; Path=/m")
    sent(store, "https://example.org/u")
    clock.now += 5
    for name in ["next1", "next2", "next3", "next4"]:
        receive(store, f"{name}=1; Path=/z; Secure")
        clock.now += 1

    # What had ended went first, then the plain ones by their last use, then the secure ones by theirs.
    assert names(store) == ["next1", "next2", "next3", "next4"]
    order = CookieStore(max_per_domain=4)
    for line in ["secure=1; Secure", "used=1", "unused=1", "short=1; Max-Age=5", "x=1; Secure"]:
        receive(order, f"{line}; Path=/{line[:2]}")
        sent(order, "https://example.org/us")
    assert names(order) == ["secure", "used", "short", "x"]


def test_what_has_ended_goes_before_what_was_not_used(clock: types.SimpleNamespace) -> None:
    store = CookieStore(max_cookies=3)
    receive(store, "old=1; Path=/")
    receive(store, "short=1; Max-Age=5; Path=/", url="https://example.com/")
    receive(store, "long=1; Max-Age=50; Path=/", url="https://example.net/")
    clock.now += 6

    receive(store, "new=1; Path=/", url="https://new.example.net/")

    assert names(store) == ["old", "long", "new"]


def test_too_many_cookies_in_all_go_by_their_last_use() -> None:
    store = CookieStore(max_cookies=3)
    for host in "abc":
        receive(store, f"{host}=1; Path=/", url=f"https://{host}.example.org/")
    sent(store, "https://a.example.org/")

    receive(store, "d=1; Path=/", url="https://d.example.org/")

    assert names(store) == ["a", "c", "d"]


def test_3000_cookies_are_kept_and_more_than_50_of_a_domain() -> None:
    store = CookieStore()
    for number in range(3100):
        store.put(Cookie(f"n{number}", "", f"h{number // 60}.example.org"))

    assert (len(store), store.kept()[0].name) == (3000, "n100")
    for number in range(200):
        receive(store, f"m{number}=1", url="https://one.example.org/")
    assert len([cookie for cookie in store.kept() if cookie.domain == "one.example.org"]) == 180


def test_one_response_sets_50_cookies_at_most() -> None:
    assert len(kept(*[f"n{number}=1" for number in range(60)])) == 50


def test_one_request_has_150_cookies_and_8190_bytes_at_most() -> None:
    store = CookieStore()
    for number in range(180):
        store.set(f"n{number}", "1", domain="example.org")
    assert (sent(store) or "").count(";") == 149

    for number in range(180):
        store.set(f"n{number}", "1" * 1000, domain="example.org")
    store.set("small", "1", domain="example.org")
    assert len(sent(store) or "") <= 8190
    assert (sent(store) or "").count(";") == 7


def test_what_is_replaced_over_and_over_takes_no_more_room() -> None:
    store = CookieStore()
    for number in range(1000):
        receive(store, f"a={number}; Max-Age={number + 10}; Path=/; Secure")

    assert sent(store) == "a=999"
    assert len(store._by_end) <= 66
    store.clear()
    assert (store._domains, store._by_use, store._by_secret) == ({}, {}, {})


def calls_of(action: Any) -> int:
    """Return how many functions were called, in Python and in C."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def test_what_others_have_costs_nothing() -> None:
    few, many = CookieStore(max_cookies=20_000), CookieStore(max_cookies=20_000)
    for number in range(10_000):
        many.put(Cookie("a", "b", f"h{number % 2000}.example.org", f"/{number}", is_secure=True, expires=9e9))
    for store in (few, many):
        receive(store, "a=1; Path=/", "b=2; Path=/; Domain=example.com", url="https://www.example.com/")

    url, line = URL("https://www.example.com/"), "c=3; Path=/; Domain=example.com; Max-Age=100"
    for action in [
        lambda store: store.cookies_for(url),
        lambda store: receive(store, line, url="https://www.example.com/"),
        lambda store: receive(store, "a=1; Path=/", url="http://www.example.com/"),
    ]:
        action(few)  # what is loaded once is loaded now
        assert calls_of(lambda action=action: action(many)) <= calls_of(lambda action=action: action(few)) + 3


# As a mapping, in copies, and among threads


def test_it_is_the_mapping_that_cookies_are() -> None:
    store = CookieStore({"a": "b"})
    store.set("c", "d", domain="example.org", path="/x")
    store["e"] = "f"

    assert isinstance(store, Cookies)
    assert (dict(store), len(store), bool(store)) == ({"a": "b", "c": "d", "e": "f"}, 3, True)
    assert sent(store, "https://example.org/x") == "c=d; a=b; e=f"
    assert Cookies(store) == store == {"a": "b", "c": "d", "e": "f"}
    del store["a"]
    store.clear(domain="example.org")
    assert dict(store) == {"e": "f"}
    store.update(kept("g=h"))
    assert store.get("g", domain="example.org") == "h"
    store.clear()
    assert not store


def test_the_session_can_be_ended() -> None:
    store = kept("a=b", "c=d; Max-Age=100")

    store.clear_session()

    assert names(store) == ["c"]


def test_repr_shows_no_value() -> None:
    assert "secret" not in repr(kept("a=secret"))
    assert repr(kept("a=secret")).startswith("<CookieStore[<Cookie a=[secure] for example.org")


@pytest.mark.parametrize("duplicate", [lambda store: pickle.loads(pickle.dumps(store)), copy.copy, copy.deepcopy])
def test_a_store_survives_pickling_and_copying(duplicate: Any) -> None:
    store = CookieStore({"p": "q"}, max_cookies=3)
    receive(store, "a=1; Path=/; SameSite=Lax", "a=2; Path=/; Domain=example.org; Max-Age=100; Secure; HttpOnly")

    other = duplicate(store)

    assert other.kept() == store.kept()
    other["new"] = "1"
    assert ("new" in store, len(other)) == (False, 3)


def test_a_subclass_is_copied_with_what_it_adds() -> None:
    class Named(CookieStore):
        name = ""

    store = Named({"a": "b"}, max_per_domain=7)
    store.name = "mine"

    other = copy.copy(store)

    assert (type(other), other.name, other._max_per_domain, dict(other)) == (Named, "mine", 7, {"a": "b"})


def test_threads_may_share_a_store() -> None:
    store = CookieStore(max_cookies=50, max_per_domain=10)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(150):
                host = f"h{(number + step) % 10}.example.org"
                receive(store, f"n{step % 20}=1; Path=/; Max-Age={step % 3}", url=f"https://{host}/")
                sent(store, f"https://{host}/")
                if step % 10 == 0:
                    store.kept()
                    store.clear(domain=host)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(store._by_use) == sum(map(len, store._domains.values())) <= 50


def test_the_list_of_public_suffixes_is_loaded_when_a_domain_is_first_named() -> None:
    program = (
        "import sys\n"
        "from courser_auth import CookieStore\n"
        "from courser_models import Cookie, URL\n"
        "store = CookieStore({'a': 'b'}); url = URL('https://example.org/')\n"
        "store.keep(Cookie.read(b'c=d; Path=/', url), url); store.cookies_for(url)\n"
        "print('publicsuffixlist' in sys.modules, 'http.cookiejar' in sys.modules)\n"
        "store.keep(Cookie.read(b'c=d; Domain=example.org', url), url)\n"
        "print('publicsuffixlist' in sys.modules)\n"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["False", "False", "True"]


def test_asking_for_cookies_that_are_for_others_looks_at_one_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = CookieStore()
    for number in range(500):
        store.set("name", "value", domain=f"host{number}.example")
    asked: list[Cookie] = []
    has_ended = _cookie_store._has_ended

    def noted(cookie: Cookie, now: float) -> bool:
        asked.append(cookie)
        return has_ended(cookie, now)

    monkeypatch.setattr(_cookie_store, "_has_ended", noted)

    assert store
    assert store.cookies_for(URL("https://elsewhere.example/")) == []
    assert len(asked) == 1


def test_a_store_whose_cookies_have_all_ended_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept("a=b; Max-Age=60")
    assert store
    monkeypatch.setattr("time.time", functools.partial(float, time.time() + 61))
    assert not store
