"""What callers give as a body, turned into fields and a stream.

Bytes, text, JSON and forms are in memory and have a length; iterators and files are streamed, in chunks (RFC 9112 §7.1)
where their length cannot be told.
"""

from __future__ import annotations

import io
import sys
import typing
import warnings
from collections.abc import AsyncIterable, Iterable, Mapping

from ._headers import Field
from ._query import flatten, form_encode
from ._streams import (
    AsyncByteStream,
    AsyncFileByteStream,
    AsyncIteratorByteStream,
    ByteStream,
    FileByteStream,
    IteratorByteStream,
    SyncByteStream,
    is_async_file,
)
from ._types import JSONEncoder, RequestContent, RequestData, RequestFiles, ResponseContent

Stream = SyncByteStream | AsyncByteStream
Encoded = tuple[list[Field], Stream]

# One for all messages without a body: nothing in it can change.
EMPTY = ByteStream(b"")

# Above the mistake that a warning is about; only names, nothing is imported.
_OURS = {"courser_models", "courser_client", "courser"}

_CHUNKED: Field = (b"Transfer-Encoding", b"transfer-encoding", b"chunked")
_JSON: Field = (b"Content-Type", b"content-type", b"application/json")
_FORM: Field = (b"Content-Type", b"content-type", b"application/x-www-form-urlencoded")
_TEXT: Field = (b"Content-Type", b"content-type", b"text/plain; charset=utf-8")
_HTML: Field = (b"Content-Type", b"content-type", b"text/html; charset=utf-8")


def encode_request(
    content: RequestContent | None = None,
    data: RequestData | None = None,
    json: typing.Any = None,
    files: RequestFiles | None = None,
    json_encoder: JSONEncoder | None = None,
    fields: list[Field] | None = None,
) -> Encoded:
    """Return the fields that describe a request's body, and its stream.

    `fields` are the request's own, for the boundary of a multipart form that may stand there; a `Content-Type` that
    wants one and has none gets it.
    """
    if data is not None and not files and not isinstance(data, Mapping):
        # The way of requests; HTTPX kept it with a warning, and programs moved over with it.
        warnings.warn(
            "use content=… to send bytes or text; data=… is for forms", DeprecationWarning, stacklevel=_stack_level()
        )
        return _content(data)
    if content is not None:
        return _content(content)
    if files:
        # Few requests carry files, and few programs send any.
        from ._multipart import encode_multipart

        content_type, length, stream = encode_multipart(data, files, [] if fields is None else fields)
        return [_CHUNKED if length is None else content_length(length), content_type], stream
    if data:
        return _whole(form_encode(flatten(data)).encode("ascii"), _FORM)
    if json is not None:
        return _whole(json_bytes(json) if json_encoder is None else _encoded_by(json_encoder, json), _JSON)
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
    import json as jsonlib

    return jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def _encoded_by(encoder: JSONEncoder, value: typing.Any) -> bytes:
    encoded = encoder(value)
    if isinstance(encoded, str):
        return encoded.encode("utf-8")
    if isinstance(encoded, (bytes, bytearray, memoryview)):
        return bytes(encoded)
    raise TypeError(f"json_encoder must return text or bytes, not {type(encoded).__name__}")


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
    # An object that is both (an async file, a stream of ours) is used as it is where it can be.
    if isinstance(content, (SyncByteStream, AsyncByteStream)):
        return [_CHUNKED], content
    if isinstance(content, io.TextIOBase):
        raise TypeError("a file that is sent must be opened in binary mode, 'rb'")
    if is_async_file(content):
        return [_CHUNKED], AsyncFileByteStream(content)
    if isinstance(content, AsyncIterable):
        return [_CHUNKED], AsyncIteratorByteStream(content)
    if hasattr(content, "read"):
        file = FileByteStream(content)
        return [_CHUNKED if file.length is None else content_length(file.length)], file
    if isinstance(content, Iterable):
        return [_CHUNKED], IteratorByteStream(content)
    raise TypeError(f"a body is made of bytes, text or an iterable of bytes, not {type(content).__name__}")


def _stack_level() -> int:
    """Return the `stacklevel` of the first caller outside of courser, for a warning in the function that asks."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level
