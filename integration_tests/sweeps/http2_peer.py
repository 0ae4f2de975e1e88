"""The server's side of HTTP/2, frame by frame, for sweeps that count and check what a real server would not tell.

    for frame in peer.frames():
        if frame.kind == HEADERS:
            peer.answer(frame.stream, b"hello")

`frames` answers settings and pings, keeps the windows both ways, and yields the rest.
"""

import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import hpack

import courser

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 1
END_HEADERS = 4
PADDED = 8
INITIAL_WINDOW_SIZE = 4

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEFAULT_WINDOW = 65535


class Frame(NamedTuple):
    """One frame that was heard."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class FramePeer:
    """A server on one accepted socket."""

    def __init__(self, sock: socket.socket, settings: dict[int, int] | None = None) -> None:
        self.sock = sock
        self.settings = settings or {}
        self.window = DEFAULT_WINDOW
        """How much may be sent to the client on all streams together."""
        self.window_of: dict[int, int] = {}
        """And how much on each; a stream that was not sent on has the `initial_window`."""
        self.initial_window = DEFAULT_WINDOW
        self.sent = 0
        """How many bytes of content were."""
        self.path_of: dict[int, str] = {}
        self.resets: list[int] = []
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()

    def frames(self) -> Iterator[Frame]:
        """Yield what is about exchanges, until the client goes away; whatever content comes is given back."""
        received = self._receive(len(PREFACE))
        assert received.startswith(PREFACE), received[:100]
        received = received[len(PREFACE) :]
        self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in self.settings.items()))
        while True:
            position = 0
            while len(received) - position >= 9:
                end = position + 9 + int.from_bytes(received[position : position + 3], "big")
                if len(received) < end:
                    break
                kind, flags, stream = struct.unpack_from(">BBI", received, position + 3)
                frame = Frame(kind, flags, stream, received[position + 9 : end])
                position = end
                if self._take(frame):
                    yield frame
            data = self.sock.recv(262144)
            if not data:
                return
            received = received[position:] + data

    def _receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size and (data := self.sock.recv(65536)):
            received += data
        return received

    def _take(self, frame: Frame) -> bool:
        """Note what a frame says; return whether it is about an exchange."""
        kind, flags, stream, payload = frame
        if kind == SETTINGS:
            if not flags & ACK:
                for name, value in struct.iter_unpack(">HI", payload):
                    if name == INITIAL_WINDOW_SIZE:
                        self.initial_window = value
                self.send(SETTINGS, ACK, 0)
        elif kind == PING:
            if not flags & ACK:
                self.send(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            (more,) = struct.unpack(">I", payload)
            if stream:
                self.window_of[stream] = self.window_of.get(stream, self.initial_window) + more
            else:
                self.window += more
        elif kind == HEADERS:
            assert flags & END_HEADERS, "a sweep's requests are short"
            fields = dict(self._decoder.decode(payload, raw=True))
            if b":path" in fields:
                self.path_of[stream] = bytes(fields[b":path"]).decode()
        elif kind == DATA and payload:
            self.open(0, len(payload))
            if not flags & END_STREAM:
                self.open(stream, len(payload))
        elif kind == RST_STREAM:
            self.resets.append(stream)
        return kind in (HEADERS, DATA, RST_STREAM, WINDOW_UPDATE)

    def send(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> None:
        """Send a frame."""
        self.sock.sendall(packed(kind, flags, stream, payload))

    def open(self, stream: int, size: int) -> None:
        """Let the client send so much more."""
        self.send(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))

    def head(self, stream: int, status: int = 200) -> None:
        """Send a response's head."""
        self.send(HEADERS, END_HEADERS, stream, self._encoder.encode([(b":status", b"%d" % status)]))

    def data(self, stream: int, content: bytes, ends: bool = False, padding: int | None = None) -> None:
        """Send content, in one frame, which the windows must allow."""
        flags = END_STREAM if ends else 0
        if padding is not None:
            flags |= PADDED
            content = bytes([padding]) + content + bytes(padding)
        self.window -= len(content)
        self.window_of[stream] = self.window_of.get(stream, self.initial_window) - len(content)
        assert self.window >= 0
        assert self.window_of[stream] >= 0
        self.sent += len(content)
        self.send(DATA, flags, stream, content)

    def answer(self, stream: int, content: bytes) -> None:
        """Send a whole response."""
        self.head(stream)
        self.data(stream, content, ends=True)


def packed(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def over_http2(**limits: Any) -> dict[str, Any]:
    """Return a client's settings for one connection that speaks HTTP/2 unasked."""
    only_one = courser.Limits(max_connections=1, keepalive_expiry=None, **limits)
    return {"http1": False, "http2": True, "timeout": 30.0, "limits": only_one}
