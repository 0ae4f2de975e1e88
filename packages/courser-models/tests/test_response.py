"""`Response`: what it says, and its body, read whole or in pieces, once, in its own colour."""

import codecs
import datetime
import gzip
import pickle
import re
import time
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkings import cut, places
from colours import AsyncColour, SyncColour, in_both_colours, run
from courser_models import (
    URL,
    ByteStream,
    DecodingError,
    DecodingLimitExceeded,
    Headers,
    HTTPStatusError,
    Request,
    Response,
    ResponseNotRead,
    StreamClosed,
    StreamConsumed,
)

Colour = SyncColour | AsyncColour

REQUEST = Request("GET", "https://ada:secret@example.org:8443/a?token=t#f")


def streamed(colour: Colour, *chunks: bytes, **arguments: Any) -> Response:
    return Response(200, stream=colour.chunks(chunks), **arguments)


# Made by a program


@pytest.mark.parametrize(
    ("arguments", "fields", "content"),
    [
        ({}, [], b""),
        ({"content": b""}, [], b""),
        ({"content": b"abc"}, [("Content-Length", "3")], b"abc"),
        ({"content": "é"}, [("Content-Length", "2")], b"\xc3\xa9"),
        ({"text": "é"}, [("Content-Length", "2"), ("Content-Type", "text/plain; charset=utf-8")], b"\xc3\xa9"),
        ({"html": "<p>"}, [("Content-Length", "3"), ("Content-Type", "text/html; charset=utf-8")], b"<p>"),
        ({"json": {}}, [("Content-Length", "2"), ("Content-Type", "application/json")], b"{}"),
        (
            {"json": {}, "headers": {"content-type": "application/x+json", "X": "y"}},
            [("content-type", "application/x+json"), ("X", "y"), ("Content-Length", "2")],
            b"{}",
        ),
        ({"content": b"a", "headers": {"Content-Length": "9"}}, [("Content-Length", "9")], b"a"),
        ({"content": b"a", "headers": {"Transfer-Encoding": "chunked"}}, [("Transfer-Encoding", "chunked")], b"a"),
    ],
)
def test_a_response_with_content_is_read_and_closed_at_once(
    arguments: dict[str, Any], fields: list[tuple[str, str]], content: bytes
) -> None:
    response = Response(200, **arguments)

    assert [(name.decode(), value.decode()) for name, value in response.headers.raw] == fields
    assert (response.content, response.read(), run(response.aread())) == (content, content, content)
    assert (response.is_closed, response.is_stream_consumed) == (True, True)
    assert response.num_bytes_downloaded == 0  # none of it came over a wire


def test_a_response_with_a_stream_is_open_and_unread() -> None:
    response = Response(200, content=[b"a", b"b"])

    assert response.headers.raw == [(b"Transfer-Encoding", b"chunked")]
    assert (response.is_closed, response.is_stream_consumed) == (False, False)
    with pytest.raises(ResponseNotRead, match=r"call response\.read\(\) first"):
        _ = response.content
    with pytest.raises(ResponseNotRead):
        _ = response.text
    with pytest.raises(ResponseNotRead):
        response.json()
    assert response.read() == b"ab"


def test_content_in_a_coding_is_decoded_at_once() -> None:
    body = gzip.compress(b"abc")

    assert Response(200, content=body, headers={"Content-Encoding": "gzip"}).content == b"abc"
    with pytest.raises(DecodingError):
        Response(200, content=body[:-1], headers={"Content-Encoding": "gzip"})


def test_what_a_program_gives_is_copied() -> None:
    headers, extensions, history = Headers({"A": "1"}), {"a": 1}, [Response(301)]

    response = Response(200, headers=headers, extensions=extensions, history=history, text="x")
    response.extensions["b"] = 2
    response.history.append(Response(302))

    assert (headers.raw, extensions, len(history)) == ([(b"A", b"1")], {"a": 1}, 1)


def test_finished_parts_are_adopted_and_not_copied() -> None:
    headers, stream, extensions = Headers({"A": "1"}), ByteStream(b"abc"), {"http_version": b"HTTP/1.0"}

    response = Response.from_parts(204, headers, stream, REQUEST, extensions)

    assert (response.status_code, response.http_version) == (204, "HTTP/1.0")
    assert response.headers is headers
    assert response.stream is stream
    assert response.extensions is extensions
    assert response.request is REQUEST
    assert (response.history, response.next_request) == ([], None)
    assert response.read() == b"abc"


# What it says


def test_a_response_knows_its_request() -> None:
    response = Response(200)

    with pytest.raises(RuntimeError, match="this response was made without its request"):
        _ = response.request
    with pytest.raises(RuntimeError):
        _ = response.url
    response.request = REQUEST
    assert response.request is REQUEST
    assert response.url == URL("https://ada:secret@example.org:8443/a?token=t#f")


def test_version_and_phrase_come_from_the_wire_or_are_the_usual_ones() -> None:
    sent = Response(404, extensions={"http_version": b"HTTP/1.0", "reason_phrase": b"Gone Fishing\xff"})

    assert (sent.http_version, sent.reason_phrase) == ("HTTP/1.0", "Gone Fishing")
    assert (Response(404).http_version, Response(404).reason_phrase) == ("HTTP/1.1", "Not Found")
    assert Response(404, extensions={"reason_phrase": b""}).reason_phrase == ""
    assert Response(299).reason_phrase == ""


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (100, {"is_informational"}),
        (204, {"is_success"}),
        (304, {"is_redirect"}),
        (404, {"is_client_error", "is_error"}),
        (503, {"is_server_error", "is_error"}),
        (600, set()),
    ],
)
def test_a_status_is_of_a_kind(status: int, kinds: set[str]) -> None:
    questions = ["is_informational", "is_success", "is_redirect", "is_client_error", "is_server_error", "is_error"]

    assert {question for question in questions if getattr(Response(status), question)} == kinds


def test_a_redirect_says_where_to() -> None:
    def statuses(headers: dict[str, str]) -> list[int]:
        return [status for status in range(100, 600) if Response(status, headers=headers).has_redirect_location]

    assert statuses({"Location": "/"}) == [301, 302, 303, 307, 308]
    assert statuses({}) == []


@pytest.mark.parametrize(
    ("status", "arguments", "message"),
    [
        (404, {}, "client error 404 Not Found for GET https://example.org:8443/a?token=…"),
        (
            500,
            {"extensions": {"reason_phrase": b"Oh"}},
            "server error 500 Oh for GET https://example.org:8443/a?token=…",
        ),
        (100, {}, "informational response 100 Continue for GET https://example.org:8443/a?token=…"),
        (304, {}, "redirect response 304 Not Modified for GET https://example.org:8443/a?token=…"),
        (
            301,
            {"headers": {"Location": "/elsewhere"}},
            "redirect response 301 Moved Permanently for GET https://example.org:8443/a?token=…; "
            "it points elsewhere (see its location field), and redirects were not followed",
        ),
        (600, {}, "response with an unknown kind of status 600 for GET https://example.org:8443/a?token=…"),
    ],
)
def test_a_status_that_is_no_success_can_be_raised(status: int, arguments: dict[str, Any], message: str) -> None:
    response = Response(status, request=REQUEST, **arguments)

    with pytest.raises(HTTPStatusError) as caught:
        response.raise_for_status()

    assert str(caught.value) == message
    assert (caught.value.response, caught.value.request) == (response, REQUEST)


def test_a_success_is_returned_and_not_raised() -> None:
    for status in (200, 204, 299):
        response = Response(status, request=REQUEST)
        assert response.raise_for_status() is response


def test_a_status_is_not_raised_without_a_request() -> None:
    for status in (200, 404):
        with pytest.raises(RuntimeError, match="needs a response that knows its request"):
            Response(status).raise_for_status()


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        (Response(404), "<Response [404 Not Found]>"),
        (Response(299), "<Response [299]>"),
        (Response(200, extensions={"reason_phrase": b"Fine"}), "<Response [200 Fine]>"),
    ],
)
def test_repr_shows_status_and_phrase(response: Response, shown: str) -> None:
    assert repr(response) == shown


# Time


@in_both_colours
def test_elapsed_is_known_once_the_response_was_closed(colour: Colour) -> None:
    response = streamed(colour, b"a")
    response.time_from(time.perf_counter() - 5)

    with pytest.raises(RuntimeError, match="elapsed is known once the response was read or closed"):
        _ = response.elapsed
    colour.close(response)

    assert datetime.timedelta(seconds=5) <= response.elapsed < datetime.timedelta(seconds=65)


def test_elapsed_of_a_response_that_was_complete_is_known_at_once() -> None:
    response = Response(200, text="x")

    with pytest.raises(RuntimeError):
        _ = response.elapsed
    response.time_from(time.perf_counter())

    assert response.elapsed >= datetime.timedelta(0)


def test_elapsed_can_be_set() -> None:
    response = Response(200)

    response.elapsed = datetime.timedelta(seconds=3)

    assert response.elapsed == datetime.timedelta(seconds=3)


# Text and JSON


@pytest.mark.parametrize(
    ("content", "content_type", "default", "encoding", "text"),
    [
        (b"\xc3\xa9", None, "utf-8", "utf-8", "é"),
        (b"\xc3\xa9", "text/plain", "utf-8", "utf-8", "é"),
        (b"\xe9", "text/plain; charset=iso-8859-1", "utf-8", "iso-8859-1", "é"),
        (b"\xe9", 'text/plain; charset="ISO-8859-1"', "utf-8", "ISO-8859-1", "é"),
        (b"\xe9", "text/plain; charset=no-such", "iso-8859-1", "iso-8859-1", "é"),
        (b"\xe9", "text/plain; charset=unicode_escape", "utf-8", "utf-8", "\ufffd"),
        (b"+AOk-", "text/plain; charset=utf-7", "utf-8", "utf-8", "+AOk-"),
        (b"\xe9", "text/plain", "iso-8859-1", "iso-8859-1", "é"),
        (b"\xe9", "text/plain", "no-such", "utf-8", "\ufffd"),
        (b"\xe9", None, lambda content: "cp1252" if content == b"\xe9" else None, "cp1252", "é"),
        (b"\xe9", None, lambda content: None, "utf-8", "\ufffd"),
        (b"", "text/plain; charset=utf-16", "utf-8", "utf-16", ""),
    ],
)
def test_text_is_read_with_the_charset_the_default_or_utf_8(
    content: bytes, content_type: str | None, default: Any, encoding: str, text: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    response = Response(200, content=content, headers=headers, default_encoding=default)

    assert (response.encoding, response.text) == (encoding, text)
    assert "".join(Response(200, content=content, headers=headers, default_encoding=default).iter_text()) == text


def test_the_charset_is_what_the_field_says() -> None:
    assert Response(200).charset_encoding is None
    assert Response(200, headers={"Content-Type": "text/html; charset=x-unknown"}).charset_encoding == "x-unknown"


def test_an_encoding_can_be_set_until_the_text_was_read() -> None:
    response = Response(200, content=b"\xe9")

    response.encoding = "iso-8859-1"

    assert response.text == "é"
    with pytest.raises(ValueError, match="encoding cannot be changed after text was read"):
        response.encoding = "utf-8"


@pytest.mark.parametrize("name", ["no-such", "hex", "unicode_escape"])
def test_only_an_encoding_of_text_can_be_set(name: str) -> None:
    with pytest.raises(LookupError, match=f"'{name}' is no encoding of text"):
        Response(200, content=b"").encoding = name


def test_a_detector_is_asked_once_the_content_is_there() -> None:
    asked = []

    def detect(content: bytes) -> str:
        asked.append(content)
        return "iso-8859-1"

    response = Response(200, content=[b"\xe9"], default_encoding=detect)

    assert (response.encoding, asked) == ("utf-8", [])
    response.read()
    assert (response.encoding, response.text, asked) == ("iso-8859-1", "é", [b"\xe9"])


@pytest.mark.parametrize(
    "content",
    ['{"a": "é"}'.encode(encoding) for encoding in ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]],
    ids=["utf-8", "utf-8-sig", "utf-16", "utf-32-be"],
)
def test_json_is_read_in_the_encodings_of_json(content: bytes) -> None:
    assert Response(200, content=content).json() == {"a": "é"}


def test_json_takes_the_keywords_of_loads_and_raises_its_error() -> None:
    assert Response(200, content=b"1.5").json(parse_float=str) == "1.5"
    for content in (b"", b"{", b"\xff"):
        with pytest.raises(ValueError, match=r"Expecting|decode"):
            Response(200, content=content).json()


def test_json_is_parsed_by_what_the_caller_brings() -> None:
    def loads(content: bytes, *, strict: bool = False) -> Any:
        return (content, strict)

    assert Response(200, content=b"[]").json(loads=loads) == (b"[]", False)
    assert Response(200, content=b"[]").json(loads=loads, strict=True) == (b"[]", True)


NDJSON = '\ufeff{"a": "é\u2028\x85"}\n\r\n \t\n[1]\r2\r\n"\\n"'.encode()


@in_both_colours
@given(places=places)
def test_every_line_of_ndjson_is_a_value_and_blank_ones_are_nothing(colour: Colour, places: list[int]) -> None:
    response = streamed(colour, *cut(NDJSON, places))

    assert colour.pieces(response, "ndjson") == [{"a": "é\u2028\x85"}, [1], 2, "\n"]
    assert response.is_closed


@in_both_colours
def test_ndjson_is_given_line_by_line(colour: Colour) -> None:
    response = streamed(colour, b"1\n2\n", b"never parsed")

    assert colour.first_piece(response, "ndjson") == 1
    assert (response.is_closed, response.num_bytes_downloaded) == (True, 4)


@in_both_colours
def test_a_line_that_is_no_json_is_named(colour: Colour) -> None:
    response = streamed(colour, b'{"a": 1}\n', b'\n{"a": \n', b"3\n")

    with pytest.raises(ValueError, match=r"^line 3 of the content is not valid JSON: Expecting value: line 1"):
        colour.pieces(response, "ndjson")

    assert response.is_closed
    assert response.stream.closed == 1  # type: ignore[union-attr]


def test_ndjson_is_parsed_by_what_the_caller_brings() -> None:
    async def values() -> list[Any]:
        return [value async for value in Response(200, content="é\n2".encode()).aiter_ndjson(loads=bytes.upper)]

    assert list(Response(200, content="é\n2".encode()).iter_ndjson(loads=bytes.hex)) == ["c3a9", "32"]
    assert run(values()) == ["é".encode(), b"2"]


# Reading


@in_both_colours
def test_a_body_is_read_whole_and_its_stream_closed(colour: Colour) -> None:
    response = streamed(colour, b"a", b"", b"bc")

    assert colour.read(response) == b"abc"
    assert (response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded) == (True, True, 3)
    assert (response.content, colour.read(response)) == (b"abc", b"abc")
    assert response.stream.closed == 1  # type: ignore[union-attr]


@in_both_colours
@pytest.mark.parametrize(
    ("kind", "arguments", "pieces"),
    [
        ("raw", (), [b"ab", b"cde\n", b"\xc3", b"\xa9"]),
        ("raw", (4,), [b"abcd", b"e\n\xc3\xa9"]),
        ("bytes", (), [b"ab", b"cde\n", b"\xc3", b"\xa9"]),
        ("bytes", (3,), [b"abc", b"de\n", b"\xc3\xa9"]),
        ("text", (), ["ab", "cde\n", "é"]),
        ("text", (3,), ["abc", "de\n", "é"]),
        ("lines", (), ["abcde", "é"]),
    ],
)
def test_a_body_is_read_in_pieces_and_its_stream_closed(
    colour: Colour, kind: str, arguments: tuple[int, ...], pieces: list[Any]
) -> None:
    response = streamed(colour, b"ab", b"", b"cde\n", b"\xc3", b"\xa9")

    assert colour.pieces(response, kind, *arguments) == pieces
    assert (response.is_closed, response.is_stream_consumed, response.num_bytes_downloaded) == (True, True, 8)
    assert response.stream.closed == 1  # type: ignore[union-attr]
    with pytest.raises(ResponseNotRead):
        _ = response.content


@in_both_colours
@pytest.mark.parametrize(
    ("kind", "arguments", "pieces"),
    [
        ("bytes", (), [b"ab\r\xc3\xa9"]),
        ("bytes", (2,), [b"ab", b"\r\xc3", b"\xa9"]),
        ("text", (), ["ab\ré"]),
        ("text", (2,), ["ab", "\ré"]),
        ("lines", (), ["ab", "é"]),
    ],
)
def test_content_that_was_read_can_be_iterated_any_number_of_times(
    colour: Colour, kind: str, arguments: tuple[int, ...], pieces: list[Any]
) -> None:
    response = streamed(colour, b"ab\r", b"\xc3\xa9")
    colour.read(response)

    for _ in range(2):
        assert colour.pieces(response, kind, *arguments) == pieces


@in_both_colours
@given(text=st.text("ab\r\n\u2028", max_size=20), places=places)
def test_the_lines_of_a_body_are_those_of_its_text_the_empty_ones_too(
    colour: Colour, text: str, places: list[int]
) -> None:
    lines = re.split("\r\n|\r|\n", text)
    if not lines[-1]:
        lines.pop()

    chunks = cut(text.encode(), places)
    assert colour.pieces(streamed(colour, *chunks), "lines") == lines
    assert colour.pieces(Response(200, content=text), "lines") == lines


@in_both_colours
def test_no_content_has_no_pieces(colour: Colour) -> None:
    for kind in ("bytes", "text", "lines"):
        assert colour.pieces(Response(200), kind) == []
        assert colour.pieces(streamed(colour, b""), kind) == []


@in_both_colours
@pytest.mark.parametrize("size", [0, -1])
@pytest.mark.parametrize("kind", ["bytes", "text"])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_chunk_size_below_one_is_refused(colour: Colour, size: int, kind: str, is_read: bool) -> None:
    response = Response(200, content=b"abc") if is_read else streamed(colour, b"abc")

    with pytest.raises(ValueError, match=f"chunk_size must be at least 1, not {size}"):
        colour.pieces(response, kind, size)


@in_both_colours
def test_a_body_is_read_once(colour: Colour) -> None:
    for kind in ("raw", "bytes", "text", "lines"):
        response = streamed(colour, b"a")
        colour.pieces(response, kind)

        for again in ("raw", "bytes", "text", "lines", "ndjson"):
            with pytest.raises(StreamConsumed):
                colour.pieces(response, again)
        with pytest.raises(StreamConsumed):
            colour.read(response)


@in_both_colours
def test_the_raw_bytes_of_a_body_that_was_read_are_gone(colour: Colour) -> None:
    response = streamed(colour, b"a")
    colour.read(response)

    with pytest.raises(StreamConsumed):
        colour.pieces(response, "raw")


@in_both_colours
def test_a_body_that_was_closed_cannot_be_read(colour: Colour) -> None:
    response = streamed(colour, b"a")

    colour.close(response)
    colour.close(response)

    assert response.stream.closed == 1  # type: ignore[union-attr]
    with pytest.raises(StreamClosed):
        colour.read(response)
    with pytest.raises(StreamClosed):
        colour.pieces(response, "bytes")


@in_both_colours
@pytest.mark.parametrize("kind", ["raw", "bytes", "text", "lines"])
def test_a_body_that_was_given_up_is_closed(colour: Colour, kind: str) -> None:
    response = streamed(colour, b"a\n", b"b\n")

    first = colour.first_piece(response, kind)

    assert first == {"raw": b"a\n", "bytes": b"a\n", "text": "a\n", "lines": "a"}[kind]
    assert (response.is_closed, response.num_bytes_downloaded) == (True, 2)


@in_both_colours
@pytest.mark.parametrize("kind", ["raw", "bytes", "text", "lines", "ndjson"])
def test_a_stream_that_fails_is_closed_and_its_error_raised(colour: Colour, kind: str) -> None:
    for read in (lambda response: colour.pieces(response, kind), colour.read):
        response = Response(200, stream=colour.chunks([b"1"], OSError("broken")))

        with pytest.raises(OSError, match="broken"):
            read(response)

        assert response.is_closed
        with pytest.raises(ResponseNotRead):
            _ = response.content


@in_both_colours
def test_a_body_of_the_other_colour_is_refused_with_advice(colour: Colour) -> None:
    advice = r"use aread\(\)" if isinstance(colour, SyncColour) else r"use read\(\)"
    closing = r"aclose\(\)" if isinstance(colour, SyncColour) else r"response\.close\(\)"
    response = Response(200, stream=colour.other_chunks([b"a"]))

    with pytest.raises(RuntimeError, match=advice):
        colour.read(response)
    with pytest.raises(RuntimeError, match=advice):
        colour.pieces(response, "bytes")
    with pytest.raises(RuntimeError, match=closing):
        colour.close(response)
    assert not response.is_closed


# Content codings


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, deflate": lambda data: zlib.compress(gzip.compress(data)),
}


@in_both_colours
@pytest.mark.parametrize("coding", CODINGS)
def test_a_coding_is_undone_however_the_body_is_read(colour: Colour, coding: str) -> None:
    text = "zwölf Boxkämpfer\r\n" * 20
    body = CODINGS[coding](text.encode())
    chunks = [body[i : i + 7] for i in range(0, len(body), 7)]

    def response() -> Response:
        return streamed(colour, *chunks, headers={"Content-Encoding": coding})

    assert colour.read(response()) == text.encode()
    assert b"".join(colour.pieces(response(), "raw")) == body
    assert b"".join(colour.pieces(response(), "bytes")) == text.encode()
    assert "".join(colour.pieces(response(), "text")) == text
    assert colour.pieces(response(), "lines") == text.splitlines()
    sizes = {len(piece) for piece in colour.pieces(response(), "bytes", 17)[:-1]}
    assert sizes == {17}


@in_both_colours
def test_bytes_downloaded_are_counted_before_the_coding_is_undone(colour: Colour) -> None:
    body = gzip.compress(b"a" * 1000)

    for read in (colour.read, lambda response: colour.pieces(response, "bytes")):
        response = streamed(colour, body[:9], body[9:], headers={"Content-Encoding": "gzip"})
        read(response)
        assert response.num_bytes_downloaded == len(body)


@in_both_colours
def test_an_unknown_coding_is_handed_over(colour: Colour) -> None:
    for read in (colour.read, lambda response: b"".join(colour.pieces(response, "bytes"))):
        assert read(streamed(colour, b"x", b"y", headers={"Content-Encoding": "exi"})) == b"xy"


@in_both_colours
@pytest.mark.parametrize("coding", CODINGS)
def test_content_cut_short_raises_decoding_error_with_the_request(colour: Colour, coding: str) -> None:
    body = CODINGS[coding](b"abc")[:-1]

    for read in (
        colour.read,
        lambda response: colour.pieces(response, "bytes"),
        lambda response: colour.pieces(response, "text"),
        lambda response: colour.pieces(response, "lines"),
    ):
        response = streamed(colour, body, headers={"Content-Encoding": coding}, request=REQUEST)

        with pytest.raises(DecodingError, match="ends early; part of it is missing") as caught:
            read(response)

        assert caught.value.request is REQUEST
        assert response.is_closed
        assert response.stream.closed == 1  # type: ignore[union-attr]


@in_both_colours
@pytest.mark.parametrize("kind", ["bytes", "text", "lines"])
def test_damaged_content_closes_the_stream_before_its_end(colour: Colour, kind: str) -> None:
    response = streamed(colour, b"no gzip", b"never read", headers={"Content-Encoding": "gzip"})

    with pytest.raises(DecodingError, match="content is not valid gzip") as caught:
        colour.pieces(response, kind)

    # The error is still held, and with it the frames of its traceback.
    assert caught.value.has_request is False
    assert (response.is_closed, response.num_bytes_downloaded) == (True, 7)
    assert response.stream.closed == 1  # type: ignore[union-attr]


@in_both_colours
def test_too_many_codings_raise_decoding_error_with_the_request(colour: Colour) -> None:
    for kind in ("read", "bytes", "text", "lines", "ndjson"):
        response = streamed(colour, b"", headers=[("Content-Encoding", "gzip, gzip")] * 3, request=REQUEST)

        with pytest.raises(DecodingError, match="6 content codings") as caught:
            _ = colour.read(response) if kind == "read" else colour.pieces(response, kind)

        assert caught.value.request is REQUEST
        assert response.is_closed
        assert response.stream.closed == 1  # type: ignore[union-attr]


@in_both_colours
@pytest.mark.parametrize("kind", ["read", "bytes", "text", "lines", "ndjson"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("where", ["the response", "the request"])
def test_content_larger_than_allowed_is_given_up(colour: Colour, kind: str, coding: str, where: str) -> None:
    body = b"[]\n" * 1000
    chunks = [gzip.compress(body)] if coding == "gzip" else cut(body, range(0, 3000, 100))

    def read(limit: int) -> Response:
        extensions = {"decoding": {"max_decoded_bytes": limit}} if where == "the request" else {}
        request = Request("GET", "http://h/", extensions=extensions)
        response = streamed(colour, *chunks, b"never read", headers={"Content-Encoding": coding}, request=request)
        if where == "the response":
            response.max_decoded_bytes = limit
        with pytest.raises(DecodingLimitExceeded, match=rf"content has more than {limit} bytes \(max_decoded_bytes\)"):
            _ = colour.read(response) if kind == "read" else colour.pieces(response, kind)
        return response

    response = read(2999)

    assert response.is_closed
    assert response.num_bytes_downloaded <= sum(map(len, chunks))
    assert response.stream.closed == 1  # type: ignore[union-attr]
    with pytest.raises(ResponseNotRead):
        _ = response.content


@in_both_colours
def test_content_within_its_limits_is_read_as_without_them(colour: Colour) -> None:
    body = b"[]\n" * 1000
    for limits in ({"max_decoded_bytes": 3000}, {"max_ratio": 1}, {"max_decoded_bytes": None, "max_ratio": None}, {}):
        for headers, content in (({}, body), ({"Content-Encoding": "gzip"}, gzip.compress(body))):
            request = Request("GET", "http://h/", extensions={"decoding": limits})
            assert colour.read(streamed(colour, content, headers=headers, request=request)) == body
            response = streamed(colour, content, headers=headers, request=request)
            assert b"".join(colour.pieces(response, "bytes")) == body
            assert response.num_bytes_downloaded == len(content)


@in_both_colours
def test_the_limit_of_a_response_wins_over_that_of_its_request(colour: Colour) -> None:
    request = Request("GET", "http://h/", extensions={"decoding": {"max_decoded_bytes": 2}})
    response = streamed(colour, b"abc", request=request)
    response.max_decoded_bytes = None

    assert colour.read(response) == b"abc"


@in_both_colours
def test_the_raw_body_has_no_limit(colour: Colour) -> None:
    response = streamed(colour, b"abc")
    response.max_decoded_bytes = 2

    assert colour.pieces(response, "raw") == [b"abc"]


def test_content_that_a_program_gives_is_limited_too() -> None:
    request = Request("GET", "http://h/", extensions={"decoding": {"max_ratio": 100}})

    with pytest.raises(DecodingLimitExceeded, match=r"content unfolds to more than 100 times the \d+ bytes received"):
        Response(200, content=zlib.compress(bytes(1_000_000)), headers={"Content-Encoding": "deflate"}, request=request)


@in_both_colours
def test_a_bomb_is_given_in_pieces_of_one_step(colour: Colour) -> None:
    body = gzip.compress(b"\0" * 1_000_000)

    sizes = [
        len(piece) for piece in colour.pieces(streamed(colour, body, headers={"Content-Encoding": "gzip"}), "bytes")
    ]

    assert sizes == [262144, 262144, 262144, 1_000_000 - 3 * 262144]


@in_both_colours
@given(content=st.binary(max_size=60), places=places, size=st.integers(1, 20))
def test_chunks_have_exactly_the_size_asked_for(colour: Colour, content: bytes, places: list[int], size: int) -> None:
    chunks = cut(content, places)
    expected = [content[start : start + size] for start in range(0, len(content), size)]

    assert colour.pieces(streamed(colour, *chunks), "bytes", size) == expected
    assert colour.pieces(streamed(colour, *chunks), "raw", size) == expected
    assert colour.pieces(Response(200, content=content), "bytes", size) == expected


@in_both_colours
def test_utf_16_without_a_byte_order_mark_is_read_alike_whole_and_in_pieces(colour: Colour) -> None:
    body = "aé\nb".encode("utf-16")[len(codecs.BOM_UTF16) :]
    headers = {"Content-Type": "text/plain; charset=utf-16"}

    assert Response(200, content=body, headers=headers).text == "aé\nb"
    assert colour.pieces(streamed(colour, body[:3], body[3:], headers=headers), "lines") == ["aé", "b"]


# Pickling


def test_a_response_survives_pickling_without_its_extensions() -> None:
    response = Response(
        404,
        headers={"Content-Type": "text/plain; charset=iso-8859-1"},
        content=b"\xe9",
        request=REQUEST,
        extensions={"network_stream": object()},
        history=[Response(301, headers={"Location": "/"}, request=REQUEST)],
    )
    response.elapsed = datetime.timedelta(seconds=2)

    restored = pickle.loads(pickle.dumps(response))

    assert (type(restored), restored.status_code, restored.headers.raw) == (Response, 404, response.headers.raw)
    assert (restored.content, restored.text, restored.url) == (b"\xe9", "é", REQUEST.url)
    assert (restored.is_closed, restored.extensions, restored.elapsed) == (True, {}, datetime.timedelta(seconds=2))
    assert [(old.status_code, old.headers["location"]) for old in restored.history] == [(301, "/")]
    assert list(restored.iter_bytes()) == [b"\xe9"]


@in_both_colours
def test_a_body_that_was_not_read_does_not_survive_pickling(colour: Colour) -> None:
    response = streamed(colour, b"a", request=REQUEST)
    response.time_from(time.perf_counter())

    restored = pickle.loads(pickle.dumps(response))

    assert (restored.status_code, restored.is_closed) == (200, True)
    with pytest.raises(ResponseNotRead):
        _ = restored.content
    with pytest.raises(StreamClosed):
        colour.read(restored)
    restored.close()
    run(restored.aclose())


def test_how_long_it_took_survives_pickling() -> None:
    request = Request("GET", "http://example.org/")
    response = Response.from_parts(200, Headers(), ByteStream(b"x"), request, {})
    response.time_from(time.perf_counter() - 5)
    response.read()
    restored = pickle.loads(pickle.dumps(response))
    assert restored.elapsed == response.elapsed
    assert 5 <= restored.elapsed.total_seconds() < 6


def test_a_response_whose_charset_was_detected_survives_pickling() -> None:
    response = Response(200, content=b"\xe9", default_encoding=lambda content: "iso-8859-1")

    assert pickle.loads(pickle.dumps(response)).text == "é"


def test_what_is_at_hand_is_read_without_waiting() -> None:
    response = Response(200, stream=ByteStream(b"abc"), request=REQUEST)
    response.time_from(time.perf_counter())

    assert response.read_at_hand()
    assert (response.content, response.is_closed, response.num_bytes_downloaded) == (b"abc", True, 3)
    assert response.elapsed.total_seconds() >= 0
    assert not response.read_at_hand()


@pytest.mark.parametrize("why", ["a stream", "a coding", "a limit", "closed"])
def test_what_is_not_at_hand_stays_as_it_is(why: str) -> None:
    stream = SyncColour().chunks([b"abc"]) if why == "a stream" else ByteStream(gzip.compress(b"abc"))
    response = Response(200, stream=stream, headers={"Content-Encoding": "gzip"} if why == "a coding" else None)
    if why == "a limit":
        response.max_decoded_bytes = 2
    if why == "closed":
        response.close()

    assert not response.read_at_hand()
    assert response.is_closed is (why == "closed")
    with pytest.raises(ResponseNotRead):
        _ = response.content
