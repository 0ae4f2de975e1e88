"""Bodies: from what callers give to fields and a stream."""

import io
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colours import AsyncChunks, SyncChunks, run
from courser_models import AsyncByteStream, ByteStream, Request, SyncByteStream
from courser_models._content import encode_request, encode_response, json_bytes

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
JSON = (b"Content-Type", b"application/json")


def read(stream: SyncByteStream | AsyncByteStream) -> bytes:
    return stream.read_all() if isinstance(stream, SyncByteStream) else run(stream.aread_all())


def encoded(kind: Any, **body: Any) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the fields and the bytes of a body."""
    fields, stream = kind(**body)
    assert all(lower == name.lower() for name, lower, _ in fields)
    return [(name, value) for name, _, value in fields], read(stream)


def length(size: int) -> tuple[bytes, bytes]:
    return b"Content-Length", str(size).encode()


CHUNKED = (b"Transfer-Encoding", b"chunked")


@pytest.mark.parametrize("encode", [encode_request, encode_response])
@pytest.mark.parametrize(
    ("content", "fields", "body"),
    [
        (None, [], b""),
        (b"", [], b""),
        ("", [], b""),
        (b"abc", [length(3)], b"abc"),
        ("é", [length(2)], b"\xc3\xa9"),
        (bytearray(b"abc"), [length(3)], b"abc"),
        (memoryview(b"abc"), [length(3)], b"abc"),
        ([b"a", b"b"], [CHUNKED], b"ab"),
        ((), [CHUNKED], b""),
        (io.BytesIO(b"abc"), [length(3)], b"abc"),
        (SyncChunks([b"a", b"b"]), [CHUNKED], b"ab"),
        (AsyncChunks([b"a", b"b"]), [CHUNKED], b"ab"),
    ],
)
def test_content_is_described_by_its_length_or_chunked(
    encode: Any, content: Any, fields: list[tuple[bytes, bytes]], body: bytes
) -> None:
    if isinstance(content, io.BytesIO):
        content.seek(0)

    assert encoded(encode, content=content) == (fields, body)


def test_generators_are_chunked() -> None:
    def generate() -> Iterator[bytes]:
        yield b"a"

    async def agenerate() -> AsyncIterator[bytes]:
        yield b"a"

    assert encoded(encode_request, content=generate()) == ([CHUNKED], b"a")
    assert encoded(encode_request, content=agenerate()) == ([CHUNKED], b"a")


def test_a_stream_of_ours_is_used_as_it_is() -> None:
    for stream in [SyncChunks([]), AsyncChunks([])]:
        assert encode_request(content=stream)[1] is stream


def test_a_file_is_sent_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"0123456789")

    with path.open("rb") as file:
        file.seek(4)
        assert encoded(encode_request, content=file) == ([length(6)], b"456789")
    memory = io.BytesIO(b"0123456789")
    memory.seek(20)
    assert encoded(encode_request, content=memory) == ([length(0)], b"")


def test_a_file_that_cannot_tell_its_length_is_chunked() -> None:
    class Pipe(io.RawIOBase):
        left = b"abc"

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            taken, self.left = self.left, b""
            return taken

    assert encoded(encode_request, content=Pipe()) == ([CHUNKED], b"abc")


def test_an_async_file_is_chunked() -> None:
    class AsyncFile:
        left = b"abc"

        async def read(self, size: int = -1) -> bytes:
            taken, self.left = self.left, b""
            return taken

    assert encoded(encode_request, content=AsyncFile()) == ([CHUNKED], b"abc")


def test_a_file_of_text_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must be opened in binary mode"):
        encode_request(content=io.StringIO("abc"))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [5, object(), 1.5, True])
def test_content_of_no_bytes_is_refused(content: Any) -> None:
    with pytest.raises(
        TypeError, match=f"a body is made of bytes, text or an iterable of bytes, not {type(content).__name__}"
    ):
        encode_request(content=content)


def test_a_mapping_as_content_is_refused_with_advice() -> None:
    with pytest.raises(TypeError, match=r"a mapping goes into data=… or json=…"):
        encode_request(content={"a": "b"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"a": "b c"}, b"a=b+c"),
        ({"a": ["1", 2, None, True], "b": ()}, b"a=1&a=2&a=&a=true"),
        ({"é": "&="}, b"%C3%A9=%26%3D"),
        ({1: 1.5}, b"1=1.5"),
    ],
)
def test_data_is_a_form(data: Any, body: bytes) -> None:
    assert encoded(encode_request, data=data) == ([length(len(body)), FORM], body)


def test_an_empty_form_is_no_body() -> None:
    assert encoded(encode_request, data={}) == ([], b"")


@pytest.mark.parametrize(("data", "body"), [(b"abc", b"abc"), ("é", b"\xc3\xa9")])
def test_data_that_is_no_form_is_sent_with_a_warning(data: Any, body: bytes) -> None:
    with pytest.warns(DeprecationWarning, match=r"use content=… to send bytes or text"):
        request = Request("POST", "http://h/", data=data)

    assert request.content == body
    assert request.headers["Content-Length"] == str(len(body))
    assert "Content-Type" not in request.headers


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": [1, None, True]}, b'{"a":[1,null,true]}'),
        ("é", '"é"'.encode()),
        ({}, b"{}"),
        ([], b"[]"),
        (0, b"0"),
        (False, b"false"),
    ],
)
def test_json_is_compact_utf_8(value: Any, body: bytes) -> None:
    assert encoded(encode_request, json=value) == ([length(len(body)), JSON], body)
    assert encoded(encode_response, json=value) == ([length(len(body)), JSON], body)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_nan_and_no_infinity(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes([number])


def test_none_is_no_json() -> None:
    assert encoded(encode_request, json=None) == ([], b"")


@pytest.mark.parametrize("encoded_json", ['{"a":"ä"}', '{"a":"ä"}'.encode(), bytearray('{"a":"ä"}'.encode())])
def test_an_encoder_of_json_gives_text_or_bytes(encoded_json: Any) -> None:
    given_values = []

    def encoder(value: Any) -> Any:
        given_values.append(value)
        return encoded_json

    expected = ([length(10), JSON], '{"a":"ä"}'.encode())
    assert encoded(encode_request, json={"a": "ä"}, json_encoder=encoder) == expected
    request = Request("POST", "http://h/", json={"a": "ä"}, json_encoder=encoder)
    assert (request.content, request.headers["content-type"]) == (expected[1], "application/json")
    assert given_values == [{"a": "ä"}] * 2


def test_an_encoder_of_json_that_gives_something_else_is_named() -> None:
    with pytest.raises(TypeError, match=r"^json_encoder must return text or bytes, not dict$"):
        Request("POST", "http://h/", json={}, json_encoder=lambda value: value)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"content": b"c", "data": {"d": 1}, "json": 2}, b"c"),
        ({"data": {"d": 1}, "json": 2}, b"d=1"),
        ({"data": {}, "json": 2}, b"2"),
    ],
)
def test_content_goes_before_data_and_data_before_json(body: dict[str, Any], expected: bytes) -> None:
    assert encoded(encode_request, **body)[1] == expected


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ({"text": "é"}, b"text/plain; charset=utf-8", b"\xc3\xa9"),
        ({"text": ""}, b"text/plain; charset=utf-8", b""),
        ({"html": "<p>"}, b"text/html; charset=utf-8", b"<p>"),
    ],
)
def test_a_response_may_be_text_or_html(body: dict[str, str], content_type: bytes, expected: bytes) -> None:
    assert encoded(encode_response, **body) == ([length(len(expected)), (b"Content-Type", content_type)], expected)


@given(st.binary(max_size=100))
def test_bytes_are_sent_as_they_are(content: bytes) -> None:
    fields, stream = encode_request(content=content)

    assert isinstance(stream, ByteStream)
    assert stream.read_all() == content
    assert [value for _, _, value in fields] == ([str(len(content)).encode()] if content else [])
