"""`Request`: method, URL, fields and body of what is sent; the same object from the caller to the wire."""

from __future__ import annotations

import typing

from ._content import EMPTY, content_length, encode_request
from ._cookies import Cookies
from ._exceptions import RequestNotRead
from ._headers import Field, Headers
from ._streams import AsyncByteStream, ByteStream, SyncByteStream, UnattachedStream
from ._types import (
    CookieTypes,
    HeaderTypes,
    JSONEncoder,
    QueryParamTypes,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
)
from ._urls import URL

# RFC 9110 §8.6: these announce the length of their content even where it is nothing.
_EXPECTS_CONTENT = {"POST", "PUT", "PATCH"}
_FRAMING = {b"content-length", b"transfer-encoding"}


class Request:
    """An HTTP request.

    `content` (bytes, text, an iterable or async iterable of bytes, a binary file), `data` (a form), `files` (with
    `data`, a multipart form), `json`, or `stream` is its body; `params` replaces the query of `url`; `cookies` become
    its `Cookie` field, unless `headers` has one; `extensions` are notes for the transport, such as
    `{"timeout": {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}}` in seconds. `Host`, and
    `Content-Length` or `Transfer-Encoding`, are added where they are missing.

    A file is its content (bytes, text, a binary file, a file with `async def read`), or a tuple `(filename, content)`,
    `(filename, content, content type)` or `(filename, content, content type, headers)`; the filename may be None.
    `json_encoder` turns `json` into text or bytes in the place of `json.dumps`.

    Raises `InvalidURL` and `InvalidHeader` for what may not be sent.

    >>> request = Request("POST", "https://example.org/", data={"to": "me"}, files={"report": ("r.txt", b"all well")})
    >>> request.headers["content-type"].partition(";")[0]
    'multipart/form-data'
    """

    stream: SyncByteStream | AsyncByteStream

    def __init__(
        self,
        method: str,
        url: URL | str,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        stream: SyncByteStream | AsyncByteStream | None = None,
        extensions: RequestExtensions | None = None,
        json_encoder: JSONEncoder | None = None,
    ) -> None:
        self.method = method.upper()
        self.url = URL(url) if params is None else URL(url, params=params)
        self.extensions: dict[str, typing.Any] = {} if extensions is None else dict(extensions)
        given = Headers(headers)
        if stream is not None:
            # A stream that is given comes with fields that are given: nobody else knows its length.
            self.stream = stream
            self.headers = Headers.from_wire(_framed("", self.url, given.fields, []))
        else:
            added, self.stream = encode_request(content, data, json, files, json_encoder, given.fields)
            self.headers = Headers.from_wire(_framed(self.method, self.url, given.fields, added))
        if given.encoding != "ascii":
            self.headers.encoding = given.encoding
        if isinstance(self.stream, ByteStream):
            self._content = self.stream.read_all()
        if cookies is not None:
            (cookies if isinstance(cookies, Cookies) else Cookies(cookies)).set_cookie_header(self)

    @classmethod
    def from_parts(
        cls,
        method: str,
        url: URL,
        fields: list[Field],
        extensions: dict[str, typing.Any],
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        files: RequestFiles | None = None,
        json_encoder: JSONEncoder | None = None,
    ) -> Request:
        """Build a request from finished parts, which are adopted and not copied: the way a client makes one.

        `method` is in upper case, `fields` were checked, `extensions` belongs to this request alone.
        """
        request = cls.__new__(cls)
        request.method = method
        request.url = url
        request.extensions = extensions
        if content is None and data is None and json is None and not files:
            if method not in _EXPECTS_CONTENT:
                for field in fields:
                    if field[1] == b"host":
                        break
                else:
                    host = url.host_field
                    if host[2]:
                        fields.insert(0, host)
                request.headers = Headers.from_wire(fields)
                request.stream = EMPTY
                request._content = b""
                return request
            added: list[Field] = []
            request.stream = EMPTY
        else:
            added, request.stream = encode_request(content, data, json, files, json_encoder, fields)
        request.headers = Headers.from_wire(_framed(method, url, fields, added))
        if isinstance(request.stream, ByteStream):
            request._content = request.stream.read_all()
        return request

    @property
    def content(self) -> bytes:
        """The body. Raises `RequestNotRead` while a streaming body has not been read."""
        if not hasattr(self, "_content"):
            raise RequestNotRead()
        return self._content

    def read(self) -> bytes:
        """Read the body into memory and return it; afterwards it can be sent again."""
        if not hasattr(self, "_content"):
            if not isinstance(self.stream, SyncByteStream):
                raise RuntimeError("this request has an async body; use `await request.aread()`")
            self._keep(self.stream.read_all())
        return self._content

    async def aread(self) -> bytes:
        """Read the body into memory and return it; afterwards it can be sent again."""
        if not hasattr(self, "_content"):
            if isinstance(self.stream, AsyncByteStream):
                self._keep(await self.stream.aread_all())
            else:
                self._keep(self.stream.read_all())
        return self._content

    def _keep(self, content: bytes) -> None:
        self._content = content
        self.stream = ByteStream(content)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.method!r}, {self.url.masked!r})>"

    def __getstate__(self) -> dict[str, typing.Any]:
        if getattr(self.stream, "is_in_memory", False):
            self.read()
        return {name: value for name, value in self.__dict__.items() if name not in ("extensions", "stream")}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.__dict__.update(state)
        self.extensions = {}
        self.stream = ByteStream(self._content) if "_content" in state else UnattachedStream()


def _framed(method: str, url: URL, fields: list[Field], added: list[Field]) -> list[Field]:
    """Return the fields of a message: `Host` first, then the caller's in their order, then what the body needs.

    A caller's `Content-Length` or `Transfer-Encoding` replaces ours of either name, and of the caller's two the
    transfer coding wins: never both (RFC 9112 §6.2).
    """
    names = {lower for _, lower, _ in fields}
    if b"transfer-encoding" in names and b"content-length" in names:
        fields = [field for field in fields if field[1] != b"content-length"]
    if not added and method in _EXPECTS_CONTENT:
        added = [content_length(0)]
    if not names.isdisjoint(_FRAMING):
        added = [field for field in added if field[1] not in _FRAMING]
    host = [] if b"host" in names or not url.raw_host else [url.host_field]
    return host + fields + [field for field in added if field[1] not in names]
