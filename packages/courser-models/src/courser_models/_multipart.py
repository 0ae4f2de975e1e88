"""`files=` as a multipart form: names, contents and types to bytes (RFC 7578, WHATWG HTML §4.10.21.8).

A form is laid out once, as a list of pieces: bytes, which hold everything between the contents, and files, which are
read when their turn comes. What a peer would read as the end of a name, a field or a part is escaped or refused here.
"""

from __future__ import annotations

import io
import os
import re
import typing
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from ._content_type import read_content_type
from ._exceptions import InvalidHeader
from ._headers import Field, Headers
from ._query import primitive_text
from ._streams import (
    FILE_READ_SIZE,
    AsyncByteStream,
    AsyncFileByteStream,
    BlockingByteStream,
    ByteStream,
    FileByteStream,
    InThread,
    SyncByteStream,
    is_async_file,
)
from ._types import RequestData, RequestFiles

_Piece = bytes | FileByteStream | AsyncFileByteStream

# RFC 2046 §5.1.1; a space may not come last.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
# The form standard names the quote, CR and LF; a NUL or ESC in a name helps nobody either.
_ESCAPED = re.compile(r'[\x00-\x1f\x7f"]')


def encode_multipart(
    data: RequestData | Iterable[tuple[str, typing.Any]] | None, files: RequestFiles, fields: list[Field]
) -> tuple[Field, int | None, SyncByteStream | AsyncByteStream]:
    """Return the `Content-Type` field of a form, its length if that can be told, and its stream.

    The boundary is that of the caller's own `Content-Type` among `fields`; one that is `multipart/…` and lacks a
    boundary gets it. Raises `InvalidHeader` for what would break a part open, `TypeError` for what is no content.
    """
    content_type, boundary = _content_type(fields)
    pieces = _pieces(data, files, boundary.encode("ascii"))
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return content_type, len(pieces[0]), ByteStream(pieces[0])
    lengths = [
        len(piece) if isinstance(piece, bytes) else None if isinstance(piece, AsyncFileByteStream) else piece.length
        for piece in pieces
    ]
    known = [length for length in lengths if length is not None]
    has_async_file = any(isinstance(piece, AsyncFileByteStream) for piece in pieces)
    stream = AsyncMultipartStream(pieces) if has_async_file else MultipartStream(pieces)
    return content_type, sum(known) if len(known) == len(lengths) else None, stream


class AsyncMultipartStream(BlockingByteStream):
    """A form for async programs: some of its files must be awaited."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces

    @property
    def is_replayable(self) -> bool:
        """Whether all of its files can be read again from where they stood."""
        return all(isinstance(piece, bytes) or piece.is_replayable for piece in self._pieces)

    async def aiter_with(self, in_thread: InThread) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                async for chunk in piece.aiter_with(in_thread) if isinstance(piece, FileByteStream) else piece:
                    yield chunk


class MultipartStream(AsyncMultipartStream, SyncByteStream):
    """A form for both kinds of programs; can be read again if its files can seek."""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                assert isinstance(piece, FileByteStream)
                yield from piece

    @property
    def is_in_memory(self) -> bool:
        """Whether reading it costs nothing but memory."""
        return all(isinstance(piece, bytes) for piece in self._pieces)


def _content_type(fields: list[Field]) -> tuple[Field, str]:
    """Return the `Content-Type` field of the form, and its boundary; a caller's field without one is completed."""
    for place, (name, lower, value) in enumerate(fields):
        if lower == b"content-type":
            given = read_content_type(value.decode("latin-1"))
            if given is None or not given.media_type.startswith("multipart/"):
                break
            boundary = given.parameters.get("boundary")
            if boundary is None:
                boundary = _new_boundary()
                fields[place] = (name, lower, b"%b; boundary=%b" % (value.rstrip(b"; \t"), boundary.encode("ascii")))
            elif _BOUNDARY.fullmatch(boundary) is None:
                raise InvalidHeader(
                    f"boundary {boundary!r} is not one: 1 to 70 letters, digits or '()+_,-./:=? (RFC 2046)"
                )
            return fields[place], boundary
    boundary = _new_boundary()
    return (b"Content-Type", b"content-type", b"multipart/form-data; boundary=%b" % boundary.encode("ascii")), boundary


def _new_boundary() -> str:
    # Nobody who supplies a content may be able to guess it, and end his part with it.
    return os.urandom(16).hex()


def _pieces(
    data: RequestData | Iterable[tuple[str, typing.Any]] | None, files: RequestFiles, boundary: bytes
) -> list[_Piece]:
    """Return the form in order: the plain fields, the files, the end."""
    pieces: list[_Piece] = []
    between: list[bytes] = []  # what is not large is joined with its neighbours

    def add(content: bytes | FileByteStream | AsyncFileByteStream) -> None:
        if isinstance(content, bytes) and len(content) <= FILE_READ_SIZE:
            between.append(content)
            return
        pieces.append(b"".join(between))
        pieces.append(content)
        between.clear()

    def add_part(head: bytes, content: bytes | FileByteStream | AsyncFileByteStream) -> None:
        add(b"--%b\r\n%b\r\n\r\n" % (boundary, head))
        add(content)
        add(b"\r\n")

    for name, value in _plain_fields(data):
        add_part(_disposition(name), value if isinstance(value, bytes) else primitive_text(value).encode("utf-8"))
    for name, file in files.items() if isinstance(files, Mapping) else files:
        add_part(*_file_part(name, file))
    pieces.append(b"".join([*between, b"--%b--\r\n" % boundary]))
    return pieces


def _plain_fields(data: RequestData | Iterable[tuple[str, typing.Any]] | None) -> Iterator[tuple[str, typing.Any]]:
    if isinstance(data, (bytes, str)):
        raise TypeError("data=… beside files=… is a form: a mapping, or a list of pairs")
    for name, value in () if data is None else data.items() if isinstance(data, Mapping) else data:
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None and not isinstance(item, (str, bytes, int, float)):
                raise TypeError(
                    f"value of form field {name!r} must be text, bytes or a number, not {type(item).__name__}"
                )
            yield str(name), item


def _file_part(name: str, file: typing.Any) -> tuple[bytes, bytes | FileByteStream | AsyncFileByteStream]:
    """Return the head and the content of one file, given as its content or as a tuple of up to four."""
    filename: str | None
    content_type: str | None = None
    headers: typing.Any = None
    if isinstance(file, tuple):
        if not 2 <= len(file) <= 4:
            raise ValueError(f"file {name!r} is (filename, content[, content type[, headers]]), not {len(file)} items")
        filename, content, content_type, headers = (*file, None, None)[:4]
    else:
        content = file
        filename = os.path.basename(os.fsdecode(_name_of(content))) or "upload"
    given = Headers(headers, encoding="utf-8")
    lines = [] if b"content-disposition" in (field[1] for field in given.fields) else [_disposition(name, filename)]
    lines += [b"%b: %b" % field for field in given.raw]
    if given.find(b"content-type") is None:
        content_type = content_type or (_guessed_type(filename) if filename else None)
        if content_type is not None:
            lines.append(b"Content-Type: " + Headers({"Content-Type": content_type}, encoding="utf-8").raw[0][1])
    return b"\r\n".join(lines), _content(name, content)


def _content(name: str, content: typing.Any) -> bytes | FileByteStream | AsyncFileByteStream:
    if isinstance(content, str):
        return content.encode("utf-8")
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, io.TextIOBase):
        raise TypeError(f"file {name!r} was opened as text; open it in binary mode, 'rb'")
    if is_async_file(content):
        return AsyncFileByteStream(content)
    if not hasattr(content, "read"):
        raise TypeError(f"file {name!r} must be bytes, text or a binary file, not {type(content).__name__}")
    # The whole file, as HTTPX has it: what was written or looked at before is not what the caller wants left out.
    return FileByteStream(content, from_start=True)


def _disposition(name: str, filename: str | None = None) -> bytes:
    line = f'Content-Disposition: form-data; name="{_escape(name)}"'
    return (f'{line}; filename="{_escape(filename)}"' if filename else line).encode("utf-8", "replace")


def _escape(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"names in a form are text, not {type(name).__name__}")
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", name)


def _name_of(content: typing.Any) -> str | bytes:
    name = getattr(content, "name", "")
    # A file made from a descriptor has its number for a name, standard input a word in angle brackets.
    return name if isinstance(name, (str, bytes)) and name[:1] not in ("<", b"<") else ""


def _guessed_type(filename: str) -> str:
    import mimetypes

    # Without its directories, and not to be taken for a URL: `data:text/html…` would choose its own type.
    guessed = mimetypes.guess_type("/" + os.path.basename(filename))[0]
    return guessed or "application/octet-stream"
