"""What callers give as a body, turned into fields and a stream.

Bytes, text, JSON and forms are in memory and have a length; iterators are streamed in chunks (RFC 9112 §7.1) unless
their length can be told.
"""

from __future__ import annotations

import json as jsonlib
import os
import typing
import warnings
from collections.abc import AsyncIterable, Iterable, Mapping

from ._headers import Field
from ._query import flatten, form_encode
from ._streams import AsyncByteStream, AsyncIteratorByteStream, ByteStream, IteratorByteStream, SyncByteStream
from ._types import RequestContent, RequestData, ResponseContent

Stream = SyncByteStream | AsyncByteStream
Encoded = tuple[list[Field], Stream]

# One for all messages without a body: nothing in it can change.
EMPTY = ByteStream(b"")

_CHUNKED: Field = (b"Transfer-Encoding", b"transfer-encoding", b"chunked")
_JSON: Field = (b"Content-Type", b"content-type", b"application/json")
_FORM: Field = (b"Content-Type", b"content-type", b"application/x-www-form-urlencoded")
_TEXT: Field = (b"Content-Type", b"content-type", b"text/plain; charset=utf-8")
_HTML: Field = (b"Content-Type", b"content-type", b"text/html; charset=utf-8")


def encode_request(
    content: RequestContent | None = None,
    data: RequestData | None = None,
    json: typing.Any = None,
) -> Encoded:
    """Return the fields that describe a request's body, and its stream."""
    if data is not None and not isinstance(data, Mapping):
        # The way of requests; HTTPX kept it with a warning, and programs moved over with it.
        warnings.warn("use content=… to send bytes or text; data=… is for forms", DeprecationWarning, stacklevel=4)
        return _content(data)
    if content is not None:
        return _content(content)
    if data:
        return _whole(form_encode(flatten(data)).encode("ascii"), _FORM)
    if json is not None:
        return _whole(json_bytes(json), _JSON)
    return [], EMPTY


def encode_response(
    content: ResponseContent | None = None,
    text: str | None = None,
    html: str | None = None,
    json: typing.Any = None,
) -> Encoded:
    """Return the fields that describe a response's body, and its stream."""
    if content is not None:
        return _content(content)
    if text is not None:
        return _whole(text.encode("utf-8"), _TEXT)
    if html is not None:
        return _whole(html.encode("utf-8"), _HTML)
    if json is not None:
        return _whole(json_bytes(json), _JSON)
    return [], EMPTY


def json_bytes(value: typing.Any) -> bytes:
    """Return `value` as compact JSON in UTF-8 (RFC 8259); raises `ValueError` for NaN and infinities."""
    return jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def content_length(length: int) -> Field:
    """Return the field that announces a body of `length` bytes."""
    return b"Content-Length", b"content-length", b"%d" % length


def _whole(body: bytes, content_type: Field) -> Encoded:
    return [content_length(len(body)), content_type], ByteStream(body)


def _content(content: typing.Any) -> Encoded:
    if isinstance(content, (bytes, str)):
        body = content.encode("utf-8") if isinstance(content, str) else content
        return ([content_length(len(body))] if body else []), ByteStream(body)
    if isinstance(content, (bytearray, memoryview)):
        return _content(bytes(content))
    if isinstance(content, Mapping):
        raise TypeError("content=… takes bytes, text or an iterable of bytes; a mapping goes into data=… or json=…")
    if isinstance(content, AsyncIterable):
        # An object that is both (an async file, a stream of ours) is used as it is where it can be.
        if isinstance(content, AsyncByteStream):
            return [_CHUNKED], content
        return [_CHUNKED], AsyncIteratorByteStream(content)
    if isinstance(content, Iterable):
        length = _length_left(content)
        field = _CHUNKED if length is None else content_length(length)
        if isinstance(content, SyncByteStream):
            return [field], content
        return [field], IteratorByteStream(content)
    raise TypeError(f"a body is made of bytes, text or an iterable of bytes, not {type(content).__name__}")


def _length_left(content: typing.Any) -> int | None:
    """Return how many bytes an open file still has from its position, or None where nobody can tell."""
    if not hasattr(content, "read"):
        return None
    try:
        position = int(content.tell())
        try:
            end = os.fstat(content.fileno()).st_size
        except (AttributeError, OSError):
            end = int(content.seek(0, os.SEEK_END))
            content.seek(position)
    except (AttributeError, OSError, ValueError):
        return None
    return max(end - position, 0)
