"""The roots of courser's error tree, and the errors that messages themselves raise.

A package that raises an error defines it; what two packages need stands here. Names, bases and attributes are
HTTPX's, so that an `except` clause written for HTTPX keeps its meaning:

    HTTPError                       everything that can go wrong with one exchange
    ├── RequestError                no usable response; `.request` tells which request
    │   ├── TransportError          the way to the peer failed (time-outs, network: courser-transport)
    │   │   └── ProtocolError       one side broke the grammar of HTTP
    │   │       └── LocalProtocolError      … and it was ours
    │   │           └── InvalidHeader       a field that may not be put on the wire
    │   └── DecodingError           the content is not what its content coding claims
    │       └── DecodingLimitExceeded   … or more than the caller allows
    └── HTTPStatusError             a response came, and it says no
    InvalidURL
    StreamError                     a body is used in a way its stream cannot serve
    ├── StreamConsumed, StreamClosed, RequestNotRead, ResponseNotRead

Every class can be pickled; the request and response travel along where they can.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from ._request import Request
    from ._response import Response


class HTTPError(Exception):
    """Root of all errors that end an exchange; catches `RequestError` and `HTTPStatusError` alike.

    `request` is the request that failed; reading it raises `RuntimeError` where no request is known.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self._request: Request | None = None

    @property
    def request(self) -> Request:
        if self._request is None:
            raise RuntimeError("this error carries no request")
        return self._request

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request

    @property
    def has_request(self) -> bool:
        """Whether `request` can be read."""
        return self._request is not None


class RequestError(HTTPError):
    """No usable response came: connecting, sending, receiving or understanding it failed."""

    def __init__(self, message: str, *, request: Request | None = None) -> None:
        super().__init__(message)
        self._request = request


class TransportError(RequestError):
    """The way to the peer failed."""


class ProtocolError(TransportError):
    """One side broke the grammar of HTTP (RFC 9110, 9112)."""


class LocalProtocolError(ProtocolError):
    """What was asked for may not be sent: it would break the grammar of HTTP."""


class InvalidHeader(LocalProtocolError, ValueError):
    """A field name or value that RFC 9110 §5.5 does not allow: control characters, or text no encoding fits."""


class DecodingError(RequestError):
    """The content is damaged, cut short, or not in the content coding it claims (RFC 9110 §8.4)."""


class DecodingLimitExceeded(DecodingError):
    """The content is larger than `max_decoded_bytes` or `max_ratio` of its response allow; reading it was given up."""


class HTTPStatusError(HTTPError):
    """The response has an error status; raised by `Response.raise_for_status()`."""

    def __init__(self, message: str, *, request: Request, response: Response) -> None:
        super().__init__(message)
        self._request = request
        self.response = response

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return _rebuild_status_error, (type(self), self.args[0], self._request, self.response)


def _rebuild_status_error(
    cls: type[HTTPStatusError], message: str, request: Request, response: Response
) -> HTTPStatusError:
    return cls(message, request=request, response=response)


class InvalidURL(Exception):
    """The text is not a URL, or not one that every parser would read alike."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class CookieConflict(Exception):
    """Several cookies have this name; say which `domain` or `path` is meant."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class StreamError(RuntimeError):
    """A body is used in a way its stream cannot serve: a mistake of the program, not of the peer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class StreamConsumed(StreamError):
    """The stream was read before, and cannot be read again."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message or "this stream was already read; keep the content (`.read()`) or give a body that can be replayed"
        )


class StreamClosed(StreamError):
    """The stream was closed before it was read."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "this stream was closed before it was read")


class RequestNotRead(StreamError):
    """`Request.content` was asked for before the request's stream was read."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "this request has a streaming body; call request.read() first")


class ResponseNotRead(StreamError):
    """`Response.content` was asked for before the response was read."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "this response was streamed; call response.read() first")
