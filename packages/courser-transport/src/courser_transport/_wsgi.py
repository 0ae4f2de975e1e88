"""`WSGITransport`: requests go to a WSGI app in this process (PEP 3333), in the thread of whoever asks.

The app's iterable is read only as far as its first bytes before the response is handed over; the reader reads the
rest, and closes it.
"""

from __future__ import annotations

import io
import itertools
import sys
import traceback
import typing
from collections.abc import Callable, Iterable, Iterator

from courser_models import BaseTransport, Headers, Request, Response, SyncByteStream

from ._exceptions import ReadTimeout, RemoteProtocolError
from ._in_process import AnnouncedLength, has_no_content, limits_of, port_of

if typing.TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class WSGITransport(BaseTransport):
    """Sends requests to a WSGI app.

    The app runs in the caller's thread: its response is streamed as its iterable gives it, a request's body as the app
    reads `wsgi.input`, and what it gives to `write` comes first. Nothing can interrupt it, so only the `total` time-out
    of a request counts, between two chunks.

    - `raise_app_exceptions`: raise what the app raises, or gives to `start_response` as `exc_info`; otherwise what it
      raises is written to `wsgi.errors`, and becomes a response 500, or `RemoteProtocolError` where the response had
      begun. Default True
    - `script_name`, `remote_addr`: what the app is told of its place, and of its client's address
    - `wsgi_errors`: where the app writes what went wrong. Default `sys.stderr`

    A request raises `RemoteProtocolError` for an app that does not keep to WSGI.

    >>> from courser_models import Request
    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return [environ["PATH_INFO"].encode()]
    >>> WSGITransport(app).handle_request(Request("GET", "http://app/hello")).read()
    b'/hello'
    """

    def __init__(
        self,
        app: WSGIApplication,
        raise_app_exceptions: bool = True,
        script_name: str = "",
        remote_addr: str = "127.0.0.1",
        wsgi_errors: typing.TextIO | None = None,
    ) -> None:
        self.app = app
        self.raise_app_exceptions = raise_app_exceptions
        self.script_name = script_name
        self.remote_addr = remote_addr
        self.wsgi_errors = wsgi_errors

    def handle_request(self, request: Request) -> Response:
        """Send `request` to the app and return its response as soon as it has given its first bytes."""
        if not isinstance(request.stream, SyncByteStream):
            raise RuntimeError("a sync client cannot send an async body; give bytes, a file or an iterable")
        body = _Input(request.stream)
        return AppCall(self.app, self._environ(request, body), request, self.raise_app_exceptions).response(body)

    def _environ(self, request: Request, body: _Input) -> dict[str, typing.Any]:
        url = request.url
        environ: dict[str, typing.Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": io.BufferedReader(body),
            "wsgi.input_terminated": True,  # it ends where the body does, so one without a length can be read
            "wsgi.errors": self.wsgi_errors or sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self.script_name,
            "PATH_INFO": url.path.encode("utf-8", "surrogateescape").decode("latin-1"),
            "QUERY_STRING": url.query.decode("ascii"),
            "SERVER_NAME": url.host,
            "SERVER_PORT": str(port_of(url) or ""),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.remote_addr,
        }
        for _, name, value in request.headers.fields:
            key = name.decode("ascii").upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            text = value.decode("latin-1")
            if key in environ:
                text = environ[key] + ("; " if key == "HTTP_COOKIE" else ", ") + text
            environ[key] = text
        return environ


class AppCall:
    """One request in a WSGI app: what it said of its response, and the iterable that gives the body."""

    def __init__(self, app: WSGIApplication, environ: dict[str, typing.Any], request: Request, raises: bool) -> None:
        self._app = app
        self._environ = environ
        self._request = request
        self._raises = raises
        _, self._total = limits_of(request)
        self._status = 0
        self._reason = ""
        self._headers = Headers()
        self._length = AnnouncedLength(None)
        self._excuse: BaseException | None = None  # what the app answers because of
        self._written: list[typing.Any] = []
        self._has_begun = False
        self._result: Iterable[bytes] | None = None

    def response(self, body: _Input) -> Response:
        """Call the app, and return the response with its first bytes at hand; `body` is the request's."""
        try:
            self._result = self._app(self._environ, self._start_response)
            chunks = self._chunks(self._result)
            first = next(chunks, b"")
            if not self._status:
                raise self._wrong("ended without a response")
            for error in (body.error, self._excuse if self._raises else None):
                if error is not None:
                    raise error
        except BaseException as error:
            self._close(error)
            if self._is_let_out(error, body):
                raise
            self._write_down(error)
            return Response(500, headers=[("Content-Length", "0")], request=self._request)
        extensions = {"reason_phrase": self._reason.encode("latin-1")} if self._reason else {}
        stream = AppBody(self, first, chunks, body)
        return Response.from_parts(self._status, self._headers, stream, self._request, extensions)

    def next_chunk(self, chunks: Iterator[bytes], body: _Input) -> bytes:
        """Return what the app gives next, `b""` at the end."""
        if self._total is not None and self._total.left() == 0:
            raise ReadTimeout(
                f"waiting for the app to answer {self._name} timed out {self._total.words}", request=self._request
            )
        try:
            chunk = next(chunks, b"")
            if body.error is not None:
                raise body.error
            return chunk
        except BaseException as error:
            if self._is_let_out(error, body):
                raise
            self._write_down(error)
            raise RemoteProtocolError(
                f"the app raised {type(error).__name__} before the end of its response to {self._name}",
                request=self._request,
            ) from error

    def close(self) -> None:
        """Tell the app that nobody reads any more, or that all was read."""
        result, self._result = self._result, None
        close = getattr(result, "close", None)
        if close is None:
            return
        try:
            close()
        except Exception as error:
            if self._raises:
                raise
            self._write_down(error)

    def _close(self, error: BaseException) -> None:
        """Close because of `error`, which is the one that is told."""
        try:
            self.close()
        except Exception as another:
            error.add_note(f"and closing what the app gave raised {type(another).__name__}")

    @property
    def _name(self) -> str:
        return f"{self._request.method} {self._request.url.masked}"

    def _wrong(self, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(f"the app {what}, in answer to {self._name}", request=self._request)

    def _is_let_out(self, error: BaseException, body: _Input) -> bool:
        """Return whether an error is raised as it is: it is ours, or the client's own, or the app's are wanted."""
        is_ours = isinstance(error, RemoteProtocolError) and error.has_request and error.request is self._request
        return self._raises or is_ours or error is body.error or not isinstance(error, Exception)

    def _write_down(self, error: BaseException) -> None:
        traceback.print_exception(error, file=self._environ["wsgi.errors"])

    def _start_response(
        self, status: object, headers: typing.Any, exc_info: typing.Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info:
            if self._has_begun:
                raise exc_info[1].with_traceback(exc_info[2])
            self._excuse = exc_info[1]
        elif self._status:
            raise self._wrong("called start_response twice")
        code, _, reason = status.partition(" ") if isinstance(status, str) else ("", "", "")
        if not (len(code) == 3 and code.isascii() and code.isdigit() and code >= "200" and reason.isprintable()):
            raise self._wrong(f"called start_response with the status {status!r}")
        try:
            fields = Headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers])
        except (AttributeError, TypeError, ValueError) as error:
            raise self._wrong(f"called start_response with fields that are none ({error})") from error
        self._status, self._reason, self._headers = int(code), reason, fields
        self._length = AnnouncedLength.of(fields)
        return self._write

    def _write(self, data: bytes) -> None:
        self._written.append(data)
        self._has_begun = self._has_begun or bool(data)

    def _chunks(self, result: object) -> Iterator[bytes]:
        """Give what the app writes and what its iterable gives, in the order in which that happens."""
        if not isinstance(result, Iterable):
            raise self._wrong(f"returned {type(result).__name__}, which cannot be iterated")
        # Before and after what it gives there may be something that it has written.
        for chunk in itertools.chain((b"",), result, (b"",)):
            if self._status and has_no_content(self._request.method, self._status):
                return
            pieces, self._written = [*self._written, chunk], []
            for piece in pieces:
                if not isinstance(piece, bytes):
                    raise self._wrong(f"gave {type(piece).__name__} and not bytes")
                if piece:
                    if not self._status:
                        raise self._wrong("gave content before it called start_response")
                    if not self._length.takes(len(piece)):
                        raise self._wrong(self._length.complaint)
                    self._has_begun = True
                    yield piece
        if not self._length.is_enough:
            raise self._wrong(self._length.complaint)


class AppBody(SyncByteStream):
    """A response's body, as an app gives it."""

    def __init__(self, call: AppCall, first: bytes, chunks: Iterator[bytes], body: _Input) -> None:
        self._call = call
        self._first = first
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        chunk, self._first = self._first, b""
        while chunk:
            yield chunk
            chunk = self._call.next_chunk(self._chunks, self._body)
        self.close()

    def close(self) -> None:
        self._call.close()


class _Input(io.RawIOBase):
    """A request's body as a file, read from its stream as the app reads."""

    def __init__(self, stream: SyncByteStream) -> None:
        self._stream = stream
        self._chunks: Iterator[bytes] | None = None
        self._rest = memoryview(b"")
        self.error: BaseException | None = None
        """What the request's own stream raised."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: typing.Any, /) -> int:
        while not self._rest:
            try:
                if self._chunks is None:
                    self._chunks = iter(self._stream)
                chunk = next(self._chunks, None)
                if chunk is None:
                    return 0
                if not isinstance(chunk, (bytes, bytearray, memoryview)):
                    raise TypeError(f"a request's body must give bytes, it gave {type(chunk).__name__}")
            except BaseException as error:
                self.error = error
                raise
            self._rest = memoryview(chunk).cast("B")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
