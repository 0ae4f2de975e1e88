"""A request as HTTP/2's field list: what travels, what does not, and what may not be sent."""

from __future__ import annotations

from typing import Any

import pytest

from courser_models import Headers, LocalProtocolError, Request
from courser_transport._http2._fields import request_fields

URL = "https://example.org:8443/path?query"


def _said(**arguments: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value, _ in request_fields(Request("GET", URL, **arguments))[0]]


def test_names_are_lower_case_and_what_is_about_the_connection_stays_here() -> None:
    headers = {
        "X-Name": "Value",
        "Connection": "keep-alive",
        "Keep-Alive": "timeout=5",
        "Proxy-Connection": "close",
        "Transfer-Encoding": "chunked",
        "TE": "trailers",
    }
    said = _said(headers=headers)
    assert [name for name, _ in said] == [b":method", b":scheme", b":authority", b":path", b"x-name", b"te"]


def test_host_becomes_the_authority() -> None:
    assert (b":authority", b"example.org:8443") in _said()
    said = _said(headers={"Host": "other.example"})
    assert (b":authority", b"other.example") in said
    assert b"host" not in dict(said)


def test_cookies_leave_one_by_one_and_secrets_are_remembered_by_nobody() -> None:
    request = Request("GET", URL, headers={"Cookie": "a=1; b=2", "Authorization": "Bearer x", "Accept": "*/*"})
    fields = {(name, value): is_secret for name, value, is_secret in request_fields(request)[0]}
    assert fields[b"cookie", b"a=1"]
    assert fields[b"cookie", b"b=2"]
    assert fields[b"authorization", b"Bearer x"]
    assert not fields[b"accept", b"*/*"]


@pytest.mark.parametrize(
    ("method", "fields", "words"),
    [
        ("GET", [(b"upgrade", b"websocket")], "HTTP/2 has no Upgrade"),
        ("CONNECT", [], "CONNECT is not sent over HTTP/2"),
        ("GET", [(b"te", b"gzip")], "TE may only say «trailers»"),
        ("G T", [], "is not a token"),
        ("GET", [(b"host", b"a"), (b"host", b"b")], "host is given 2 times"),
        ("GET", [(b"host", b"a b")], "a host without spaces"),
        ("GET", [(b"content-length", b"x")], "no number of bytes"),
        ("GET", [(b"content-length", b"1"), (b"content-length", b"1")], "or not alone"),
        ("GET", [(b"x-a", b"secret\r\nx-b: y")], "field 'x-a' may not be sent"),
        ("GET", [(b"x-a", b"secret\nx-b:y")], "field 'x-a' may not be sent"),
        ("GET", [(b"x a", b"secret")], "field 'x a' may not be sent"),
        ("GET", [(b":path", b"secret")], "field ':path' may not be sent"),
        ("GET", [(b"x-a", b" secret")], "field 'x-a' may not be sent"),
    ],
)
def test_what_may_not_be_sent_is_refused_without_its_value(
    method: str, fields: list[tuple[bytes, bytes]], words: str
) -> None:
    request = Request("GET", URL)
    request.method = method
    request.headers = Headers.from_wire([(name, name, value) for name, value in fields])
    with pytest.raises(LocalProtocolError, match=words) as caught:
        request_fields(request)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("target", [b"", b"/a b", b"/a\r\nb"])
def test_a_target_that_may_not_be_sent_is_refused(target: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="a request's target"):
        request_fields(Request("GET", URL, extensions={"target": target}))
