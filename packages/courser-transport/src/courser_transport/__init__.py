"""Bytes and connections: a pool, HTTP/1.1 and TLS behind the transport interface of courser-models.

>>> from courser_models import Request
>>> from courser_transport import HTTPTransport
>>> def fetch(url: str) -> bytes:
...     with HTTPTransport() as transport:
...         return transport.handle_request(Request("GET", url)).read()
"""

from courser_models import LocalProtocolError

from ._asgi import ASGITransport
from ._config import DEFAULT_LIMITS, Limits, Timeout, TimeoutTypes
from ._deadline import Deadline
from ._dial_settings import ResolverTypes, ResolveTypes
from ._exceptions import (
    AddressNotAllowed,
    CertificateError,
    CloseError,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    PoolTimeout,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    TimeoutException,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)
from ._guard import ConnectFilter
from ._mock import MockTransport
from ._network import Backend, SocketOption, SocketSettings, Stream, Waiter
from ._pool import ConnectionPool
from ._proxy._settings import Proxy, ProxyScheme, ProxyTypes, proxy_of
from ._public_addresses import IPAddress, public_addresses_only
from ._resolver import AddressTypes, CachingResolver, Resolver
from ._stats import OriginStats, PoolStats
from ._sync import run_sync
from ._tls import CertTypes, PinTypes, VerifyTypes, create_ssl_context, public_key_pin
from ._transport import AsyncHTTPTransport, HTTPTransport
from ._version import __version__
from ._wsgi import WSGITransport

__all__ = [
    "DEFAULT_LIMITS",
    "ASGITransport",
    "AddressNotAllowed",
    "AddressTypes",
    "AsyncHTTPTransport",
    "Backend",
    "CachingResolver",
    "CertTypes",
    "CertificateError",
    "CloseError",
    "ConnectError",
    "ConnectFilter",
    "ConnectTimeout",
    "ConnectionPool",
    "Deadline",
    "HTTPTransport",
    "IPAddress",
    "Limits",
    "LocalProtocolError",
    "MockTransport",
    "NetworkError",
    "OriginStats",
    "PinTypes",
    "PoolStats",
    "PoolTimeout",
    "Proxy",
    "ProxyError",
    "ProxyScheme",
    "ProxyTypes",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "ResolveTypes",
    "Resolver",
    "ResolverTypes",
    "SocketOption",
    "SocketSettings",
    "Stream",
    "Timeout",
    "TimeoutException",
    "TimeoutTypes",
    "UnsupportedProtocol",
    "VerifyTypes",
    "WSGITransport",
    "Waiter",
    "WriteError",
    "WriteTimeout",
    "__version__",
    "create_ssl_context",
    "proxy_of",
    "public_addresses_only",
    "public_key_pin",
    "run_sync",
]

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
