"""Content codings (RFC 9110 §8.4.1): what `Content-Encoding` names, undone step by step.

A decoder takes bytes and gives pieces of at most `STEP` bytes, so that a small message which unfolds to gigabytes
never takes more memory at once than one step. At the end `flush` says whether the stream was whole: a response that
was cut short raises `DecodingError` and never passes for the complete one.

`gzip` and `deflate` are always there. `br` and `zstd` need the extras of the same purpose, `brotli` and `zstd`; what
they install is imported when the first decoder is made. `register_codec` adds others.
"""

from __future__ import annotations

import functools
import re
import sys
import typing
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator

from ._exceptions import DecodingError, DecodingLimitExceeded

STEP = 262144
MAX_CODINGS = 5

# How much of the input a library sees at a time. What it does not take yet it copies, at every step: a bomb of 10 MB
# handed over as a whole would be copied 40 000 times.
_SLICE = 16384

# brotli's output grows in blocks, past the limit it is given; with this one no piece has more than 96 KiB.
_BROTLI_LIMIT = 65536

# RFC 9659 §3: content is encoded with a window of at most 8 MB, so that decoding it takes no more.
_ZSTD_WINDOW_LOG = 23

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


class Decoder(typing.Protocol):
    """Undoes one content coding; made anew for every response, by the factory given to `register_codec`."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        """Give what `data` unfolds to, in pieces of bounded size; raises `DecodingError` for data not in this coding.

        What is given is read to its end, or the decoder is not used again.
        """
        ...

    def flush(self) -> bytes:
        """Return what is left; raises `DecodingError` where the end is missing. No data at all are no content."""
        ...


def decoder_for(content_encoding: str) -> Decoder | None:
    """Return a decoder for the value of a `Content-Encoding` field.

    None where there is nothing to undo, or where a coding is unknown: such content is handed over as it came.
    Raises `DecodingError` for more than 5 codings, and for `br` or `zstd` where what undoes them is not installed.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_CODINGS:
        raise DecodingError(f"content has {len(names)} content codings; at most {MAX_CODINGS} are undone")
    factories = [_CODECS.get(name) for name in reversed(names)]
    if not factories or None in factories:
        return None
    decoders = [factory() for factory in factories if factory is not None]
    return decoders[0] if len(decoders) == 1 else ChainDecoder(decoders)


def supported_codings() -> str:
    """Return the codings that can be undone here, as an `Accept-Encoding` field names them: `"gzip, deflate, br"`.

    The first call imports what the extras installed, to see whether it is there and new enough.
    """
    return ", ".join(name for name, factory in [*_CODECS.items()] if name[:2] != "x-" and _can_make(factory))


def register_codec(name: str, factory: Callable[[], Decoder], *, replace: bool = False) -> None:
    """Make content in the coding `name` be undone by the decoders that `factory` makes, one for each response.

    From then on clients that are made offer it, unless its name begins with `x-`. A coding that is there already is
    exchanged with `replace=True` only, and raises `ValueError` otherwise. Any thread may call this at any time.
    """
    name = name.lower()
    if not re.fullmatch(_TOKEN, name) or name == "identity":
        raise ValueError(f"{name!r} cannot be the name of a content coding")
    if replace:
        _CODECS[name] = factory
    elif _CODECS.setdefault(name, factory) is not factory:
        raise ValueError(f"the content coding {name} is there already; replace=True exchanges it")


class GzipDecoder:
    """`gzip` (RFC 1952): every member of the stream; zero padding after the last is tolerated, other bytes are not."""

    def __init__(self) -> None:
        self._member: typing.Any = None
        self._seen_member = False
        self._is_padding = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        for left in _slices(data):
            while left:
                if self._member is None:
                    if self._is_padding or (left[0] == 0 and self._seen_member):
                        self._skip_padding(left)
                        break
                    self._member = zlib.decompressobj(31)
                left = yield from _inflate(self._member, left, "gzip")
                if self._member.eof:
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
        if self._inflater is None:
            data = self._start + data
            if len(data) < 2:
                self._start = data
                return
            self._start = b""
            is_zlib = data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._inflater = zlib.decompressobj(15 if is_zlib else -15)
        for left in _slices(data):
            if not self._inflater.eof:
                left = yield from _inflate(self._inflater, left, "deflate")
            if left:
                raise DecodingError("deflate content is followed by bytes that do not belong to it")

    def flush(self) -> bytes:
        if self._start or (self._inflater is not None and not self._inflater.eof):
            raise DecodingError("deflate content ends early; part of it is missing")
        return b""


class BrotliDecoder:
    """`br` (RFC 7932): one stream, with nothing after it."""

    def __init__(self) -> None:
        brotli = _import_brotli()
        self._error: type[Exception] = brotli.error
        self._brotli = brotli.Decompressor()
        self._is_empty = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        for left in _slices(data):
            self._is_empty = False
            if self._brotli.is_finished():
                raise DecodingError("br content is followed by bytes that do not belong to it")
            try:
                piece = self._brotli.process(left, output_buffer_limit=_BROTLI_LIMIT)
                while piece or not self._brotli.can_accept_more_data():
                    yield piece
                    piece = self._brotli.process(b"", output_buffer_limit=_BROTLI_LIMIT)
            except self._error as error:
                raise DecodingError(f"content is not valid br: {error}") from error

    def flush(self) -> bytes:
        if not self._is_empty and not self._brotli.is_finished():
            raise DecodingError("br content ends early; part of it is missing")
        return b""


class ZstdDecoder:
    """`zstd` (RFC 8878): every frame of the stream. A window of more than 8 MB is refused (RFC 9659)."""

    def __init__(self) -> None:
        self._zstd = _import_zstd()
        self._options = {self._zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._frame: typing.Any = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        for left in _slices(data):
            while left:
                if self._frame is None:
                    self._frame = self._zstd.ZstdDecompressor(options=self._options)
                left = yield from self._unfold(self._frame, left)
                if self._frame.eof:
                    self._frame = None

    def _unfold(self, frame: typing.Any, data: bytes) -> Generator[bytes, None, bytes]:
        try:
            while True:
                piece = frame.decompress(data, STEP)
                if piece:
                    yield piece
                if frame.eof:
                    return bytes(frame.unused_data)
                if frame.needs_input:
                    return b""
                data = b""
        except self._zstd.ZstdError as error:
            raise DecodingError(f"content is not valid zstd: {error}") from error

    def flush(self) -> bytes:
        if self._frame is not None:
            raise DecodingError("zstd content ends early; part of it is missing")
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


class LimitedDecoder:
    """Another decoder, or none, whose content may not grow past a size, or past a multiple of what it came from."""

    def __init__(self, decoder: Decoder | None, max_decoded_bytes: int | None, max_ratio: float | None) -> None:
        self._decoder = decoder
        self._max_decoded_bytes = max_decoded_bytes
        self._max_ratio = max_ratio
        self._taken = 0
        self._given = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        self._taken += len(data)
        for piece in (data,) if self._decoder is None else self._decoder.decode(data):
            self._count(piece)
            yield piece

    def flush(self) -> bytes:
        left = b"" if self._decoder is None else self._decoder.flush()
        self._count(left)
        return left

    def _count(self, piece: bytes) -> None:
        self._given += len(piece)
        if self._max_decoded_bytes is not None and self._given > self._max_decoded_bytes:
            raise DecodingLimitExceeded(f"content has more than {self._max_decoded_bytes} bytes (max_decoded_bytes)")
        # Little content is no danger, and its ratio says little: a page of nothing but spaces is well above 100.
        if self._max_ratio is not None and self._given > max(STEP, self._max_ratio * self._taken):
            raise DecodingLimitExceeded(
                f"content unfolds to more than {self._max_ratio:g} times the {self._taken} bytes received (max_ratio)"
            )


def _each(decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.decode(piece)


def _slices(data: bytes) -> Iterable[bytes]:
    if len(data) <= _SLICE:
        return (data,) if data else ()
    return (data[start : start + _SLICE] for start in range(0, len(data), _SLICE))


def _inflate(inflater: typing.Any, data: bytes, coding: str) -> Generator[bytes, None, bytes]:
    """Give what `data` unfolds to; return what follows the end of the stream."""
    try:
        while True:
            piece = inflater.decompress(data, STEP)
            if piece:
                yield piece
            data = inflater.unconsumed_tail
            if inflater.eof:
                return bytes(inflater.unused_data)
            if not data and len(piece) < STEP:
                return b""
    except zlib.error as error:
        raise DecodingError(f"content is not valid {coding}: {error}") from error


def _import_brotli() -> typing.Any:
    try:
        try:
            import brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]  # it has no annotations
        except ImportError:
            import brotlicffi as brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]  # the same
    except ImportError as error:
        raise _missing("br", "brotli") from error
    if not hasattr(brotli.Decompressor, "can_accept_more_data"):
        # Before 1.2 its output had no limit, and a bomb all the memory there is.
        raise _missing("br", "brotli", " 1.2 or later")
    return brotli


def _import_zstd() -> typing.Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd  # type: ignore[import-not-found, import-untyped, unused-ignore]  # an extra
    except ImportError as error:
        raise _missing("zstd", "zstd") from error
    return zstd


def _missing(coding: str, extra: str, version: str = "") -> DecodingError:
    return DecodingError(
        f"content has the coding {coding}, and what undoes it is not installed; "
        f"install courser-models[{extra}]" + (f" (it needs {extra}{version})" if version else "")
    )


@functools.cache
def _can_make(factory: Callable[[], Decoder]) -> bool:
    try:
        factory()
    except DecodingError:
        return False
    return True


# A new coding is one `setdefault`, which no thread can come between.
_CODECS: dict[str, Callable[[], Decoder]] = {
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,  # RFC 9110 §8.4.1.3: to be treated as equivalent
    "deflate": DeflateDecoder,
    "x-deflate": DeflateDecoder,
    "br": BrotliDecoder,
    "zstd": ZstdDecoder,
}

# What is there without any extra; `supported_codings` says what is there.
SUPPORTED_CODINGS = "gzip, deflate"
