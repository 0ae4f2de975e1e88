from __future__ import annotations

import pytest

from courser_transport._http1 import _head
from courser_transport._http1._head import read_head


def test_an_ordinary_head_is_read() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nServer: x/1\r\nX-A:\t a b\r\nx-a: c\r\n\r\n"
    assert read_head(head) == (
        404,
        b"HTTP/1.1",
        b"Not Found",
        [(b"Server", b"server", b"x/1"), (b"X-A", b"x-a", b"a b"), (b"x-a", b"x-a", b"c")],
        {b"server": b"x/1", b"x-a": b"a b, c"},
    )


def test_a_head_without_fields_or_reason_is_read() -> None:
    assert read_head(b"HTTP/1.0 200 \r\n\r\n") == (200, b"HTTP/1.0", b"", [], {})


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nx",
        b"",
    ],
)
def test_everything_else_is_declined(head: bytes) -> None:
    assert read_head(head) is None


def test_what_was_read_once_is_read_the_same_again_and_gives_no_list_away() -> None:
    head = b"HTTP/1.1 200 OK\r\nServer: x/1\r\nX-Once: 1\r\n\r\n"
    first, second = read_head(head), read_head(head)
    assert first is not None
    assert first == second
    first[3].clear()
    first[4].clear()
    assert read_head(head) == second


def test_so_many_lines_are_remembered_so_long_at_most_and_none_with_a_secret() -> None:
    for number in range(3000):
        head = b"HTTP/1.1 200 %d\r\nX-%d: a\r\nSet-Cookie: s=%d\r\nX-Long: %b\r\n\r\n"
        assert read_head(head % (number, number, number, b"x" * 200)) is not None
    assert 0 < len(_head._statuses) <= 1024
    assert 0 < len(_head._fields) <= 1024
    assert max(map(len, _head._fields)) <= 128
    assert not [line for line in _head._fields if line.startswith(b"Set-Cookie")]
