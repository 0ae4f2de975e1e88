from __future__ import annotations

import pytest

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
