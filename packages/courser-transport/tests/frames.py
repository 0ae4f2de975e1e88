"""The server's side of HTTP/2, frame by frame: a test says what is sent, and sees what was heard.

It knows nothing of the code under test; field lists are packed by hpack, as everywhere.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
PADDED = 8

MAX_CONCURRENT_STREAMS = 3
INITIAL_WINDOW_SIZE = 4
MAX_FRAME_SIZE = 5
MAX_HEADER_LIST_SIZE = 6

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Frame(NamedTuple):
    """One frame that was heard."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def number(self) -> int:
        """What a WINDOW_UPDATE, RST_STREAM carries."""
        return struct.unpack(">I", self.payload[:4])[0]


def packed(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def number(value: int) -> bytes:
    """Return four bytes."""
    return struct.pack(">I", value)


class FramePeer:
    """A server on one accepted socket; `heard` are all frames that came. Where it `is_alive` it answers PINGs."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.heard: list[Frame] = []
        self.is_alive = False
        self._buffer = b""

    def greet(self, settings: dict[int, int] | None = None) -> None:
        """Hear the preface and the first settings; say ours."""
        assert self._take(len(PREFACE)) == PREFACE
        self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in (settings or {}).items()))
        assert self.next().kind == SETTINGS

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def next(self) -> Frame:
        """Return the next frame; `EOFError` at the end."""
        head = self._take(9)
        frame = Frame(head[3], head[4], struct.unpack(">I", head[5:])[0], self._take(int.from_bytes(head[:3], "big")))
        self.heard.append(frame)
        if self.is_alive and frame.kind == PING and not frame.flags & ACK:
            self.send(PING, ACK, 0, frame.payload)
        return frame

    def expect(self, kind: int, stream: int | None = None) -> Frame:
        """Return the next frame of this kind, and of this stream where that is given; others are passed over."""
        while True:
            frame = self.next()
            if frame.kind == kind and stream in (None, frame.stream) and not (kind == SETTINGS and frame.flags & ACK):
                return frame

    def request(self) -> tuple[int, list[tuple[bytes, bytes]], bool]:
        """Return the next request: its stream, its fields, and whether that is all of it."""
        frame = self.expect(HEADERS)
        block = frame.payload
        while not frame.flags & END_HEADERS:
            following = self.next()
            assert following.kind == CONTINUATION
            block += following.payload
            frame = frame._replace(flags=frame.flags | following.flags & END_HEADERS)
        fields = [(bytes(name), bytes(value)) for name, value in self.decoder.decode(block, raw=True)]
        return frame.stream, fields, bool(frame.flags & END_STREAM)

    def content(self, stream: int) -> bytes:
        """Return the content of a request, to its end; windows are given back."""
        content = b""
        while True:
            frame = self.expect(DATA, stream)
            content += frame.payload
            if frame.flags & END_STREAM:
                return content
            if frame.payload:
                self.window(stream, len(frame.payload))
                self.window(0, len(frame.payload))

    def send(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> None:
        self.sock.sendall(packed(kind, flags, stream, payload))

    def fields(self, stream: int, fields: list[tuple[bytes, bytes]], ends: bool = False) -> None:
        """Send a field list as it is given."""
        flags = END_HEADERS | (END_STREAM if ends else 0)
        self.send(HEADERS, flags, stream, self.encoder.encode(fields))

    def head(self, stream: int, status: int = 200, *fields: tuple[bytes, bytes], ends: bool = False) -> None:
        """Send a response's head."""
        self.fields(stream, [(b":status", b"%d" % status), *fields], ends)

    def data(self, stream: int, content: bytes, ends: bool = False) -> None:
        self.send(DATA, END_STREAM if ends else 0, stream, content)

    def answer(self, stream: int, content: bytes = b"hello") -> None:
        """Send a whole response."""
        self.head(stream)
        self.data(stream, content, ends=True)

    def serve_one(self, content: bytes = b"hello") -> int:
        """Hear a request, and answer it; return its stream."""
        stream, _, is_all = self.request()
        if not is_all:
            self.content(stream)
        self.answer(stream, content)
        return stream

    def reset(self, stream: int, code: int) -> None:
        self.send(RST_STREAM, 0, stream, number(code))

    def window(self, stream: int, size: int) -> None:
        self.send(WINDOW_UPDATE, 0, stream, number(size))

    def settings(self, **settings: int) -> None:
        names = {"max_concurrent_streams": 3, "initial_window_size": 4, "max_frame_size": 5, "max_header_list_size": 6}
        pairs = [struct.pack(">HI", names[name], value) for name, value in settings.items()]
        self.send(SETTINGS, 0, 0, b"".join(pairs))

    def goodbye(self, last: int, code: int = 0, words: bytes = b"") -> None:
        self.send(GOAWAY, 0, 0, number(last) + number(code) + words)

    def leave(self) -> None:
        """Say no more, and hear what is still on its way: a close with it unread resets, and takes our words back."""
        self.sock.shutdown(socket.SHUT_WR)
        self.until_goodbye()

    def until_goodbye(self) -> list[Frame]:
        """Hear everything until the program closes the connection; return all that was ever heard."""
        try:
            while True:
                self.next()
        except (EOFError, ConnectionError):
            return self.heard
