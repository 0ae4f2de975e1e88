"""Transports for clients of real HTTPX and httpx2 that send what they are given over courser's connections.

A program that must keep `httpx.Client`, for an SDK that asks for one say, gets courser's pool beneath it:

    with httpx.Client(transport=courser.compat.httpx_transport()) as client: ...

What goes up and down keeps its colour: requests become ours on the way down, and responses, streams and errors become
those of the library that the request came from on the way up. HTTPX and httpx2 are looked at, and never imported here.
"""

from __future__ import annotations

import functools
import sys
import types
import typing
from collections.abc import AsyncIterator, Iterator

from courser_models import (
    AsyncBaseTransport,
    AsyncByteStream,
    BaseTransport,
    ByteStream,
    HTTPError,
    InvalidURL,
    Request,
    Response,
    SyncByteStream,
)
from courser_transport import AsyncHTTPTransport, HTTPTransport

_LIBRARIES = ("httpx", "httpx2")


def httpx_transport(transport: BaseTransport | None = None) -> typing.Any:
    """Return a transport for `httpx.Client` and `httpx2.Client`.

    `transport` is what sends the requests, by default an `HTTPTransport()`; closing theirs closes it. Content is
    decoded, redirects are followed and cookies are kept by their client, as always. Raises what HTTPX raises: their
    classes, our sentences.
    """
    return _class_for(_SyncBridge, "BaseTransport")(HTTPTransport() if transport is None else transport)


def async_httpx_transport(transport: AsyncBaseTransport | None = None) -> typing.Any:
    """Return a transport for `httpx.AsyncClient` and `httpx2.AsyncClient`; see `httpx_transport`."""
    return _class_for(_AsyncBridge, "AsyncBaseTransport")(AsyncHTTPTransport() if transport is None else transport)


class _SyncBridge:
    def __init__(self, transport: BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: typing.Any) -> typing.Any:
        """Send a request of theirs, and return a response of theirs."""
        library = _library_of(request)
        try:
            stream = _content_of(request) or _Upload(request.stream)
            response = self._transport.handle_request(_ours(request, stream))
        except (HTTPError, InvalidURL) as error:
            raise _theirs(error, library, request) from error
        return _response(response, library, _class_for(_Download, "SyncByteStream")(response, library, request))

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> typing.Self:
        self._transport.__enter__()
        return self

    def __exit__(self, *error: typing.Any) -> None:
        self._transport.__exit__(*error)


class _AsyncBridge:
    def __init__(self, transport: AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: typing.Any) -> typing.Any:
        """Send a request of theirs, and return a response of theirs."""
        library = _library_of(request)
        try:
            stream = _content_of(request) or _AsyncUpload(request.stream)
            response = await self._transport.handle_async_request(_ours(request, stream))
        except (HTTPError, InvalidURL) as error:
            raise _theirs(error, library, request) from error
        return _response(response, library, _class_for(_AsyncDownload, "AsyncByteStream")(response, library, request))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> typing.Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *error: typing.Any) -> None:
        await self._transport.__aexit__(*error)


# Down: theirs to ours.


class _Upload(SyncByteStream):
    """The body of a request of theirs, as one of ours."""

    def __init__(self, stream: typing.Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _AsyncUpload(AsyncByteStream):
    """The body of a request of theirs, as one of ours."""

    def __init__(self, stream: typing.Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _content_of(request: typing.Any) -> ByteStream | None:
    """Return a body that is in memory as what it is, so that it leaves in one piece and can be sent again."""
    content = getattr(request, "_content", None)
    return None if content is None else ByteStream(content)


def _ours(request: typing.Any, stream: SyncByteStream | AsyncByteStream) -> Request:
    return Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        stream=stream,
        extensions=request.extensions,
    )


# Up: ours to theirs.


class _Download:
    """The body of a response of ours, as one of theirs."""

    def __init__(self, response: Response, library: types.ModuleType, request: typing.Any) -> None:
        self._stream = response.stream
        self._library = library
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, SyncByteStream)
        try:
            yield from self._stream
        except HTTPError as error:
            raise _theirs(error, self._library, self._request) from error

    def close(self) -> None:
        assert isinstance(self._stream, SyncByteStream)
        self._stream.close()


class _AsyncDownload:
    """The body of a response of ours, as one of theirs; iterated without a generator, which trio could not finish."""

    _chunks: AsyncIterator[bytes]

    def __init__(self, response: Response, library: types.ModuleType, request: typing.Any) -> None:
        self._stream = response.stream
        self._library = library
        self._request = request

    def __aiter__(self) -> typing.Self:
        assert isinstance(self._stream, AsyncByteStream)
        self._chunks = aiter(self._stream)
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except HTTPError as error:
            raise _theirs(error, self._library, self._request) from error

    async def aclose(self) -> None:
        assert isinstance(self._stream, AsyncByteStream)
        await self._stream.aclose()


def _response(response: Response, library: types.ModuleType, stream: typing.Any) -> typing.Any:
    theirs = library.Response(response.status_code, headers=response.headers.raw, stream=stream)
    theirs.extensions = response.extensions  # given to the constructor, only what is known already would be copied
    return theirs


def _theirs(error: HTTPError | InvalidURL, library: typing.Any, request: typing.Any) -> Exception:
    """Return an error of ours as the one of theirs that has its name, or the name of the class it comes from."""
    for ours in type(error).__mro__:
        found = getattr(library, ours.__name__, None)
        if found is not None and issubclass(found, library.RequestError):
            return typing.cast(Exception, found(str(error), request=request))
        if found is not None and found is library.InvalidURL:
            return typing.cast(Exception, found(str(error)))
    return typing.cast(Exception, library.RequestError(str(error), request=request))


def _library_of(request: typing.Any) -> types.ModuleType:
    """Return HTTPX or httpx2, whichever made a request, be it by a class that comes from theirs."""
    for known in type(request).__mro__:
        library = known.__module__.partition(".")[0]
        if library in _LIBRARIES and library in sys.modules:
            return sys.modules[library]
    raise TypeError(f"this transport serves clients of HTTPX and httpx2; {type(request).__module__} made the request")


def _class_for(bridge: type, name: str) -> type:
    """Return `bridge` as a subclass of what they call `name`, since they, and their users, ask with `isinstance`."""
    loaded = [sys.modules[library] for library in _LIBRARIES if library in sys.modules]
    return _class_with(bridge, tuple(dict.fromkeys(getattr(library, name) for library in loaded)))


@functools.cache
def _class_with(bridge: type, bases: tuple[type, ...]) -> type:
    return type(bridge.__name__.strip("_"), (bridge, *bases), {"__module__": __name__})
