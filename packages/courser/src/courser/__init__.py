"""The HTTP client: `import courser` gives everything, from `AsyncClient` to `URL`.

>>> import asyncio
>>> import courser
>>> async def fetch(url: str) -> str:
...     async with courser.AsyncClient() as client:
...         response = await client.get(url)
...         return response.raise_for_status().text
"""

import importlib
import typing

from courser_auth import (
    Auth,
    AuthError,
    CookieStore,
    CredentialsFileError,
    FunctionAuth,
    TokenError,
)
from courser_client import (
    USE_CLIENT_DEFAULT,
    AsyncClient,
    Client,
    TooManyRedirects,
    delete,
    get,
    head,
    options,
    patch,
    post,
    put,
    query,
    request,
    stream,
)
from courser_models import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    BaseTransport,
    ByteStream,
    CookieConflict,
    Cookies,
    Decoder,
    DecodingError,
    DecodingLimitExceeded,
    Headers,
    HTTPError,
    HTTPStatusError,
    InvalidHeader,
    InvalidURL,
    LocalProtocolError,
    Origin,
    ProtocolError,
    QueryParams,
    Request,
    RequestError,
    RequestNotRead,
    Response,
    ResponseNotRead,
    StreamClosed,
    StreamConsumed,
    StreamError,
    SyncByteStream,
    TransportError,
    register_codec,
    supported_codings,
)
from courser_transport import (
    AddressNotAllowed,
    AsyncHTTPTransport,
    CertificateError,
    CloseError,
    ConnectError,
    ConnectTimeout,
    HTTPTransport,
    Limits,
    NetworkError,
    PoolTimeout,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Timeout,
    TimeoutException,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)

__title__ = "courser"
__description__ = "A fast HTTP client for Python, for asyncio, trio and threads."

if typing.TYPE_CHECKING:
    from courser_auth import BasicAuth, BearerAuth, DigestAuth, NetRCAuth, OAuth2ClientCredentials, Token, TokenAuth
    from courser_models import ContentType, codes
    from courser_transport import (
        ASGITransport,
        CachingResolver,
        MockTransport,
        Proxy,
        Resolver,
        WSGITransport,
        create_ssl_context,
        public_addresses_only,
        public_key_pin,
    )

    from . import compat as compat
    from ._drop_in import install_as_httpx
    from ._main import main
    from ._version import __version__

# Imported by the first who asks: few programs do.
_LATER = {
    "BasicAuth": "courser_auth",
    "BearerAuth": "courser_auth",
    "DigestAuth": "courser_auth",
    "NetRCAuth": "courser_auth",
    "OAuth2ClientCredentials": "courser_auth",
    "Token": "courser_auth",
    "TokenAuth": "courser_auth",
    "ContentType": "courser_models",
    "codes": "courser_models",
    "ASGITransport": "courser_transport",
    "CachingResolver": "courser_transport",
    "MockTransport": "courser_transport",
    "Proxy": "courser_transport",
    "Resolver": "courser_transport",
    "WSGITransport": "courser_transport",
    "create_ssl_context": "courser_transport",
    "public_addresses_only": "courser_transport",
    "public_key_pin": "courser_transport",
    "__version__": "courser._version",
    "install_as_httpx": "courser._drop_in",
    "main": "courser._main",
}

__all__ = [
    "ASGITransport",
    "URL",
    "USE_CLIENT_DEFAULT",
    "AddressNotAllowed",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "Auth",
    "AuthError",
    "BaseTransport",
    "BasicAuth",
    "BearerAuth",
    "ByteStream",
    "CachingResolver",
    "CertificateError",
    "Client",
    "CloseError",
    "ConnectError",
    "ConnectTimeout",
    "ContentType",
    "CookieConflict",
    "CookieStore",
    "Cookies",
    "CredentialsFileError",
    "Decoder",
    "DecodingError",
    "DecodingLimitExceeded",
    "DigestAuth",
    "FunctionAuth",
    "HTTPError",
    "HTTPStatusError",
    "HTTPTransport",
    "Headers",
    "InvalidHeader",
    "InvalidURL",
    "Limits",
    "LocalProtocolError",
    "MockTransport",
    "NetRCAuth",
    "NetworkError",
    "OAuth2ClientCredentials",
    "Origin",
    "PoolTimeout",
    "ProtocolError",
    "Proxy",
    "ProxyError",
    "QueryParams",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "RequestNotRead",
    "Resolver",
    "Response",
    "ResponseNotRead",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "SyncByteStream",
    "Timeout",
    "TimeoutException",
    "Token",
    "TokenAuth",
    "TokenError",
    "TooManyRedirects",
    "TransportError",
    "UnsupportedProtocol",
    "WSGITransport",
    "WriteError",
    "WriteTimeout",
    "__description__",
    "__title__",
    "__version__",
    "codes",
    "create_ssl_context",
    "delete",
    "get",
    "head",
    "install_as_httpx",
    "main",
    "options",
    "patch",
    "post",
    "public_addresses_only",
    "public_key_pin",
    "put",
    "query",
    "register_codec",
    "request",
    "stream",
    "supported_codings",
]


def __getattr__(name: str) -> object:
    if name == "compat":
        return importlib.import_module("courser.compat")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_LATER[name]), name)
    _claim(found)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "compat"})


def _claim(found: object) -> None:
    """Let what is defined here report this module, in `repr` and in pickles; all else reports its component."""
    if str(getattr(found, "__module__", "")).startswith(f"{__name__}.") and hasattr(found, "__qualname__"):
        found.__module__ = __name__
