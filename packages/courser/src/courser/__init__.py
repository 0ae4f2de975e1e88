"""The HTTP client: `import courser` gives everything, from `AsyncClient` to `URL`.

>>> import asyncio
>>> import courser
>>> async def fetch(url: str) -> str:
...     async with courser.AsyncClient() as client:
...         response = await client.get(url)
...         return response.raise_for_status().text
"""

from courser_client import USE_CLIENT_DEFAULT, AsyncClient, Client
from courser_models import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    BaseTransport,
    ByteStream,
    CookieConflict,
    DecodingError,
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
    codes,
)
from courser_transport import (
    AsyncHTTPTransport,
    ConnectError,
    ConnectTimeout,
    HTTPTransport,
    Limits,
    NetworkError,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Timeout,
    TimeoutException,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
    create_ssl_context,
)

from ._version import __version__

__title__ = "courser"
__description__ = "A fast HTTP client for Python, for asyncio and threads."

__all__ = [
    "URL",
    "USE_CLIENT_DEFAULT",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "BaseTransport",
    "ByteStream",
    "Client",
    "ConnectError",
    "ConnectTimeout",
    "CookieConflict",
    "DecodingError",
    "HTTPError",
    "HTTPStatusError",
    "HTTPTransport",
    "Headers",
    "InvalidHeader",
    "InvalidURL",
    "Limits",
    "LocalProtocolError",
    "NetworkError",
    "Origin",
    "PoolTimeout",
    "ProtocolError",
    "QueryParams",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "RequestNotRead",
    "Response",
    "ResponseNotRead",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "SyncByteStream",
    "Timeout",
    "TimeoutException",
    "TransportError",
    "UnsupportedProtocol",
    "WriteError",
    "WriteTimeout",
    "__description__",
    "__title__",
    "__version__",
    "codes",
    "create_ssl_context",
]
