"""`HTTPTransport` and `AsyncHTTPTransport`: the doors to the pool, one for threads and one for event loops."""

from __future__ import annotations

import importlib.util
import threading
import typing

from courser_models import AsyncBaseTransport, AsyncByteStream, BaseTransport, Request, Response, SyncByteStream

from ._backends import current_backend
from ._backends.threads import ThreadBackend
from ._body import AsyncBody, SyncBody
from ._config import DEFAULT_LIMITS, Limits
from ._connect import Connector
from ._pool import ConnectionPool
from ._sync import run_sync
from ._tls import CertTypes, VerifyTypes, shared_ssl_context

if typing.TYPE_CHECKING:
    import ssl

    from ._network import Backend


class HTTPTransport(BaseTransport):
    """Sends requests over a pool of connections; may be shared by threads.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool; `retries` is how many
    times connecting is tried again where that may help. Files that `verify` and `cert` name are checked at once,
    certifi's authorities are loaded for the first https request.
    `http2` offers HTTP/2 to https servers, which choose; with `http1=False` it is spoken to http servers as well,
    unasked, and to nobody is spoken HTTP/1.1. An `SSLContext` that is given as `verify` offers HTTP/2 from then on.
    Raises `ImportError` for `http2` without the extra that it needs, `ValueError` where no protocol is left to speak.

    >>> from courser_models import Request
    >>> with HTTPTransport() as transport:
    ...     transport.handle_request(Request("GET", "gopher://example.org"))
    Traceback (most recent call last):
    courser_transport.UnsupportedProtocol: gopher:// is not spoken here, only http:// and https://
    """

    def __init__(
        self,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        retries: int = 0,
    ) -> None:
        self._context = _SharedContext(verify, cert, trust_env, http1, http2)
        backend = ThreadBackend()
        connector = Connector(backend, self._context, retries)
        for_http1 = self._context.connector_for_http1(backend, retries)
        self._pool = ConnectionPool(backend, connector, limits, SyncBody, http1, http2, for_http1)

    @property
    def pool(self) -> ConnectionPool:
        """The pool behind this transport."""
        return self._pool

    def handle_request(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        Raises `TimeoutException`, `NetworkError`, `ProtocolError`, `UnsupportedProtocol`, each with the request;
        `RuntimeError` for an async body or a closed transport.
        """
        if not isinstance(request.stream, SyncByteStream):
            raise RuntimeError("a sync client cannot send an async body; give bytes, a file or an iterable")
        return run_sync(self._pool.send(request))

    def close(self) -> None:
        """Close all connections; a request that is under way ends with an error."""
        self._pool.close()


class AsyncHTTPTransport(AsyncBaseTransport):
    """Sends requests over a pool of connections, one for each event loop that uses it.

    A connection lives in the event loop that made it. So a transport that is used in several, one after the other as
    in tests, or in several threads, keeps their connections apart, and forgets those of a loop that has ended.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool; `retries` is how many
    times connecting is tried again where that may help. Files that `verify` and `cert` name are checked at once,
    certifi's authorities are loaded for the first https request.
    `http2` offers HTTP/2 to https servers, which choose; with `http1=False` it is spoken to http servers as well,
    unasked, and to nobody is spoken HTTP/1.1. An `SSLContext` that is given as `verify` offers HTTP/2 from then on.
    Raises `ImportError` for `http2` without the extra that it needs, `ValueError` where no protocol is left to speak.
    """

    def __init__(
        self,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        retries: int = 0,
    ) -> None:
        self._context = _SharedContext(verify, cert, trust_env, http1, http2)
        self._limits = limits
        self._retries = retries
        self._protocols = (http1, http2)
        self._pool: ConnectionPool | None = None
        self._pools: list[ConnectionPool] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def pool(self) -> ConnectionPool:
        """The pool of the running event loop; made when it is first asked for."""
        pool = self._pool
        if pool is None or not pool.backend.is_current():
            pool = self._pool = self._pool_here()
        return pool

    def _pool_here(self) -> ConnectionPool:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("this client is closed, and sends no more requests")
            found = None
            for pool in list(self._pools):
                if pool.backend.is_current():
                    found = pool
                elif pool.backend.is_over():
                    self._pools.remove(pool)
                    pool.abandon()
            if found is None:
                backend = current_backend()
                connector = Connector(backend, self._context, self._retries)
                for_http1 = self._context.connector_for_http1(backend, self._retries)
                found = ConnectionPool(backend, connector, self._limits, AsyncBody, *self._protocols, for_http1)
                self._pools.append(found)
        return found

    async def handle_async_request(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        Raises `TimeoutException`, `NetworkError`, `ProtocolError`, `UnsupportedProtocol`, each with the request;
        `RuntimeError` for a sync body or a closed transport.
        """
        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("an async client cannot send a sync iterator; give bytes, a file or an async iterable")
        pool = self._pool
        if pool is None or not pool.backend.is_current():
            pool = self.pool
        return await pool.send(request)

    async def aclose(self) -> None:
        """Close all connections; a request that is under way ends with an error."""
        with self._lock:
            self._is_closed = True
            pools, self._pools = self._pools, []
        for pool in pools:
            pool.close()


class _SharedContext:
    """Settings for TLS that become a context when the first https connection wants one."""

    def __init__(self, verify: VerifyTypes, cert: CertTypes | None, trust_env: bool, http1: bool, http2: bool) -> None:
        if not http1 and not http2:
            raise ValueError("http1=False leaves no protocol to speak; http2=True would")
        if http2 and importlib.util.find_spec("hpack") is None:
            raise ImportError("http2=True needs the extra http2: pip install 'courser-transport[http2]'")
        self._settings = (verify, cert, trust_env, http2)
        self._context: ssl.SSLContext | None = None
        # A context that is given has one offer for all its connections, and cannot be copied.
        self._may_offer_less = http1 and http2 and isinstance(verify, (bool, str))
        if isinstance(verify, str) or cert is not None or (http2 and not isinstance(verify, bool)):
            self()

    def __call__(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = shared_ssl_context(*self._settings)
        return self._context

    def connector_for_http1(self, backend: Backend, retries: int) -> Connector | None:
        """Return what connects without offering HTTP/2, for servers that ask for that; None where it cannot be had."""
        if not self._may_offer_less:
            return None
        verify, cert, trust_env, _ = self._settings
        return Connector(backend, lambda: shared_ssl_context(verify, cert, trust_env, http2=False), retries)
