"""The vocabulary of HTTP: URLs, fields, requests, responses, and the interface of transports. No I/O.

>>> from courser_models import Request
>>> request = Request("POST", "https://example.org/items", json={"name": "tea"})
>>> request.headers["content-type"], request.content
('application/json', b'{"name":"tea"}')
"""

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
from ._fields import ContentType
from ._headers import Field, Headers
from ._interfaces import AsyncBaseTransport, BaseTransport
from ._origin import Origin
from ._query import QueryParams
from ._request import Request
from ._response import Response
from ._status import codes
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
from ._version import __version__

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

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
