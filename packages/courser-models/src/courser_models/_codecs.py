"""Content codings (RFC 9110 §8.4.1): what `Content-Encoding` names, undone step by step.

A decoder takes bytes and gives pieces of at most `STEP` bytes, so that a small message which unfolds to gigabytes
never takes more memory at once than one step. At the end `flush` says whether the stream was whole: a response that
was cut short raises `DecodingError` and never passes for the complete one.
"""

from __future__ import annotations

import typing
import zlib
from collections.abc import Callable, Iterable, Iterator

from ._exceptions import DecodingError

STEP = 262144
MAX_CODINGS = 5


class Decoder(typing.Protocol):
    """Undoes one content coding."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        """Give what `data` unfolds to, in pieces; raises `DecodingError` for data not in this coding."""
        ...

    def flush(self) -> bytes:
        """Return what is left; raises `DecodingError` where the end is missing."""
        ...


class GzipDecoder:
    """`gzip` (RFC 1952): every member of the stream; zero padding after the last is tolerated, other bytes are not."""

    def __init__(self) -> None:
        self._member: typing.Any = None
        self._seen_member = False
        self._is_padding = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                if self._is_padding or (data[0] == 0 and self._seen_member):
                    self._skip_padding(data)
                    return
                self._member = zlib.decompressobj(31)
            yield from _inflate(self._member, data, "gzip")
            if not self._member.eof:
                return
            data = self._member.unused_data
            self._member = None
            self._seen_member = True

    def _skip_padding(self, data: bytes) -> None:
        self._is_padding = True
        if data.strip(b"\0"):
            raise DecodingError("gzip content is followed by bytes that do not belong to it")

    def flush(self) -> bytes:
        if self._member is not None:
            raise DecodingError("gzip content ends early; part of it is missing")
        return b""


class DeflateDecoder:
    """`deflate`: the zlib format (RFC 1950) as specified, or raw DEFLATE (RFC 1951) as some servers send it."""

    def __init__(self) -> None:
        self._inflater: typing.Any = None
        self._start = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._inflater is None:
            self._start += data
            if len(self._start) < 2:
                return
            data, self._start = self._start, b""
            is_zlib = data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._inflater = zlib.decompressobj(15 if is_zlib else -15)
        if not self._inflater.eof:
            yield from _inflate(self._inflater, data, "deflate")
            data = self._inflater.unused_data
        if data:
            raise DecodingError("deflate content is followed by bytes that do not belong to it")

    def flush(self) -> bytes:
        if self._start or (self._inflater is not None and not self._inflater.eof):
            raise DecodingError("deflate content ends early; part of it is missing")
        return b""


class ChainDecoder:
    """Several codings, undone in the reverse of the order in which they were applied."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders

    def decode(self, data: bytes) -> Iterable[bytes]:
        pieces: Iterable[bytes] = (data,)
        for decoder in self._decoders:
            pieces = _each(decoder, pieces)
        return pieces

    def flush(self) -> bytes:
        left = b""
        for index, decoder in enumerate(self._decoders):
            decoded = b"".join(decoder.decode(left)) if left else b""
            try:
                left = decoded + decoder.flush()
            except DecodingError as error:
                raise DecodingError(f"{error} (coding {index + 1} of {len(self._decoders)})") from error
        return left


def _each(decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.decode(piece)


def _inflate(inflater: typing.Any, data: bytes, coding: str) -> Iterator[bytes]:
    try:
        while True:
            piece = inflater.decompress(data, STEP)
            if piece:
                yield piece
            data = inflater.unconsumed_tail
            if inflater.eof or (not data and len(piece) < STEP):
                return
    except zlib.error as error:
        raise DecodingError(f"content is not valid {coding}: {error}") from error


_CODECS: dict[str, Callable[[], Decoder]] = {
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,  # RFC 9110 §8.4.1.3: to be treated as equivalent
    "deflate": DeflateDecoder,
}

SUPPORTED_CODINGS = "gzip, deflate"


def decoder_for(content_encoding: str) -> Decoder | None:
    """Return a decoder for the value of a `Content-Encoding` field.

    None where there is nothing to undo, or where a coding is unknown: such content is handed over as it came.
    Raises `DecodingError` for more than 5 codings.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_CODINGS:
        raise DecodingError(f"content has {len(names)} content codings; at most {MAX_CODINGS} are undone")
    if not names or any(name not in _CODECS for name in names):
        return None
    decoders = [_CODECS[name]() for name in reversed(names)]
    return decoders[0] if len(decoders) == 1 else ChainDecoder(decoders)
