"""The vocabulary of HTTP: URLs, fields, requests, responses, and the interface of transports. No I/O.

>>> from courser_models import Request
>>> request = Request("POST", "https://example.org/items", json={"name": "tea"})
>>> request.headers["content-type"], request.content
('application/json', b'{"name":"tea"}')
"""

import importlib
import typing

from ._codecs import SUPPORTED_CODINGS, Decoder, register_codec, supported_codings
from ._cookies import Cookie, Cookies
from ._exceptions import (
    CookieConflict,
    DecodingError,
    DecodingLimitExceeded,
    HTTPError,
    HTTPStatusError,
    InvalidHeader,
    InvalidURL,
    LocalProtocolError,
    ProtocolError,
    RequestError,
    RequestNotRead,
    ResponseNotRead,
    StreamClosed,
    StreamConsumed,
    StreamError,
    TransportError,
)
from ._headers import Field, Headers
from ._interfaces import AsyncBaseTransport, BaseTransport
from ._origin import Origin
from ._query import QueryParams
from ._request import Request
from ._response import Response
from ._streams import (
    AsyncByteStream,
    AsyncIteratorByteStream,
    BlockingByteStream,
    ByteStream,
    IteratorByteStream,
    SyncByteStream,
)
from ._text import LineDecoder, TextDecoder
from ._types import (
    AsyncFile,
    CookieTypes,
    DefaultEncoding,
    FileContent,
    FileTypes,
    HeaderTypes,
    JSONDecoder,
    JSONEncoder,
    QueryParamTypes,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
    ResponseContent,
    ResponseExtensions,
    URLTypes,
)
from ._urls import URL

if typing.TYPE_CHECKING:
    from ._content_type import ContentType
    from ._status import codes
    from ._version import __version__

# Imported by the first who asks: few programs do.
_LATER = {"ContentType": "_content_type", "__version__": "_version", "codes": "_status"}

__all__ = [
    "SUPPORTED_CODINGS",
    "URL",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncFile",
    "AsyncIteratorByteStream",
    "BaseTransport",
    "BlockingByteStream",
    "ByteStream",
    "ContentType",
    "Cookie",
    "CookieConflict",
    "CookieTypes",
    "Cookies",
    "Decoder",
    "DecodingError",
    "DecodingLimitExceeded",
    "DefaultEncoding",
    "Field",
    "FileContent",
    "FileTypes",
    "HTTPError",
    "HTTPStatusError",
    "HeaderTypes",
    "Headers",
    "InvalidHeader",
    "InvalidURL",
    "IteratorByteStream",
    "JSONDecoder",
    "JSONEncoder",
    "LineDecoder",
    "LocalProtocolError",
    "Origin",
    "ProtocolError",
    "QueryParamTypes",
    "QueryParams",
    "Request",
    "RequestContent",
    "RequestData",
    "RequestError",
    "RequestExtensions",
    "RequestFiles",
    "RequestNotRead",
    "Response",
    "ResponseContent",
    "ResponseExtensions",
    "ResponseNotRead",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "SyncByteStream",
    "TextDecoder",
    "TransportError",
    "URLTypes",
    "__version__",
    "codes",
    "register_codec",
    "supported_codings",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    _claim(found)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _claim(found: object) -> None:
    """Let a public name report the module it is imported from, in `repr` and in pickles."""
    if str(getattr(found, "__module__", "")).startswith(f"{__name__}.") and hasattr(found, "__qualname__"):
        found.__module__ = __name__


for _name in __all__:
    if _name in globals():
        _claim(globals()[_name])
