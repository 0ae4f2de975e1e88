"""The grammar of HTTP/2's frames (RFC 9113 §4, §6): numbers, and how a frame is written.

Every frame is nine bytes, how long, of which kind, with which flags, for which stream, and what it carries.
"""

from __future__ import annotations

import struct

DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

HEADER_TABLE_SIZE = 0x1
ENABLE_PUSH = 0x2
MAX_CONCURRENT_STREAMS = 0x3
INITIAL_WINDOW_SIZE = 0x4
MAX_FRAME_SIZE = 0x5
MAX_HEADER_LIST_SIZE = 0x6

NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
FLOW_CONTROL_ERROR = 0x3
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB
HTTP_1_1_REQUIRED = 0xD

_ERRORS = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# A stream's window before anybody has said anything (§6.9.2), and the largest there may be.
DEFAULT_WINDOW = 65535
LARGEST_WINDOW = LARGEST_STREAM = 2**31 - 1

# What a peer accepts in one frame before it has said more (§4.2).
SMALLEST_MAX_FRAME = 16384
LARGEST_MAX_FRAME = 2**24 - 1

HEAD_SIZE = 9
_HEAD = struct.Struct(">HBBBI")
read_frame_head = _HEAD.unpack_from
_SETTING = struct.Struct(">HI")
_NUMBER = struct.Struct(">I")
_TWO_NUMBERS = struct.Struct(">II")


def frame_head(kind: int, flags: int, stream: int, length: int) -> bytes:
    """Return the nine bytes before what a frame carries."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return frame_head(kind, flags, stream, len(payload)) + payload


def settings(values: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(name, value) for name, value in values.items()]))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the settings of a SETTINGS frame, whose length is a multiple of six."""
    return list(_SETTING.iter_unpack(payload))


def window_update(stream: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(increment))


def reset(stream: int, code: int) -> bytes:
    """Return an RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(code))


def goaway(code: int) -> bytes:
    """Return a GOAWAY frame; a server has opened no stream that there was to process."""
    return frame(GOAWAY, 0, 0, _TWO_NUMBERS.pack(0, code))


def number(payload: bytes) -> int:
    """Return the number that a frame's first four bytes are, without the reserved bit."""
    value: int = _NUMBER.unpack_from(payload)[0]
    return value & LARGEST_WINDOW


def error_number(payload: bytes, offset: int = 0) -> int:
    """Return the error code at `offset` of a frame's bytes."""
    code: int = _NUMBER.unpack_from(payload, offset)[0]
    return code


def error_name(code: int) -> str:
    """Return what an error code is called (RFC 9113 §7)."""
    return _ERRORS[code] if code < len(_ERRORS) else f"error {code:#x}"
