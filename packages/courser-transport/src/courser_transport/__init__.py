"""Bytes and connections: a pool, HTTP/1.1 and TLS behind the transport interface of courser-models.

>>> from courser_models import Request
>>> from courser_transport import HTTPTransport
>>> def fetch(url: str) -> bytes:
...     with HTTPTransport() as transport:
...         return transport.handle_request(Request("GET", url)).read()
"""

import importlib
import typing

from courser_models import LocalProtocolError

from ._config import DEFAULT_LIMITS, Limits, Timeout, TimeoutTypes
from ._deadline import Deadline
from ._dial_settings import AddressTypes, ResolverTypes, ResolveTypes
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
from ._network import Backend, SocketOption, SocketSettings, Stream, Waiter
from ._pool import ConnectionPool
from ._sync import run_sync
from ._transport import AsyncHTTPTransport, HTTPTransport

if typing.TYPE_CHECKING:
    from ._asgi import ASGITransport
    from ._mock import MockTransport
    from ._proxy._settings import Proxy, ProxyScheme, ProxyTypes, proxy_of
    from ._public_addresses import IPAddress, public_addresses_only
    from ._resolver import CachingResolver, Resolver
    from ._stats import OriginStats, PoolStats
    from ._tls._certificates import CertTypes
    from ._tls._context import VerifyTypes, create_ssl_context
    from ._tls._pins import PinTypes, public_key_pin
    from ._version import __version__
    from ._wsgi import WSGITransport

# Imported by the first who asks: few programs do.
_LATER = {
    "ASGITransport": "_asgi",
    "MockTransport": "_mock",
    "Proxy": "_proxy._settings",
    "ProxyScheme": "_proxy._settings",
    "ProxyTypes": "_proxy._settings",
    "proxy_of": "_proxy._settings",
    "IPAddress": "_public_addresses",
    "public_addresses_only": "_public_addresses",
    "CachingResolver": "_resolver",
    "Resolver": "_resolver",
    "OriginStats": "_stats",
    "PoolStats": "_stats",
    "CertTypes": "_tls._certificates",
    "VerifyTypes": "_tls._context",
    "create_ssl_context": "_tls._context",
    "PinTypes": "_tls._pins",
    "public_key_pin": "_tls._pins",
    "__version__": "_version",
    "WSGITransport": "_wsgi",
}

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
