"""`HTTP2Stream`: what is known of one exchange, its inbox among it.

Whoever reads the connection puts in here what arrives; whoever waits for it takes it out; both under the connection's
lock.
"""

from __future__ import annotations

import collections
import enum

from courser_models import Field, TransportError

from ._fields import Head


class Wanted(enum.Enum):
    """What somebody waits for."""

    HEAD = enum.auto()
    """The final response's head, or the word to send on."""
    BODY = enum.auto()
    """Content, or its end."""
    WINDOW = enum.auto()
    """Leave to send content, or the final response's head, which may be a reason not to."""
    WINDOW_OR_BODY = enum.auto()
    """The same once the head is there: leave to send content, or content of the response, or its end."""


class HTTP2Stream:
    """One exchange of a connection, from the moment at which its request leaves."""

    __slots__ = (
        "chunks",
        "expected",
        "failure",
        "has_sent_all",
        "head",
        "id",
        "interim",
        "is_blocked",
        "is_ended",
        "method",
        "receive_window",
        "received",
        "seen_interim",
        "send_window",
        "trailers",
        "unreturned",
        "wanted",
    )

    def __init__(self, number: int, method: str, send_window: int, receive_window: int) -> None:
        self.id = number
        self.method = method
        self.head: Head | None = None
        self.interim: list[Head] = []
        """The 1xx responses that came before it, and how many of them somebody has looked at."""
        self.seen_interim = 0
        self.chunks: collections.deque[bytes | bytearray] = collections.deque()
        """Content that has arrived, and nobody has taken."""
        self.trailers: list[Field] = []
        self.expected: int | None = None
        """How long the content must be; None where that is not said."""
        self.received = 0
        self.is_ended = False
        """Whether the peer has said all that it will."""
        self.has_sent_all = False
        """Whether we have."""
        self.failure: TransportError | None = None
        """Why it ended before its end; nothing arrives or leaves any more."""
        self.send_window = send_window
        self.receive_window = receive_window
        self.unreturned = 0
        """How much of the window is used up, taken out, and not given back to the peer."""
        self.is_blocked = False
        """Whether neither its window nor the connection's lets it send."""
        self.wanted = Wanted.HEAD

    def take(self, limit: int | None = None) -> bytes:
        """Take content out of the inbox and return it: all, or `limit` bytes at most."""
        chunks = self.chunks
        if limit is None or sum(map(len, chunks)) <= limit:
            content = bytes(chunks[0] if len(chunks) == 1 else b"".join(chunks))
            chunks.clear()
            return content
        pieces, left = [], limit
        while left and chunks:
            piece = chunks.popleft()
            if len(piece) > left:
                chunks.appendleft(bytes(piece[left:]))
                piece = piece[:left]
            pieces.append(piece)
            left -= len(piece)
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)

    @property
    def is_over(self) -> bool:
        """Whether the peer sends nothing more."""
        return self.is_ended or self.failure is not None

    def is_ready(self) -> bool:
        """Return whether what is wanted is here, or never will be."""
        if self.failure is not None:
            return True
        if self.wanted is Wanted.BODY:
            return bool(self.chunks) or self.is_ended
        if self.wanted is Wanted.WINDOW_OR_BODY:
            return bool(self.chunks) or self.is_ended or not self.is_blocked
        if self.head is not None or len(self.interim) > self.seen_interim:
            return True
        return self.wanted is Wanted.WINDOW and not self.is_blocked
