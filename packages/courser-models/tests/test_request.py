"""`Request`: its fields, its body, and its two ways into the world."""

import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from colours import AsyncChunks, SyncChunks, run
from courser_models import (
    URL,
    ByteStream,
    Cookies,
    Headers,
    InvalidHeader,
    InvalidURL,
    Request,
    RequestNotRead,
    StreamClosed,
)


def fields_of(request: Request) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in request.headers.raw]


def test_a_request_has_method_url_fields_and_no_body() -> None:
    request = Request("get", "https://example.org:8443/a?b")

    assert (request.method, request.url) == ("GET", URL("https://example.org:8443/a?b"))
    assert fields_of(request) == [("Host", "example.org:8443")]
    assert (request.content, request.read(), run(request.aread())) == (b"", b"", b"")
    assert request.extensions == {}


@pytest.mark.parametrize(
    ("params", "url"),
    [
        (None, "http://h/?a=1#f"),
        ({"b": 2}, "http://h/?b=2#f"),
        ({}, "http://h/#f"),
        ("x=1&y=2", "http://h/?x=1&y=2#f"),
    ],
)
def test_params_replace_the_query(params: Any, url: str) -> None:
    assert str(Request("GET", "http://h/?a=1#f", params=params).url) == url
    assert str(Request("GET", URL("http://h/?a=1#f"), params=params).url) == url


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("GET", {}, [("Host", "h")]),
        ("DELETE", {}, [("Host", "h")]),
        ("POST", {}, [("Host", "h"), ("Content-Length", "0")]),
        ("put", {}, [("Host", "h"), ("Content-Length", "0")]),
        ("PATCH", {"content": b""}, [("Host", "h"), ("Content-Length", "0")]),
        ("GET", {"content": b""}, [("Host", "h")]),
        ("GET", {"content": b"abc"}, [("Host", "h"), ("Content-Length", "3")]),
        ("POST", {"content": [b"a"]}, [("Host", "h"), ("Transfer-Encoding", "chunked")]),
        (
            "POST",
            {"json": 1},
            [("Host", "h"), ("Content-Length", "1"), ("Content-Type", "application/json")],
        ),
        (
            "POST",
            {"json": 1, "headers": {"X": "y", "content-type": "text/x"}},
            [("Host", "h"), ("X", "y"), ("content-type", "text/x"), ("Content-Length", "1")],
        ),
        ("POST", {"content": b"abc", "headers": {"content-length": "3"}}, [("Host", "h"), ("content-length", "3")]),
        (
            "POST",
            {"content": b"abc", "headers": {"transfer-encoding": "chunked"}},
            [("Host", "h"), ("transfer-encoding", "chunked")],
        ),
        ("POST", {"content": [b"a"], "headers": {"content-length": "1"}}, [("Host", "h"), ("content-length", "1")]),
        (
            "POST",
            {"content": [b"a"], "headers": {"content-length": "1", "transfer-encoding": "chunked"}},
            [("Host", "h"), ("transfer-encoding", "chunked")],
        ),
        ("POST", {"headers": {"transfer-encoding": "chunked"}}, [("Host", "h"), ("transfer-encoding", "chunked")]),
        ("GET", {"headers": {"host": "other"}}, [("host", "other")]),
        ("POST", {"headers": {"A": "1", "HOST": "other"}}, [("A", "1"), ("HOST", "other"), ("Content-Length", "0")]),
        ("GET", {"headers": [("A", "1"), ("a", "2")]}, [("Host", "h"), ("A", "1"), ("a", "2")]),
        ("POST", {"stream": ByteStream(b"abc")}, [("Host", "h")]),
        (
            "POST",
            {"stream": SyncChunks([b"a"]), "headers": {"content-length": "1"}},
            [("Host", "h"), ("content-length", "1")],
        ),
    ],
)
def test_a_request_gets_the_fields_that_its_body_needs(
    method: str, arguments: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert fields_of(Request(method, "http://h/", **arguments)) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://h:80/", [("Host", "h")]),
        ("http://u:p@h:81/", [("Host", "h:81")]),
        ("http://[::1]:81/", [("Host", "[::1]:81")]),
        ("http://[fe80::1%25eth0]/", [("Host", "[fe80::1]")]),
        ("http://Ö.example/", [("Host", "xn--nda.example")]),
        ("/relative", []),
    ],
)
def test_host_is_that_of_the_url(url: str, host: list[tuple[str, str]]) -> None:
    assert fields_of(Request("GET", url)) == host
    assert fields_of(Request.from_parts("GET", URL(url), [], {})) == host
    assert fields_of(Request.from_parts("POST", URL(url), [], {}, content=b"x")) == [*host, ("Content-Length", "1")]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "body", [{}, {"content": b"c"}, {"data": {"d": "1"}}, {"json": [1]}, {"content": [b"a"]}], ids=repr
)
@pytest.mark.parametrize(
    "headers",
    [[], [("Host", "other")], [("A", "1"), ("Content-Length", "7")], [("Transfer-Encoding", "chunked")]],
    ids=repr,
)
def test_a_request_of_finished_parts_is_the_same_request(method: str, body: dict[str, Any], headers: Any) -> None:
    made = Request(method, "http://h/a?b", headers=headers, **body)

    adopted = Request.from_parts(method, URL("http://h/a?b"), Headers(headers).fields, {}, **body)

    assert (adopted.method, adopted.url, adopted.headers.raw) == (made.method, made.url, made.headers.raw)
    assert adopted.read() == made.read()


def test_finished_parts_are_adopted_and_not_copied() -> None:
    url, fields, extensions = URL("http://h/"), Headers({"A": "1"}).fields, {"timeout": {}}

    request = Request.from_parts("GET", url, fields, extensions)

    assert request.url is url
    assert request.headers.fields is fields
    assert request.extensions is extensions


def test_what_a_caller_gives_is_copied() -> None:
    headers, extensions = Headers({"A": "1"}), {"a": 1}

    request = Request("GET", "http://h/", headers=headers, extensions=extensions)
    request.headers["B"] = "2"
    request.extensions["b"] = 2

    assert (headers.raw, extensions) == ([(b"A", b"1")], {"a": 1})


def test_an_encoding_of_headers_is_kept() -> None:
    request = Request("GET", "http://h/", headers=Headers({"A": "é"}, encoding="iso-8859-1"))

    assert (request.headers["A"], request.headers.raw[-1]) == ("é", (b"A", b"\xe9"))


@pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A\n": "b"}])
def test_a_header_that_breaks_the_message_open_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidHeader):
        Request("GET", "http://h/", headers=headers)


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidURL):
        Request("GET", "http://h:x/")


def test_a_body_in_memory_is_there_at_once() -> None:
    request = Request("POST", "http://h/", content=b"abc")

    assert (request.content, request.read(), request.stream.read_all()) == (b"abc", b"abc", b"abc")


def test_a_streaming_body_is_read_first() -> None:
    request = Request("POST", "http://h/", content=(chunk for chunk in [b"a", b"b"]))

    with pytest.raises(RequestNotRead, match=r"call request\.read\(\) first"):
        _ = request.content
    assert request.read() == b"ab"
    assert (request.content, request.read()) == (b"ab", b"ab")
    assert isinstance(request.stream, ByteStream)
    assert request.stream.read_all() == b"ab"


def test_an_async_body_is_read_by_aread() -> None:
    request = Request("POST", "http://h/", content=AsyncChunks([b"a", b"b"]))

    with pytest.raises(RuntimeError, match=r"use `await request\.aread\(\)`"):
        request.read()
    assert run(request.aread()) == b"ab"
    assert (request.content, request.read()) == (b"ab", b"ab")


def test_a_sync_body_can_be_read_by_aread_too() -> None:
    request = Request("POST", "http://h/", content=SyncChunks([b"a", b"b"]))

    assert run(request.aread()) == b"ab"
    assert request.content == b"ab"


def test_a_stream_in_memory_counts_as_read() -> None:
    assert Request("POST", "http://h/", stream=ByteStream(b"abc")).content == b"abc"


def test_repr_hides_the_password() -> None:
    assert repr(Request("get", "http://u:secret@h/?a=b")) == "<Request('GET', 'http://h/?a=…')>"


def test_a_request_survives_pickling_without_its_extensions() -> None:
    request = Request("POST", "http://h/", json={"a": 1}, headers={"X": "y"}, extensions={"trace": print})

    restored = pickle.loads(pickle.dumps(request))

    assert (type(restored), restored.method, restored.url) == (Request, "POST", request.url)
    assert (restored.headers.raw, restored.content) == (request.headers.raw, b'{"a":1}')
    assert restored.stream.read_all() == b'{"a":1}'
    assert restored.extensions == {}


def test_a_streaming_body_does_not_survive_pickling() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"

    for content in [chunks(), (chunk for chunk in [b"a"])]:
        restored = pickle.loads(pickle.dumps(Request("POST", "http://h/", content=content)))

        with pytest.raises(RequestNotRead):
            _ = restored.content
        with pytest.raises(StreamClosed):
            restored.read()
        with pytest.raises(StreamClosed):
            run(restored.aread())


def test_a_streaming_body_that_was_read_survives_pickling() -> None:
    request = Request("POST", "http://h/", content=SyncChunks([b"a", b"b"]))
    request.read()

    assert pickle.loads(pickle.dumps(request)).read() == b"ab"


@pytest.mark.parametrize("cookies", [{"a": "1", "b": "2"}, [("a", "1"), ("b", "2")], Cookies({"a": "1", "b": "2"})])
def test_cookies_become_one_field(cookies: Any) -> None:
    request = Request("GET", "http://h/", cookies=cookies)

    assert fields_of(request) == [("Host", "h"), ("Cookie", "a=1; b=2")]


def test_cookies_of_another_host_stay_at_home() -> None:
    cookies = Cookies()
    cookies.set("a", "1", domain="other.example")

    assert "cookie" not in Request("GET", "http://h.example/", cookies=cookies).headers
    assert Request("GET", "http://other.example/", cookies=cookies).headers["cookie"] == "a=1"


def test_a_cookie_that_would_break_the_message_open_is_refused() -> None:
    with pytest.raises(InvalidHeader, match=r"^value of cookie 'a' holds"):
        Request("GET", "http://h/", cookies={"a": "1\r\nX: y"})


def test_a_request_with_a_file_survives_pickling_once_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        request = Request("POST", "http://h/", content=file)
        unread = pickle.loads(pickle.dumps(request))
        request.read()
        read = pickle.loads(pickle.dumps(request))

    assert (read.content, read.headers["content-length"]) == (b"abc", "3")
    with pytest.raises(StreamClosed, match="does not survive pickling"):
        unread.read()
