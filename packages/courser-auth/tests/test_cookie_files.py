"""Cookies in files: both formats, files that stay whole, and what is no file of cookies."""

import http.cookiejar
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from courser_auth import CookieStore, CredentialsFileError
from courser_models import Cookie

LATER = float(int(time.time()) + 1000)
LASTING = Cookie("a", "1", "example.org", "/x", LATER, is_http_only=True, has_path=True)
SECURE = Cookie("b", 'x y"=\t', "www.example.org", "/", LATER, is_host_only=True, is_secure=True, has_path=True)
SESSION = Cookie("c", "", "example.org", "/", is_host_only=True, has_path=True)
COOKIES = [LASTING, SECURE, SESSION]


def store_of(*cookies: Cookie) -> CookieStore:
    store = CookieStore()
    for cookie in cookies:
        store.put(cookie)
    return store


def loaded(file: Path) -> list[Cookie]:
    store = CookieStore()
    store.load(file)
    return store.kept()


@pytest.mark.parametrize("name", ["cookies.json", "cookies.txt", "COOKIES.TXT"])
def test_cookies_come_back_from_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / name

    store_of(*COOKIES).save(file, session=True)
    assert loaded(file) == COOKIES

    store_of(*COOKIES).save(str(file))
    assert loaded(file) == [LASTING, SECURE]


def test_json_keeps_what_the_other_format_cannot(tmp_path: Path) -> None:
    cookie = Cookie("a", "1", "", "/\tx", LATER + 0.5, has_path=False, same_site="lax")

    store_of(cookie).save(tmp_path / "cookies", format="json")
    store_of(cookie).save(tmp_path / "none", format="netscape")

    assert loaded(tmp_path / "cookies") == [cookie]
    assert loaded(tmp_path / "none") == []


def test_whatever_a_server_set_is_saved_and_loaded(tmp_path: Path) -> None:
    store = store_of(Cookie("a\tb", "\t", "h", "/"), Cookie("c", "d\te", "h", "/\t"), Cookie("f", "=\tg", "h", "/"))

    store.save(tmp_path / "cookies.json", session=True)
    store.save(tmp_path / "cookies.txt", session=True)

    assert loaded(tmp_path / "cookies.json") == store.kept()
    assert [cookie.name for cookie in loaded(tmp_path / "cookies.txt")] == ["f"]


def test_the_standard_library_reads_our_file_and_we_read_its(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.txt", tmp_path / "theirs.txt"
    store_of(LASTING, SESSION).save(ours, session=True)

    jar = http.cookiejar.MozillaCookieJar(str(ours))
    jar.load(ignore_discard=True, ignore_expires=True)
    jar.save(str(theirs), ignore_discard=True, ignore_expires=True)

    assert sorted((cookie.name, cookie.domain, cookie.path) for cookie in jar) == [
        ("a", ".example.org", "/x"),
        ("c", "example.org", "/"),
    ]
    assert sorted(loaded(theirs)) == [LASTING, SESSION]


def test_what_curl_and_editors_write_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cookies.txt"
    file.write_bytes(
        b"\xef\xbb\xbf# Netscape HTTP Cookie File\r\n\r\n# a comment\r\n"
        b"#HttpOnly_.Example.ORG\tTRUE\t/\tTRUE\t%d\ta\tb\r\n"
        b"h\tfalse\t\tfalse\t\tc\r\n"
        b"old\tFALSE\t/\tFALSE\t1\td\te\n" % int(LATER)
    )

    assert loaded(file) == [
        Cookie("a", "b", "example.org", "/", LATER, is_secure=True, is_http_only=True, has_path=True),
        Cookie("c", "", "h", "/", is_host_only=True, has_path=True),
    ]


def test_loading_adds_to_what_is_there(tmp_path: Path) -> None:
    store_of(LASTING).save(tmp_path / "cookies.json")
    store = store_of(SECURE, LASTING._replace(value="old"))

    store.load(tmp_path / "cookies.json")

    assert store.kept() == [SECURE, LASTING]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text("before")
    file.chmod(0o644)

    store_of(LASTING).save(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "cookies.json")

    store_of(LASTING).save(tmp_path / "link.json")

    assert (tmp_path / "link.json").is_symlink()
    assert loaded(tmp_path / "cookies.json") == [LASTING]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cookies.json"
    store_of(LASTING).save(file)

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        store_of(SECURE).save(file)

    assert loaded(file) == [LASTING]
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_that_tells_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^'cookies' does not tell its format; name it .json or .txt, or give format="
    ):
        CookieStore().save(tmp_path / "cookies")
    with pytest.raises(FileNotFoundError):
        CookieStore().load(tmp_path / "none.json")


def entry(**changes: Any) -> str:
    parts = {"name": "a", "value": "secret", "domain": "h", "path": "/", **changes}
    return json.dumps({"version": 1, "cookies": [{"name": "b", "value": "", "domain": "", "path": "/"}, parts]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{secret", "begins like JSON and is none"),
        ('{"a":' * 100_000, "begins like JSON and is none"),
        ('{"version": 2, "cookies": []}', "is JSON, and not the cookies of a CookieStore"),
        ('{"version": 1, "cookies": "secret"}', "is JSON, and not the cookies of a CookieStore"),
        ('{"version": 1, "cookies": ["secret"]}', "cookie 1: a part is missing or unknown"),
        ('{"version": 1, "cookies": [{"name": "secret"}]}', "cookie 1: a part is missing or unknown"),
        (entry(secret=1), "cookie 2: a part is missing or unknown"),
        (entry(value=1), "cookie 2: value is not what it should be"),
        (entry(expires=True), "cookie 2: expires is not what it should be"),
        (entry(expires=float("nan")), "cookie 2: expires is not what it should be"),
        (entry(expires=float("inf")), "cookie 2: expires is not what it should be"),
        (entry(is_secure=1), "cookie 2: is_secure is not what it should be"),
        (entry(value="secret\r\nX: y"), "cookie 2: this cookie could not be sent"),
        (entry(name="a;secret"), "cookie 2: this cookie could not be sent"),
        ("# ok\nsecret", "line 2: these are not the seven parts of a cookie"),
        ("h\tTRUE\t/\tTRUE\tsecret\ta\tb", "line 1: these are not the seven parts of a cookie"),
        ("h\tTRUE\t/\tTRUE\t0\ta\tsecret;", "line 1: this cookie could not be sent"),
        (b"secret\xff", "is not UTF-8"),
    ],
)
def test_a_file_of_something_else_is_refused_and_not_shown(content: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "cookies"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    store = CookieStore({"mine": "1"})

    with pytest.raises(CredentialsFileError, match=message) as caught:
        store.load(file)

    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert dict(store) == {"mine": "1"}
