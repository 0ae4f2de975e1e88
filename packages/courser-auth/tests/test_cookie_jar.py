"""`CookieStore.jar`: a view for programs that expect the standard library's jar, and jars that programs bring."""

import http.cookiejar
import pickle
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from courser_auth import CookieStore
from courser_models import URL, Cookie


def store_of_three() -> CookieStore:
    store = CookieStore()
    store.put(Cookie("a", "1", "example.org", "/", is_host_only=True))
    store.put(Cookie("a", "2", "example.org", "/", 9e9, is_secure=True))
    store.put(Cookie("b", "3", "other.org", "/x", is_host_only=True))
    return store


def jar_cookie(name: str, value: str, domain: str = "example.org", path: str = "/") -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        *(0, name, value, None, False, domain, domain.startswith("."), domain.startswith("."), path, True),
        *(False, None, True, None, None, {}),
    )


class Answer:
    """As much of a response as http.cookiejar looks at."""

    def __init__(self, *lines: str) -> None:
        self._message = Message()
        for line in lines:
            self._message["Set-Cookie"] = line

    def info(self) -> Message:
        return self._message


def test_the_view_is_a_jar_with_all_cookies() -> None:
    store = store_of_three()

    assert isinstance(store.jar, http.cookiejar.CookieJar)
    assert store.jar is store.jar
    assert [(cookie.name, cookie.value, cookie.domain, cookie.path) for cookie in store.jar] == [
        *[("a", "1", "example.org", "/"), ("a", "2", ".example.org", "/"), ("b", "3", "other.org", "/x")]
    ]
    assert len(store.jar) == 3
    assert "example.org" in repr(store.jar)


def test_what_the_view_is_told_the_store_keeps() -> None:
    store = store_of_three()
    store.jar.set_cookie(jar_cookie("c", "4", ".example.org"))
    assert store.get("c", domain="example.org") == "4"

    store.jar.clear("example.org", "/", "a")
    assert [cookie.value for cookie in store.kept()] == ["2", "3", "4"]
    store.jar.clear("other.org")
    assert [cookie.value for cookie in store.kept()] == ["2", "4"]
    with pytest.raises(KeyError):
        store.jar.clear("unknown.org")
    store.jar.clear_session_cookies()
    store.jar.clear_expired_cookies()
    assert [cookie.value for cookie in store.kept()] == ["2"]
    store.jar.clear()
    assert not store


def test_the_view_removes_what_it_could_not_be_told() -> None:
    store = CookieStore()
    store.put(Cookie("a\tb", "1", "example.org"))

    store.jar.clear(".example.org")

    assert not store


def test_the_store_stays_indexed_beside_its_view() -> None:
    store = store_of_three()
    jar = store.jar

    store["new"] = "5"

    assert [cookie.name for cookie in jar] == ["a", "a", "b", "new"]
    assert store._jar is None


def test_urllib_sends_and_keeps_cookies_through_the_view() -> None:
    store = store_of_three()
    request = urllib.request.Request("https://example.org/")

    store.jar.add_cookie_header(request)
    store.jar.extract_cookies(Answer("d=5; Path=/"), request)  # type: ignore[arg-type]  # as much as it looks at

    assert sorted((request.get_header("Cookie") or "").split("; ")) == ["a=1", "a=2"]
    assert store["d"] == "5"


def test_a_view_can_be_iterated_while_it_changes_and_be_pickled() -> None:
    store = store_of_three()

    for cookie in store.jar:
        store.jar.clear(cookie.domain, cookie.path, cookie.name)
    assert not store

    restored: Any = pickle.loads(pickle.dumps(store_of_three().jar))
    assert len(restored) == 3
    restored.clear()
    assert len(restored) == 0


def test_a_jar_of_the_program_is_used_itself(tmp_path: Path) -> None:
    file = str(tmp_path / "cookies.txt")
    jar = http.cookiejar.MozillaCookieJar(file)
    jar.set_cookie(jar_cookie("a", "1"))
    store = CookieStore(jar)
    url = URL("https://example.org/")

    store.keep(Cookie("b", "2", "example.org", expires=9e9), url)
    store.keep(Cookie("__Host-c", "3", "example.org"), url)
    store.keep(Cookie("evil", "4", "org"), url)
    store["d"] = "5"
    jar.save()

    assert store.jar is jar
    assert sorted(cookie.name for cookie in jar) == ["a", "b", "d"]
    assert [cookie.name for cookie in store.cookies_for(url)] == ["a", "b", "d"]
    assert bool(store)
    assert "b" in Path(file).read_text()
    store.clear_session()
    assert [cookie.name for cookie in jar] == ["b"]
    store.clear()
    assert not store
    assert pickle.loads(pickle.dumps(store)) == {}


def test_a_jar_of_the_program_is_left_alone_by_pages_without_tls() -> None:
    jar = http.cookiejar.CookieJar()
    store = CookieStore(jar)
    store.put(Cookie("a", "good", "example.org", is_secure=True))

    store.keep(Cookie("a", "evil", "example.org"), URL("http://example.org/"))

    assert [cookie.value for cookie in jar] == ["good"]


def test_a_jar_can_be_set() -> None:
    store = store_of_three()
    jar = http.cookiejar.CookieJar()
    jar.set_cookie(jar_cookie("c", "4"))

    store.jar = jar

    assert dict(store) == {"c": "4"}
    assert CookieStore(store_of_three().jar).get("b") == "3"
