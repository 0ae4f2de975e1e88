"""What other programs take from HTTPX's modules, private ones included, and what of ours it is.

Only public names are promised by HTTPX, and only they are meant for programs. But libraries that live close to it
import from its private modules as well: for annotations, to compare with a default, to build a body as HTTPX does. The
table below is what was found in them (a comment names one that does), and it is all that there is: nothing in courser
has a shape because of it. Whoever needs a name that is missing gets an error that says so.
"""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Iterator

import courser
import courser_client
import courser_models
import courser_transport
from courser_models import URL, AsyncByteStream, QueryParams, Request, SyncByteStream


def modules() -> dict[str, dict[str, typing.Any]]:
    """Return the names of each private module, by the module's name below `httpx`."""
    public = {name: getattr(courser, name) for name in courser.__all__}

    def offered(*names: str) -> dict[str, typing.Any]:
        return {name: public[name] for name in names}

    transports = {
        "base": offered("AsyncBaseTransport", "BaseTransport"),
        "default": offered("AsyncHTTPTransport", "HTTPTransport"),
        "mock": offered("MockTransport"),
        "asgi": offered("ASGITransport"),
        "wsgi": offered("WSGITransport"),
    }
    return {
        "__version__": offered("__description__", "__title__"),
        "_api": offered("delete", "get", "head", "options", "patch", "post", "put", "request", "stream"),
        "_auth": offered("Auth", "BasicAuth", "DigestAuth", "FunctionAuth", "NetRCAuth"),
        # starlette's TestClient, authlib, respx
        "_client": {
            **offered("USE_CLIENT_DEFAULT", "AsyncClient", "Client"),
            "BaseClient": courser_client.Client.__base__,
            "ClientState": courser_client.ClientState,
            "EventHook": courser_client.EventHook,
            "UseClientDefault": courser_client.UseClientDefault,
        },
        # the SDKs of OpenAI and Anthropic: whether a client that they are given has a time-out of its own
        "_config": {
            **offered("Limits", "Proxy", "Timeout", "create_ssl_context"),
            "DEFAULT_LIMITS": courser_transport.DEFAULT_LIMITS,
            "DEFAULT_MAX_REDIRECTS": 20,
            "DEFAULT_TIMEOUT_CONFIG": courser.Timeout(5.0),
        },
        # pytest-httpx; litestar's test client
        "_content": {
            **offered("ByteStream"),
            "AsyncIteratorByteStream": courser_models.AsyncIteratorByteStream,
            "IteratorByteStream": courser_models.IteratorByteStream,
            "encode_json": encode_json,
            "encode_multipart_data": encode_multipart_data,
            "encode_urlencoded_data": encode_urlencoded_data,
        },
        "_decoders": {
            **offered("DecodingError"),
            "LineDecoder": courser_models.LineDecoder,
            "TextDecoder": courser_models.TextDecoder,
        },
        "_exceptions": {name: thing for name, thing in public.items() if _is_error(thing)},
        "_main": offered("main"),
        "_models": offered("Cookies", "Headers", "Request", "Response"),
        # pytest-httpx, to compare a form with the one that was sent
        "_multipart": {"MultipartStream": MultipartStream},
        "_status_codes": offered("codes"),
        "_transports": {name: thing for names in transports.values() for name, thing in names.items()},
        **{f"_transports.{name}": names for name, names in transports.items()},
        "_types": _types(),
        "_urlparse": {"ParseResult": ParseResult, "urlparse": urlparse},
        "_urls": offered("URL", "QueryParams"),
        "_utils": {"primitive_value_to_str": primitive_value_to_str, "to_bytes": to_bytes, "to_str": to_str},
    }


def _is_error(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Exception)


def _types() -> dict[str, typing.Any]:
    """Return the aliases of arguments. Each stands `Optional[…]` and `… | None` when the program runs."""
    return {
        "AsyncByteStream": AsyncByteStream,
        "AuthTypes": courser_client.AuthTypes,
        "CertTypes": courser_transport.CertTypes,
        "CookieTypes": courser_models.CookieTypes,
        "FileContent": courser_models.FileContent,
        "FileTypes": courser_models.FileTypes,
        "HeaderTypes": courser_models.HeaderTypes,
        "PrimitiveData": typing.Union[str, int, float, bool, None],
        "ProxyTypes": typing.Union[URL, str, courser.Proxy],
        "QueryParamTypes": courser_models.QueryParamTypes,
        "RequestContent": courser_models.RequestContent,
        "RequestData": courser_models.RequestData,
        "RequestExtensions": courser_models.RequestExtensions,
        "RequestFiles": courser_models.RequestFiles,
        "ResponseContent": courser_models.ResponseContent,
        "ResponseExtensions": courser_models.ResponseExtensions,
        "SyncByteStream": SyncByteStream,
        "TimeoutTypes": courser_transport.TimeoutTypes,
        "URLTypes": courser_models.URLTypes,
        "VerifyTypes": courser_transport.VerifyTypes,
    }


# What we do not have in this form.


class MultipartStream(SyncByteStream, AsyncByteStream):
    """A form as a stream, with the boundary that is given."""

    def __init__(self, data: typing.Any, files: typing.Any, boundary: bytes | None = None) -> None:
        # A part of `data` is one of `files` that has no filename.
        parts = [
            (name, (None, item if isinstance(item, bytes) else primitive_value_to_str(item)))
            for name, value in dict(data).items()
            for item in (value if isinstance(value, (list, tuple)) else [value])
        ]
        parts.extend(files.items() if hasattr(files, "items") else files)
        headers = None
        if boundary is not None:
            headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode('ascii')}"}
        self._form = Request("POST", "http://localhost/", files=parts, headers=headers)
        self.content_type = self._form.headers["Content-Type"]
        self.boundary = self.content_type.partition("boundary=")[2].encode("ascii")

    def get_headers(self) -> dict[str, str]:
        """Return the fields that announce the form."""
        return _announcement(self._form)

    def __iter__(self) -> Iterator[bytes]:
        if not isinstance(self._form.stream, SyncByteStream):
            raise RuntimeError("this form has files that must be awaited")
        yield from self._form.stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not isinstance(self._form.stream, AsyncByteStream):
            raise RuntimeError("this form has files that cannot be awaited")
        async for chunk in self._form.stream:
            yield chunk


Encoded = tuple[dict[str, str], typing.Any]


def encode_json(json: typing.Any) -> Encoded:
    """Return the fields and the stream of a body of JSON."""
    return _encoded(Request("POST", "http://localhost/", json=json))


def encode_urlencoded_data(data: typing.Any) -> Encoded:
    """Return the fields and the stream of a form."""
    return _encoded(Request("POST", "http://localhost/", data=data))


def encode_multipart_data(data: typing.Any, files: typing.Any, boundary: bytes | None) -> Encoded:
    """Return the fields and the stream of a form with files."""
    stream = MultipartStream(data, files, boundary)
    return stream.get_headers(), stream


def _encoded(request: Request) -> Encoded:
    return _announcement(request), request.stream


def _announcement(request: Request) -> dict[str, str]:
    return {name.decode("ascii"): value.decode("ascii") for name, value in request.headers.raw if name != b"Host"}


class ParseResult(typing.NamedTuple):
    """The parts of a URL as text, the port as a number; `URL._uri_reference` is one."""

    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def netloc(self) -> str:
        """The host and the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """The userinfo, the host and the port."""
        return f"{self.userinfo}@{self.netloc}" if self.userinfo else self.netloc

    def __str__(self) -> str:
        text = f"{self.scheme}:" if self.scheme else ""
        text += f"//{self.authority}" if self.authority else ""
        text += self.path
        text += "" if self.query is None else f"?{self.query}"
        return text if self.fragment is None else f"{text}#{self.fragment}"


def parts_of(url: URL) -> ParseResult:
    """Return the parts of a URL."""
    path, question, query = url.raw_path.decode("ascii").partition("?")
    return ParseResult(
        scheme=url.scheme,
        userinfo=url.userinfo.decode("ascii"),
        host=url.raw_host.decode("ascii"),
        port=url.port,
        path=path,
        query=query if question else None,
        fragment=url.fragment or None,
    )


def urlparse(url: str = "", **components: typing.Any) -> ParseResult:
    """Return the parts of a URL, some of them replaced."""
    return parts_of(URL(url, **components))


def primitive_value_to_str(value: str | int | float | bool | None) -> str:
    """Return a value as it stands in a query."""
    return QueryParams({"value": value})["value"]


def to_bytes(value: str | bytes, encoding: str = "utf-8") -> bytes:
    """Return text as bytes."""
    return value.encode(encoding) if isinstance(value, str) else value


def to_str(value: str | bytes, encoding: str = "utf-8") -> str:
    """Return bytes as text."""
    return value if isinstance(value, str) else value.decode(encoding)


# What is reached for on our objects, and has no other reason to be there.
ATTRIBUTES: dict[type, dict[str, typing.Any]] = {URL: {"_uri_reference": property(parts_of)}}
