from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_transport import RemoteProtocolError
from courser_transport._http1._framing import (
    CHUNKED,
    UNTIL_CLOSE,
    ChunkedReader,
    CloseReader,
    LengthReader,
    body_length,
)
from courser_transport._http1._head import ResponseHead


def _head(status: int = 200, **fields: str) -> ResponseHead:
    index = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    return status, b"HTTP/1.1", b"", [], index


@pytest.mark.parametrize(
    ("method", "head", "length"),
    [
        ("GET", _head(content_length="5"), 5),
        ("GET", _head(content_length="0"), 0),
        ("GET", _head(transfer_encoding="chunked"), CHUNKED),
        ("GET", _head(transfer_encoding="Chunked"), CHUNKED),
        ("GET", _head(), UNTIL_CLOSE),
        ("HEAD", _head(content_length="5"), 0),
        ("HEAD", _head(transfer_encoding="chunked"), 0),
        ("GET", _head(204), 0),
        ("GET", _head(304, content_length="5"), 0),
        ("CONNECT", _head(200), 0),
        ("CONNECT", _head(407, content_length="5"), 5),
        ("GET", _head(content_length="5", transfer_encoding="chunked"), None),
        ("HEAD", _head(content_length="5", transfer_encoding="chunked"), None),
        ("GET", _head(transfer_encoding="gzip, chunked"), None),
        ("GET", _head(transfer_encoding="identity"), None),
        ("GET", _head(content_length="+5"), None),
        ("GET", _head(content_length="5, 5"), None),
        ("GET", _head(content_length="9" * 21), None),
        ("GET", _head(content_length=""), None),
        ("HEAD", _head(content_length="-1"), None),
    ],
)
def test_where_a_body_ends(method: str, head: ResponseHead, length: int | None) -> None:
    assert body_length(method, head[0], head[4]) == length


def test_a_length_ends_where_it_said_and_the_rest_is_excess() -> None:
    reader = LengthReader(5)
    assert (reader.feed(b"abc"), reader.is_done) == (b"abc", False)
    assert (reader.feed(b"defg"), reader.is_done, reader.excess) == (b"de", True, b"fg")


def test_a_length_that_is_not_reached_names_both_numbers() -> None:
    reader = LengthReader(4096)
    reader.feed(b"x" * 1024)
    with pytest.raises(RemoteProtocolError, match=r"^p:1 closed the connection after 1024 of 4096 body bytes$"):
        reader.end("p:1")


def test_until_close_ends_with_the_connection() -> None:
    reader = CloseReader()
    assert (reader.feed(b"abc"), reader.is_done) == (b"abc", False)
    reader.end("p:1")
    assert reader.is_done


def test_chunks_that_stop_early_name_what_came() -> None:
    reader = ChunkedReader()
    reader.feed(b"3\r\nabc\r\n5\r\nde")
    with pytest.raises(RemoteProtocolError, match="after 5 bytes of a chunked body, before its last chunk"):
        reader.end("p:1")


@pytest.mark.parametrize(
    ("data", "content", "excess"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc", b""),
        (b"3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\nHTTP/1.1", b"abc0123456789", b"HTTP/1.1"),
        (b"0\r\n\r\n", b"", b""),
        (b"3;ext=1\r\nabc\r\n0\r\n\r\n", b"abc", b""),
        (b"3\r\nabc\r\n0;x\r\n\r\nyz", b"abc", b"yz"),
        (b"3\r\nabc\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\nyz", b"abc", b"yz"),
        (b"3 \r\nabc\r\n0\r\n\r\n", b"abc", b""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_chunks_are_read_however_they_are_cut(data: bytes, content: bytes, excess: bytes, size: int) -> None:
    reader = ChunkedReader()
    received = b""
    fed = 0
    while not reader.is_done and fed < len(data):
        received += reader.feed(data[fed : fed + size])
        fed += size
    assert reader.is_done
    assert received == content
    assert reader.excess + data[fed:] == excess


@pytest.mark.parametrize(
    "data",
    [
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcdefgh\r\n0\r\n\r\n",
        b"5\r\nabcde0\r\n\r\n",
        b"5\r\nabcde\n0\r\n\r\n",
        b"G\r\n",
        b"\r\n",
        b"f" * 30 + b"\r\n",
        b"5;" + b"x" * 100_000,
        b"0\r\nBad Trailer: x\r\n\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 200_000])
def test_what_are_no_chunks_is_refused(data: bytes, size: int) -> None:
    reader = ChunkedReader()
    with pytest.raises(RemoteProtocolError, match=r"chunk"):
        for start in range(0, len(data), size):
            reader.feed(data[start : start + size])


@pytest.mark.parametrize("data", [b"5\nhello\n0\n\n", b"5;x=y\r\nhello\r\n3\nabc", b"2;a\nhe", b"0\n"])
def test_a_chunk_header_that_ends_with_a_bare_line_feed_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="a chunk's header ends with a bare LF"):
        ChunkedReader().feed(data)


@given(st.lists(st.binary(min_size=1, max_size=50)), st.lists(st.integers(1, 30), min_size=1))
def test_content_comes_back_as_it_went_in(contents: list[bytes], sizes: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(content), content) for content in contents) + b"0\r\n\r\n"
    reader = ChunkedReader()
    received = b""
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        received += reader.feed(data[start : start + size])
        start += size
        turn += 1
    assert reader.is_done
    assert received == b"".join(contents)
