"""`Response`: status, fields and body of what came back; the object a transport makes is the one the caller holds.

A response is read as a whole (`read`, then `content`, `text`, `json`), or in pieces (`iter_bytes` and its kin), each
with an async twin. Content codings are undone on the way. Reading to the end, or closing, gives the connection back.
"""

from __future__ import annotations

import sys
import time
import typing
from collections.abc import Callable, Generator, Mapping

from ._codecs import LimitedDecoder, decoder_for
from ._content import encode_response
from ._cookies import Cookies
from ._exceptions import (
    DecodingError,
    HTTPStatusError,
    RequestError,
    ResponseNotRead,
    StreamClosed,
    StreamConsumed,
)
from ._fields import read_links
from ._headers import Headers
from ._iteration import AsyncIteration, Decoding, Reading, Stages, flushed, iterate, passed
from ._request import Request
from ._streams import AsyncByteStream, ByteStream, SyncByteStream, UnattachedStream
from ._text import ByteChunker, LineDecoder, LineParser, TextChunker, charset_of, is_charset
from ._types import HeaderTypes, JSONDecoder, ResponseContent, ResponseExtensions
from ._urls import URL

if typing.TYPE_CHECKING:
    import datetime


class Response:
    """An HTTP response.

    Made by a transport with `stream`, or by a program or test with `content`, `text`, `html` or `json`.
    `extensions` are notes from the transport: `http_version` and `reason_phrase` as bytes, and more.
    `default_encoding` is the charset of text that names none: a name, or a function from the content to a name.

    Against content that unfolds to more than memory holds, `max_decoded_bytes` and `max_ratio` are set before the body
    is read: here, or for one request by its extension `{"decoding": {"max_decoded_bytes": …, "max_ratio": …}}`. Reading
    more raises `DecodingLimitExceeded`; `iter_raw` gives what was received, and has no limit.
    """

    # What most responses never get stands on the class, so that making one sets what differs and nothing else.
    is_closed = False
    """Whether the body was read to its end, or given up, and the connection was given back."""
    is_stream_consumed = False
    """Whether reading the body has begun."""
    next_request: Request | None = None
    """The request that would follow this redirect, where redirects are not followed."""
    default_encoding: str | Callable[[bytes], str | None] = "utf-8"
    max_decoded_bytes: int | None = None
    """How many bytes the content may have once its codings are undone; None is no limit."""
    max_ratio: float | None = None
    """How many times larger than the bytes received the content may be, past its first 256 KiB; None is no limit."""
    json_decoder: JSONDecoder | None = None
    """What `json` reads the body with; None is `json.loads`."""

    _request: Request | None = None
    _cookies: Cookies | None = None
    _num_bytes_downloaded = 0
    _encoding: str | None = None
    _started: float | None = None
    _ended: float | None = None
    _elapsed: datetime.timedelta | None = None
    _content: bytes
    _text: str

    stream: SyncByteStream | AsyncByteStream
    extensions: dict[str, typing.Any]
    history: list[Response]

    def __init__(
        self,
        status_code: int,
        *,
        headers: HeaderTypes | None = None,
        content: ResponseContent | None = None,
        text: str | None = None,
        html: str | None = None,
        json: typing.Any = None,
        stream: SyncByteStream | AsyncByteStream | None = None,
        request: Request | None = None,
        extensions: ResponseExtensions | None = None,
        history: list[Response] | None = None,
        default_encoding: str | Callable[[bytes], str | None] = "utf-8",
    ) -> None:
        self.status_code = status_code
        self.headers = Headers(headers)
        if request is not None:
            self._request = request
        self.extensions = {} if extensions is None else dict(extensions)
        self.history = [] if history is None else list(history)
        if default_encoding != "utf-8":
            self.default_encoding = default_encoding
        if stream is not None:
            self.stream = stream
            return
        fields, self.stream = encode_response(content, text, html, json)
        present = {lower for _, lower, _ in self.headers.fields}
        # Content that was given as a whole has its length; a coding field that stands beside it says how it was sent.
        frames_itself = b"transfer-encoding" in present
        for field in fields:
            if field[1] not in present and not (frames_itself and field[1] == b"content-length"):
                self.headers.fields.append(field)
        if isinstance(self.stream, ByteStream):
            self.read()
            self._num_bytes_downloaded = 0  # none of it came over a wire

    @classmethod
    def from_parts(
        cls,
        status_code: int,
        headers: Headers,
        stream: SyncByteStream | AsyncByteStream,
        request: Request,
        extensions: dict[str, typing.Any],
    ) -> Response:
        """Build a response from finished parts, which are adopted and not copied: the way a transport makes one."""
        response = cls.__new__(cls)
        response.status_code = status_code
        response.headers = headers
        response.stream = stream
        response._request = request
        response.extensions = extensions
        response.history = []
        return response

    # What it says

    @property
    def request(self) -> Request:
        """The request this answers. Raises `RuntimeError` for a response made without one."""
        if self._request is None:
            raise RuntimeError("this response was made without its request")
        return self._request

    @request.setter
    def request(self, value: Request) -> None:
        self._request = value

    @property
    def url(self) -> URL:
        """The URL of the request this answers."""
        return self.request.url

    @property
    def http_version(self) -> str:
        """The protocol the response came in: `"HTTP/1.1"`."""
        version = self.extensions.get("http_version")
        return "HTTP/1.1" if version is None else str(version, "ascii", "ignore")

    @property
    def reason_phrase(self) -> str:
        """The reason phrase as it was sent, or the registered one of the status code."""
        phrase = self.extensions.get("reason_phrase")
        if phrase is not None:
            return str(phrase, "ascii", "ignore")
        from ._status import codes

        return codes.get_reason_phrase(self.status_code)

    @property
    def is_informational(self) -> bool:
        """Whether the status is 1xx."""
        return 100 <= self.status_code <= 199

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code <= 299

    @property
    def is_redirect(self) -> bool:
        """Whether the status is 3xx."""
        return 300 <= self.status_code <= 399

    @property
    def is_client_error(self) -> bool:
        """Whether the status is 4xx."""
        return 400 <= self.status_code <= 499

    @property
    def is_server_error(self) -> bool:
        """Whether the status is 5xx."""
        return 500 <= self.status_code <= 599

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return 400 <= self.status_code <= 599

    @property
    def has_redirect_location(self) -> bool:
        """Whether this is a redirect that says where to (RFC 9110 §15.4)."""
        return self.status_code in (301, 302, 303, 307, 308) and self.headers.find(b"location") is not None

    def raise_for_status(self) -> Response:
        """Return the response itself if its status is 2xx; raise `HTTPStatusError` otherwise.

        The error's text names the method and the URL without userinfo and query values.
        """
        request = self._request
        if request is None:
            raise RuntimeError("raise_for_status() needs a response that knows its request")
        if self.is_success:
            return self
        kinds = {1: "informational response", 3: "redirect response", 4: "client error", 5: "server error"}
        kind = kinds.get(self.status_code // 100, "response with an unknown kind of status")
        phrase = f" {self.reason_phrase}" if self.reason_phrase else ""
        location = self.headers.get("location")
        whereto = ""
        if self.has_redirect_location and location:
            whereto = "; it points elsewhere (see its location field), and redirects were not followed"
        message = f"{kind} {self.status_code}{phrase} for {request.method} {request.url.masked}{whereto}"
        raise HTTPStatusError(message, request=request, response=self)

    @property
    def cookies(self) -> Cookies:
        """The cookies that this response sets. Raises `RuntimeError` for a response made without its request."""
        if self._cookies is None:
            cookies = Cookies()
            cookies.extract_cookies(self)
            self._cookies = cookies
        return self._cookies

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The links of the `Link` field (RFC 8288): parameters and `url`, by relation, or by URL without one."""
        return read_links(self.headers.get("link", ""))

    # Time

    @property
    def elapsed(self) -> datetime.timedelta:
        """The time from sending the request to the end of the body, or to closing.

        Raises `RuntimeError` before that, and for a response that no client received.
        """
        if self._elapsed is None:
            if self._started is None or self._ended is None:
                raise RuntimeError("elapsed is known once the response was read or closed")
            import datetime

            self._elapsed = datetime.timedelta(seconds=self._ended - self._started)
        return self._elapsed

    @elapsed.setter
    def elapsed(self, value: datetime.timedelta) -> None:
        self._elapsed = value

    def time_from(self, started: float, request: Request | None = None) -> None:
        """Measure `elapsed` from `started`, a reading of `time.perf_counter()`.

        `request` is what it answers, for a response whose transport did not say.
        """
        self._started = started
        if self._request is None and request is not None:
            self._request = request
        if self.is_closed:
            self._ended = time.perf_counter()

    # Text

    @property
    def content(self) -> bytes:
        """The body, content codings undone. Raises `ResponseNotRead` before it was read."""
        if not hasattr(self, "_content"):
            raise ResponseNotRead()
        return self._content

    @property
    def charset_encoding(self) -> str | None:
        """The charset that the `Content-Type` field names, or None."""
        return charset_of(self.headers.get("content-type"))

    @property
    def encoding(self) -> str:
        """The encoding that `text` is read with: one that was set, the field's charset, the default, or UTF-8.

        Setting it raises `ValueError` once `text` was read, and `LookupError` for no encoding of text.
        """
        if self._encoding is None:
            charset = self.charset_encoding
            if charset is None or not is_charset(charset):
                default = self.default_encoding
                if isinstance(default, str):
                    charset = default
                elif hasattr(self, "_content"):
                    charset = default(self._content)
                else:
                    return "utf-8"  # a detector needs the content; it is asked again once that is there
            self._encoding = charset if charset and is_charset(charset) else "utf-8"
        return self._encoding

    @encoding.setter
    def encoding(self, value: str) -> None:
        if hasattr(self, "_text"):
            raise ValueError("encoding cannot be changed after text was read")
        if not is_charset(value):
            raise LookupError(f"{value!r} is no encoding of text")
        self._encoding = value

    @property
    def text(self) -> str:
        """The body as text; bytes that are malformed in `encoding` become U+FFFD."""
        if not hasattr(self, "_text"):
            content = self.content
            self._text = content.decode(self.encoding, "replace") if content else ""
        return self._text

    def json(self, *, loads: JSONDecoder | None = None, **kwargs: typing.Any) -> typing.Any:
        """Return the body parsed as JSON by `loads`, which takes bytes: `json.loads`, `orjson.loads` or another.

        Without `loads` that is the client's `json_decoder`, or `json.loads`. Other keywords go to it, and it raises its
        own error; that of `json.loads` is a `ValueError`.
        """
        return self._json_decoder(loads)(self.content, **kwargs)

    def _json_decoder(self, loads: JSONDecoder | None) -> JSONDecoder:
        decoder = loads or self.json_decoder
        if decoder is None:
            import json

            decoder = json.loads
        return decoder

    # Reading as a whole

    def read(self) -> bytes:
        """Read the body to its end and return it; the connection is given back.

        Raises `StreamConsumed` or `StreamClosed` where it was read or closed before, `DecodingError` for content
        that is damaged or cut short, and whatever the transport meets.
        """
        if hasattr(self, "_content") or self.read_at_hand():
            return self._content
        if self._is_limited:  # step by step, so that what is too much is never here as a whole
            self._content = b"".join(iterate(self, ()))
            return self._content
        stream = self._begin(SyncByteStream)
        try:
            self._content = self._decoded(stream.read_all())
        finally:
            self.close()
        return self._content

    async def aread(self) -> bytes:
        """Read the body to its end and return it; `read`, for an async client."""
        if hasattr(self, "_content") or self.read_at_hand():
            return self._content
        if self._is_limited:
            pieces: AsyncIteration[bytes] = AsyncIteration(self, ())
            self._content = b"".join([piece async for piece in pieces])
            return self._content
        stream = self._begin(AsyncByteStream)
        try:
            self._content = self._decoded(await stream.aread_all())
        finally:
            await self.aclose()
        return self._content

    def read_at_hand(self) -> bool:
        """Read a body that came whole with its head, as small ones do, and return True; False leaves it as it is.

        False is also for one that was read or closed before, and where a content coding is to be undone or a limit kept
        (RFC 9110 §8.4): those are for `read` and `aread`. Nothing is waited for.
        """
        stream = self.stream
        if type(stream) is not ByteStream or self.is_closed or self.is_stream_consumed:
            return False
        if self.headers.find(b"content-encoding") is not None or self._is_limited:
            return False
        self.is_stream_consumed = self.is_closed = True
        self._content = raw = stream.read_all()
        self._num_bytes_downloaded = len(raw)
        self._ended = time.perf_counter()
        return True

    def _decoded(self, raw: bytes) -> bytes:
        self._num_bytes_downloaded = len(raw)
        if self.headers.find(b"content-encoding") is None:
            return raw
        try:
            stages = self._decoding_stages()
            return b"".join([*passed(stages, raw), *flushed(stages)])
        except DecodingError as error:
            self._blame(error)
            raise

    # What `_iteration` needs

    @property
    def _is_read(self) -> bool:
        return hasattr(self, "_content")

    @property
    def _is_limited(self) -> bool:
        request = self._request
        if request is not None and "decoding" in request.extensions:
            self._adopt_limits(request.extensions["decoding"])
        return self.max_decoded_bytes is not None or self.max_ratio is not None

    def _decoding_stages(self) -> Stages:
        content_encoding = self.headers.find(b"content-encoding")
        decoder = None if content_encoding is None else decoder_for(content_encoding.decode("latin-1"))
        if self._is_limited:
            return (Decoding(LimitedDecoder(decoder, self.max_decoded_bytes, self.max_ratio)),)
        return () if decoder is None else (Decoding(decoder),)

    def _count(self, chunk: bytes) -> None:
        self._num_bytes_downloaded += len(chunk)

    def _blame(self, error: RequestError) -> None:
        if self._request is not None:
            error.request = self._request

    # Reading in pieces

    def iter_raw(self, chunk_size: int | None = None) -> Generator[bytes, None, None]:
        """Give the body as it came, content codings in place; in chunks of `chunk_size` bytes, the last excepted."""
        return iterate(self, _chunks(chunk_size), is_raw=True)

    def iter_bytes(self, chunk_size: int | None = None) -> Generator[bytes, None, None]:
        """Give the body, content codings undone; in chunks of `chunk_size` bytes, the last excepted.

        Without a size the chunks are as the network gave them. A response that was read can be iterated again.
        """
        return iterate(self, _chunks(chunk_size))

    def iter_text(self, chunk_size: int | None = None) -> Generator[str, None, None]:
        """Give the body as text; in chunks of `chunk_size` characters, the last excepted.

        It is read as `text` is; a function for `default_encoding` has no content to look at yet, and UTF-8 is taken.
        """
        return iterate(self, self._text_stages(chunk_size))

    def iter_lines(self) -> Generator[str, None, None]:
        """Give the lines of the body's text without their ends, which are LF, CR or CRLF and nothing else."""
        return iterate(self, self._line_stages())

    def iter_ndjson(self, *, loads: JSONDecoder | None = None) -> Generator[typing.Any, None, None]:
        """Give the value of each line of newline-delimited JSON as soon as it is complete; blank lines are skipped.

        `loads` is that of `json`. Where it raises `ValueError`, that is raised anew with the number of the line.
        """
        return iterate(self, (*self._line_stages(), LineParser(self._json_decoder(loads))))

    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIteration[bytes]:
        """`iter_raw`, for an async client."""
        return AsyncIteration(self, _chunks(chunk_size), is_raw=True)

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIteration[bytes]:
        """`iter_bytes`, for an async client."""
        return AsyncIteration(self, _chunks(chunk_size))

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIteration[str]:
        """`iter_text`, for an async client."""
        return AsyncIteration(self, self._text_stages(chunk_size))

    def aiter_lines(self) -> AsyncIteration[str]:
        """`iter_lines`, for an async client."""
        return AsyncIteration(self, self._line_stages())

    def aiter_ndjson(self, *, loads: JSONDecoder | None = None) -> AsyncIteration[typing.Any]:
        """`iter_ndjson`, for an async client."""
        return AsyncIteration(self, (*self._line_stages(), LineParser(self._json_decoder(loads))))

    def _text_stages(self, chunk_size: int | None) -> Stages:
        reading = Reading(self.encoding)
        return (reading,) if chunk_size is None else (reading, TextChunker(chunk_size))

    def _line_stages(self) -> Stages:
        return Reading(self.encoding), LineDecoder()

    @property
    def num_bytes_downloaded(self) -> int:
        """How many bytes of the body have come by now, content codings in place; for progress bars."""
        return self._num_bytes_downloaded

    def _begin(self, colour: type[typing.Any]) -> typing.Any:
        """Mark the stream as being read and return it; each stream is read once and in its own colour."""
        if self.is_stream_consumed:
            raise StreamConsumed()
        if self.is_closed:
            raise StreamClosed()
        if not isinstance(self.stream, colour):
            if colour is SyncByteStream:
                raise RuntimeError("this response came from an async client; use aread(), aiter_…() and aclose()")
            raise RuntimeError("this response came from a sync client; use read(), iter_…() and close()")
        self.is_stream_consumed = True
        return self.stream

    def _adopt_limits(self, limits: Mapping[str, typing.Any]) -> None:
        """Take the limits that came with the request, unless the response was given its own."""
        for name in ("max_decoded_bytes", "max_ratio"):
            if name in limits and name not in self.__dict__:
                setattr(self, name, limits[name])

    # Closing

    def close(self) -> None:
        """Give the connection back; what was not read is given up. Closing again does nothing."""
        if not self.is_closed:
            if not isinstance(self.stream, SyncByteStream):
                raise RuntimeError("this response came from an async client; use `await response.aclose()`")
            self.is_closed = True
            self._ended = time.perf_counter()
            self.stream.close()

    async def aclose(self) -> None:
        """Give the connection back; `close`, for an async client."""
        if not self.is_closed:
            if not isinstance(self.stream, AsyncByteStream):
                raise RuntimeError("this response came from a sync client; use `response.close()`")
            self.is_closed = True
            self._ended = time.perf_counter()
            await self.stream.aclose()

    def __repr__(self) -> str:
        phrase = f" {self.reason_phrase}" if self.reason_phrase else ""
        return f"<{type(self).__name__} [{self.status_code}{phrase}]>"

    def __getstate__(self) -> dict[str, typing.Any]:
        left_behind = {"extensions", "stream", "is_closed", "_started", "_ended"}
        if self._started is not None and self._ended is not None:
            _ = self.elapsed  # what the clock said is kept, and not the clock
        if not isinstance(self.default_encoding, str):
            # What it says of the content is kept, since most functions cannot be pickled.
            _ = self.encoding
            left_behind.add("default_encoding")
        if not _is_importable(self.json_decoder):
            left_behind.add("json_decoder")
        return {name: value for name, value in self.__dict__.items() if name not in left_behind}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.__dict__.update(state)
        self.is_closed = True
        self.extensions = {}
        self.stream = UnattachedStream()


def _is_importable(thing: typing.Any) -> bool:
    """Return whether a pickle can say where to find this function."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    return module is not None and getattr(module, getattr(thing, "__qualname__", ""), None) is thing


def _chunks(chunk_size: int | None) -> Stages:
    return () if chunk_size is None else (ByteChunker(chunk_size),)
