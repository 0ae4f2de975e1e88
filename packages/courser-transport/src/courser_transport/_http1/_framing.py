"""Where a response's body ends (RFC 9112 §6.3), and readers that find that end.

A reader is fed what arrives and gives the content in it; it says when it is done, what came after the end, and
whether the peer's goodbye is one.
"""

from __future__ import annotations

import re
import typing

from courser_models import Field

from .._config import DEFAULT_LIMITS, Limits
from .._exceptions import RemoteProtocolError

if typing.TYPE_CHECKING:
    from ._arbiter import ChunkArbiter

_MOST_DIGITS = 20
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})\r\n")
_LONGEST_CHUNK_HEADER = 17

CHUNKED = -1
UNTIL_CLOSE = -2


class BodyReader(typing.Protocol):
    """Finds the end of one body."""

    is_done: bool
    excess: bytes
    """What came after the end: nothing, from a peer that keeps to the rules."""
    trailers: list[Field]
    """The fields that followed the body (RFC 9110 §6.5)."""

    def feed(self, data: bytes) -> bytes:
        """Return the content in `data`; raises `RemoteProtocolError` for broken framing."""
        ...

    def end(self, peer: str) -> None:
        """Take the peer's goodbye; raises `RemoteProtocolError` where it comes too early."""
        ...


def body_length(method: str, status: int, index: dict[bytes, bytes]) -> int | None:
    """Return the length of a response's body, `CHUNKED` or `UNTIL_CLOSE`; None for framing that is not plain.

    The steps are those of RFC 9112 §6.3. None goes to the arbiter when the head has not been there yet.
    """
    coding = index.get(b"transfer-encoding")
    length = index.get(b"content-length")
    if coding is not None and (length is not None or coding.lower() != b"chunked"):
        return None
    if length is not None and not (length.isdigit() and len(length) <= _MOST_DIGITS):
        return None
    # 1. and 2. no content at all
    if method == "HEAD" or status in (204, 304) or (method == "CONNECT" and 200 <= status < 300):
        return 0
    # 3. and 4. a transfer coding
    if coding is not None:
        return CHUNKED
    # 5. and 6. a length
    if length is not None:
        return int(length)
    # 8. until the connection closes
    return UNTIL_CLOSE


def body_reader(length: int, limits: Limits) -> BodyReader:
    """Return the reader for a body of `length` bytes, of chunks, or until the connection closes.

    The `limits` of a head are those of trailers too.
    """
    if length == CHUNKED:
        return ChunkedReader(limits)
    if length == UNTIL_CLOSE:
        return CloseReader()
    return LengthReader(length)


class LengthReader:
    """A body whose length was announced."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._left = length
        self.is_done = length == 0
        self.excess = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> bytes:
        """Return the content in `data`."""
        if len(data) < self._left:
            self._left -= len(data)
            return data
        content, self.excess = data[: self._left], data[self._left :]
        self._left = 0
        self.is_done = True
        return content

    def end(self, peer: str) -> None:
        """Refuse: the body is not complete."""
        received = self._length - self._left
        raise RemoteProtocolError(f"{peer} closed the connection after {received} of {self._length} body bytes")


class CloseReader:
    """A body that ends with the connection."""

    def __init__(self) -> None:
        self.is_done = False
        self.excess = b""
        self.trailers: list[Field] = []

    def feed(self, data: bytes) -> bytes:
        """Return `data`: all of it is content."""
        return data

    def end(self, peer: str) -> None:
        """Accept the goodbye as the end."""
        self.is_done = True


class ChunkedReader:
    """A body in chunks (RFC 9112 §7.1).

    Reads plain chunks itself. Where an extension, a trailer or something odd begins, the arbiter takes over for the
    rest of the body.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.is_done = False
        self.excess = b""
        self.trailers: list[Field] = []
        self._limits = limits
        self._left = 0  # content bytes of the chunk that has begun
        self._owes_end = False  # the CRLF after that chunk's content
        self._rest = b""  # the beginning of a chunk header
        self._arbiter: ChunkArbiter | None = None
        self._received = 0

    def feed(self, data: bytes) -> bytes:
        """Return the content in `data`."""
        if self._arbiter is not None:
            return self._arbitrated(data)
        if len(data) <= self._left:
            self._left -= len(data)
            self._owes_end = True
            self._received += len(data)
            return data
        if self._rest:
            data = self._rest + data
            self._rest = b""
        pieces = []
        start = 0
        end = len(data)
        while True:
            if self._left:
                piece = data[start : start + self._left]
                pieces.append(piece)
                start += len(piece)
                self._left -= len(piece)
                self._owes_end = True
                if self._left or start == end:
                    break
            if self._owes_end:
                if data.startswith(b"\r\n", start):
                    start += 2
                    self._owes_end = False
                elif end - start < 2 and b"\r\n".startswith(data[start:]):
                    self._rest = data[start:]
                    break
                else:
                    raise RemoteProtocolError("a chunk of the response is longer than it said (RFC 9112 §7.1)")
            header = _CHUNK.match(data, start)
            if header is None:
                if end - start < _LONGEST_CHUNK_HEADER and _may_become_header(data[start:]):
                    self._rest = data[start:]
                    break
                pieces.append(self._hand_over(data[start:]))
                break
            size = int(header[1], 16)
            if size == 0:
                after = header.end()
                if data.startswith(b"\r\n", after):
                    self.is_done = True
                    self.excess = data[after + 2 :]
                    break
                if end - after < 2 and b"\r\n".startswith(data[after:]):
                    self._rest = data[start:]
                    break
                pieces.append(self._hand_over(data[start:]))
                break
            self._left = size
            start = header.end()
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._received += len(content)
        return content

    def _hand_over(self, data: bytes) -> bytes:
        from ._arbiter import ChunkArbiter  # loads h11, which most programs never need

        self._arbiter = ChunkArbiter(self._limits.max_head_size, self._limits.max_fields)
        return self._arbitrated(data, counted=False)

    def _arbitrated(self, data: bytes, counted: bool = True) -> bytes:
        assert self._arbiter is not None
        content = self._arbiter.feed(data)
        self.is_done = self._arbiter.is_done
        self.excess = self._arbiter.excess
        self.trailers = self._arbiter.trailers
        if counted:
            self._received += len(content)
        return content

    def end(self, peer: str) -> None:
        """Refuse: the last chunk has not come."""
        raise RemoteProtocolError(
            f"{peer} closed the connection after {self._received} bytes of a chunked body, before its last chunk"
        )


_HEADER_START = re.compile(rb"[0-9a-fA-F]{0,15}\r?")


def _may_become_header(data: bytes) -> bool:
    return _HEADER_START.fullmatch(data) is not None
