"""Bytes and connections: a pool, HTTP/1.1 and TLS behind the transport interface of courser-models.

>>> from courser_models import Request
>>> from courser_transport import HTTPTransport
>>> def fetch(url: str) -> bytes:
...     with HTTPTransport() as transport:
...         return transport.handle_request(Request("GET", url)).read()
"""

from courser_models import LocalProtocolError

from ._config import DEFAULT_LIMITS, Limits, Timeout, TimeoutTypes
from ._deadline import Deadline
from ._exceptions import (
    CertificateError,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    TimeoutException,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)
from ._network import Backend, Stream, Waiter
from ._pool import ConnectionPool
from ._stats import OriginStats, PoolStats
from ._sync import run_sync
from ._tls import CertTypes, PinTypes, VerifyTypes, create_ssl_context, public_key_pin
from ._transport import AsyncHTTPTransport, HTTPTransport
from ._version import __version__

__all__ = [
    "DEFAULT_LIMITS",
    "AsyncHTTPTransport",
    "Backend",
    "CertTypes",
    "CertificateError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionPool",
    "Deadline",
    "HTTPTransport",
    "Limits",
    "LocalProtocolError",
    "NetworkError",
    "OriginStats",
    "PinTypes",
    "PoolStats",
    "PoolTimeout",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "Stream",
    "Timeout",
    "TimeoutException",
    "TimeoutTypes",
    "UnsupportedProtocol",
    "VerifyTypes",
    "Waiter",
    "WriteError",
    "WriteTimeout",
    "__version__",
    "create_ssl_context",
    "public_key_pin",
    "run_sync",
]

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
