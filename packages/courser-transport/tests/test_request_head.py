from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import Headers, LocalProtocolError, Request
from courser_transport._http1._request_head import request_head

URL = "http://example.org/a%20b?x=1"


def test_a_head_is_the_method_the_target_and_the_fields_in_their_order_and_case() -> None:
    request = Request("GET", URL, headers=[("X-b", "2"), ("x-A", "1")])
    head, said = request_head(request)
    assert head == b"GET /a%20b?x=1 HTTP/1.1\r\nHost: example.org\r\nX-b: 2\r\nx-A: 1\r\n\r\n"
    assert (said.length, said.keeps) == (0, True)


def test_host_is_the_first_field_wherever_the_program_has_put_it() -> None:
    request = Request("GET", "https://example.org/", headers=[("X-b", "2"), ("x-A", "1"), ("Host", "other.example")])
    head, _ = request_head(request, None, None)
    assert head == b"GET / HTTP/1.1\r\nHost: other.example\r\nX-b: 2\r\nx-A: 1\r\n\r\n"


def test_the_fields_of_the_last_request_are_kept_and_those_of_another_are_not_taken_for_them() -> None:
    _, said = request_head(Request("GET", URL, headers={"X-A": "1"}))
    head, again = request_head(Request("POST", f"{URL}&y=2", headers={"x-a": "1"}), said)
    assert again is not said
    assert head == b"POST /a%20b?x=1&y=2 HTTP/1.1\r\nHost: example.org\r\nx-a: 1\r\nContent-Length: 0\r\n\r\n"
    request = Request("GET", f"{URL}&y=2", headers={"X-A": "1"})
    head, again = request_head(request, said)
    assert again is said
    assert head == b"GET /a%20b?x=1&y=2 HTTP/1.1\r\nHost: example.org\r\nX-A: 1\r\n\r\n"
    request.headers["X-A"] = "2"
    head, other = request_head(request, said)
    assert b"X-A: 2" in head
    assert said.lines == b"Host: example.org\r\nX-A: 1\r\n\r\n"
    request.headers["X-B"] = "3"  # what is kept is not the list that the user changes
    assert b"X-B: 3" in request_head(request, other)[0]


@pytest.mark.parametrize("target", [b"", b"/a b", b"/a\r\nX: y", b"/\xc3\xa9"])
def test_a_target_that_cannot_be_one_is_refused_and_not_shown(target: bytes) -> None:
    with pytest.raises(LocalProtocolError, match=r"^the request's target is empty, or holds a space, a control"):
        request_head(Request("GET", URL, extensions={"target": target}))


def test_the_length_of_the_body_is_told() -> None:
    assert request_head(Request("POST", URL, content=b"abc"))[1].length == 3
    assert request_head(Request("POST", URL))[1].length == 0
    assert request_head(Request("POST", URL, content=iter([b"abc"])))[1].length is None


@pytest.mark.parametrize("value", ["close", "Close", "x, close", "keep-alive,CLOSE"])
def test_a_request_that_says_close_does_not_keep_the_connection(value: str) -> None:
    assert request_head(Request("GET", URL, headers={"Connection": value}))[1].keeps is False


def _wire(*fields: tuple[bytes, bytes]) -> Headers:
    """Fields that nobody checked."""
    return Headers.from_wire([(name, name.lower(), value) for name, value in fields])


@pytest.mark.parametrize(
    ("method", "fields", "complaint"),
    [
        ("GET", [(b"X-A", b"b\r\nEvil: 1")], "field 'X-A' may not be sent"),
        ("GET", [(b"X-A", b"b\x00")], "field 'X-A' may not be sent"),
        ("GET", [(b"X-A", b" b")], "begins or ends with a space"),
        ("GET", [(b"X-A", b"b ")], "begins or ends with a space"),
        ("GET", [(b"X A", b"b")], "field 'X A' may not be sent"),
        ("GET", [(b"X:A", b"b")], "field 'X:A' may not be sent"),
        ("GET", [(b"", b"b")], "field '' may not be sent"),
        ("GE T", [], "method 'GE T' is not a token"),
        ("GET\r\nX: y", [], "is not a token"),
        ("", [], "method '' is not a token"),
        ("GÉT", [], "is not a token"),
        ("POST", [(b"Content-Length", b"+5")], "is no number of bytes"),
        ("POST", [(b"Content-Length", b"5"), (b"content-length", b"6")], "content-length is given 2 times"),
        ("POST", [(b"Host", b"evil")], "host is given 2 times"),
        ("POST", [(b"Transfer-Encoding", b"gzip, chunked")], "only transfer coding that can be sent is chunked"),
        (
            "POST",
            [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")],
            "either Content-Length or Transfer-Encoding, never both",
        ),
    ],
)
def test_what_http_does_not_allow_is_refused(method: str, fields: Any, complaint: str) -> None:
    request = Request("GET", URL)
    request.method = method
    request.headers = _wire((b"Host", b"example.org"), *fields)
    with pytest.raises(LocalProtocolError, match=complaint):
        request_head(request)


def test_a_request_without_host_is_refused() -> None:
    request = Request("GET", URL)
    del request.headers["Host"]
    with pytest.raises(LocalProtocolError, match="needs a Host field"):
        request_head(request)


def test_a_refused_value_is_not_shown() -> None:
    request = Request("GET", URL)
    request.headers = _wire((b"Host", b"example.org"), (b"Authorization", b"Bearer s3cret\x00"))
    with pytest.raises(LocalProtocolError) as caught:
        request_head(request)
    assert "s3cret" not in str(caught.value)


octets = st.binary(max_size=8) | st.sampled_from([b"X-A", b"x", b"a b", b"\xff", b"a\tb", b"close", b"chunked", b"5"])


@given(
    method=st.sampled_from(["GET", "POST", "PURGE", "M-SEARCH", "G T", "GET\n"]),
    fields=st.lists(st.tuples(octets | st.sampled_from([b"Host", b"Content-Length", b"Transfer-Encoding"]), octets)),
)
def test_what_we_send_h11_reads_as_a_server_just_as_it_was_meant(
    method: str, fields: list[tuple[bytes, bytes]]
) -> None:
    request = Request("GET", URL)
    request.method = method
    request.headers = _wire((b"Host", b"example.org"), *fields)
    try:
        head, said = request_head(request)
    except LocalProtocolError:
        return
    length, keeps = said.length, said.keeps
    assert request_head(request, said) == (head, said)
    server = h11.Connection(h11.SERVER)
    server.receive_data(head + (b"0\r\n\r\n" if length is None else b"x" * length))
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target) == (method.encode(), b"/a%20b?x=1")
    assert [(name, value) for name, value in event.headers.raw_items()] == request.headers.raw
    body = b""
    while isinstance(data := server.next_event(), h11.Data):
        body += bytes(data.data)
    assert isinstance(data, h11.EndOfMessage)
    assert body == b"x" * (length or 0)
    assert server.next_event() in (h11.PAUSED, h11.NEED_DATA)
    server.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
    server.send(h11.EndOfMessage())
    assert (server.our_state is h11.DONE) is keeps
