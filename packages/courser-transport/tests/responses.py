"""Responses to fuzz with, as bytes: mostly right, often odd, sometimes broken; all from one seeded generator."""

from __future__ import annotations

import itertools
import random

NAMES = [b"Server", b"Date", b"X-A", b"set-cookie", b"Vary", b"x!#$%&'*+-.^_`|~9", b"ETag", b"X-A", b"Connection"]
VALUES = [b"nginx", b"", b"a b", b"caf\xe9", b"a, b", b"keep-alive", b"close", b"Close, x", b"\xff\xfe", b"x" * 300]
ODD_NAMES = [b"X Y", b"", b"X\x00", b" Lead", b"Na\xefme", b"X:Y", b"\tX", b"N@me", b"(c)"]
ODD_VALUES = [b"a\x00b", b"a\rb", b"a\x0bb", b"\x7f", b" lead", b"trail ", b"tab\t", b"\ta\t b", b"a\x01b", b"a\nb"]
SEPARATORS = [b": "] * 12 + [b":", b":  ", b":\t", b" : ", b" "]
LINE_ENDS = [b"\r\n"] * 30 + [b"\n", b"\r", b"\r\n ", b"\r\n\t", b"\r\r\n"]
STATUS_LINES = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 404 Not Found",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.1 500 ",
    b"HTTP/1.1 500",
    b"HTTP/1.1 299 \xe9t\xe9",
    b"HTTP/1.1 999 Odd",
]
ODD_STATUS_LINES = [
    b"HTTP/2.0 200 OK",
    b"HTTP/1.2 200 OK",
    b"HTTP/0.9 200 OK",
    b"HTTP/1.1 099 Low",
    b"HTTP/1.1 1000 High",
    b"HTTP/1.1 20 Short",
    b"HTTP/1.1  200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.1 200  OK",
    b"HTTP/1.1 200 OK ",
    b"HTTP/1.1 200 O\x00K",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 101 Switching Protocols",
    b"ICY 200 OK",
    b"",
]
LENGTHS = [b"+5", b"-1", b"0_5", b"5, 5", b"3,5", b"5 ", b"", b"0x5", b"9" * 19, b"9" * 21, b"05", b"\xb2"]
CODINGS = [b"chunked", b"Chunked", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"identity", b"chunked ", b""]
CHUNK_SIZES = [b"0x5", b"-5", b" 5", b"5 ", b"+5", b"5\t", b"5;a=b", b'5;a="b"', b"5;", b"f" * 21, b"", b"G", b"5\n;"]
CHUNK_ENDS = [b"\r\n"] * 20 + [b"\n", b"", b"\r", b"\r\nx", b"x\r\n"]
TRAILERS = [b""] * 10 + [b"T: v\r\n", b"T: v\r\nU: w\r\n", b"T:v\n", b"T v\r\n", b" \r\n"]


def response(rng: random.Random) -> bytes:
    """Return one response, or a few in a row, or what is left of them."""
    data = b"".join(_interim(rng) for _ in range(rng.choice([0] * 8 + [1, 2])))
    data += _message(rng)
    if rng.random() < 0.1:
        data += rng.choice([b"x", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    if rng.random() < 0.15:
        data = _mutated(rng, data)
    if rng.random() < 0.1:
        data = data[: rng.randrange(len(data) + 1)]
    return data


def pieces(rng: random.Random, data: bytes) -> list[bytes]:
    """Return `data` cut at random places, as a network might deliver it."""
    if not data:
        return []
    if rng.random() < 0.1 and len(data) < 400:
        return [data[index : index + 1] for index in range(len(data))]
    cuts = sorted(rng.randrange(1, len(data) + 1) for _ in range(rng.choice([0, 0, 1, 2, 5])))
    bounds = [0, *cuts, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds) if start < end]


def _interim(rng: random.Random) -> bytes:
    line = rng.choice([b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 102 "])
    return line + b"\r\n" + b"".join(_fields(rng, rng.choice([0, 0, 1, 2]))) + b"\r\n"


def _message(rng: random.Random) -> bytes:
    line = rng.choice(ODD_STATUS_LINES if rng.random() < 0.08 else STATUS_LINES)
    fields = _fields(rng, rng.choice([0, 1, 2, 3, 6, 12]))
    body = bytes(rng.choices(b"ab\r\n0;\xff", k=rng.choice([0, 1, 5, 5, 20, 300])))
    kind = rng.random()
    if kind < 0.45:
        fields.append(b"Content-Length: %d\r\n" % len(body))
    elif kind < 0.85:
        fields.append(b"Transfer-Encoding: %b\r\n" % (b"chunked" if rng.random() < 0.9 else rng.choice(CODINGS)))
        body = _chunks(rng, body)
    if rng.random() < 0.06:
        fields.append(b"Content-Length: %b\r\n" % rng.choice([*LENGTHS, b"%d" % len(body)]))
    rng.shuffle(fields)
    return line + rng.choice(LINE_ENDS) + b"".join(fields) + rng.choice([b"\r\n"] * 40 + [b"\n", b"\r", b""]) + body


def _fields(rng: random.Random, count: int) -> list[bytes]:
    fields = []
    for _ in range(count):
        name = rng.choice(ODD_NAMES if rng.random() < 0.01 else NAMES)
        value = rng.choice(ODD_VALUES if rng.random() < 0.03 else VALUES)
        separator = b": " if rng.random() < 0.9 else rng.choice(SEPARATORS)
        end = b"\r\n" if rng.random() < 0.93 else rng.choice(LINE_ENDS)
        fields.append(name + separator + value + end)
    return fields


def _chunks(rng: random.Random, body: bytes) -> bytes:
    data = b""
    while body:
        size = rng.randrange(1, len(body) + 1)
        header = rng.choice([b"%x", b"%X", b"0%x"]) % size
        if rng.random() < 0.04:
            header = rng.choice(CHUNK_SIZES)
        end = b"\r\n" if rng.random() < 0.95 else rng.choice(CHUNK_ENDS)
        data += header + end + body[:size] + (b"\r\n" if rng.random() < 0.97 else rng.choice(CHUNK_ENDS))
        body = body[size:]
    last = b"0\r\n" if rng.random() < 0.95 else rng.choice([b"00\r\n", b"0;x\r\n", b"0 \r\n", b"0\n", b""])
    return data + last + rng.choice(TRAILERS) + (b"\r\n" if rng.random() < 0.97 else b"\n")


def _mutated(rng: random.Random, data: bytes) -> bytes:
    mutable = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        if not mutable:
            break
        place = rng.randrange(len(mutable))
        kind = rng.randrange(3)
        if kind == 0:
            mutable[place] = rng.choice(b"\x00\t\n\r :;,0aA/\x7f\x80\xff")
        elif kind == 1:
            del mutable[place]
        else:
            mutable.insert(place, rng.choice(b"\x00\t\n\r :;,0aA/\x7f\x80\xff"))
    return bytes(mutable)
