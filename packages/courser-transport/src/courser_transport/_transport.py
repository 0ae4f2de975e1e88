"""`HTTPTransport` and `AsyncHTTPTransport`: the doors to the pool, one for threads and one for event loops."""

from __future__ import annotations

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


class HTTPTransport(BaseTransport):
    """Sends requests over a pool of connections; may be shared by threads.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool. Files that
    `verify` and `cert` name are checked at once, certifi's authorities are loaded for the first https request.
    `http1=False` raises `ValueError`: there is no other protocol to speak.

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
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._context = _SharedContext(verify, cert, trust_env, http1)
        backend = ThreadBackend()
        self._pool = ConnectionPool(backend, Connector(backend, self._context), limits, SyncBody)

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
    """Sends requests over a pool of connections; belongs to the event loop that first uses it.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool. Files that
    `verify` and `cert` name are checked at once, certifi's authorities are loaded for the first https request.
    `http1=False` raises `ValueError`: there is no other protocol to speak.
    """

    def __init__(
        self,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._context = _SharedContext(verify, cert, trust_env, http1)
        self._limits = limits
        self._pool: ConnectionPool | None = None
        self._is_closed = False

    @property
    def pool(self) -> ConnectionPool:
        """The pool behind this transport; made when it is first asked for, by a running event loop."""
        if self._pool is None:
            if self._is_closed:
                raise RuntimeError("this client is closed, and sends no more requests")
            self._backend = current_backend()
            self._pool = ConnectionPool(self._backend, Connector(self._backend, self._context), self._limits, AsyncBody)
        return self._pool

    async def handle_async_request(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        Raises `TimeoutException`, `NetworkError`, `ProtocolError`, `UnsupportedProtocol`, each with the request;
        `RuntimeError` for a sync body, a closed transport, or another event loop than before.
        """
        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("an async client cannot send a sync iterator or file; give bytes or an async iterable")
        pool = self._pool or self.pool
        if not self._backend.is_current():
            raise RuntimeError("this async client was used in another event loop before; make one client a loop")
        return await pool.send(request)

    async def aclose(self) -> None:
        """Close all connections; a request that is under way ends with an error."""
        self._is_closed = True
        if self._pool is not None:
            self._pool.close()


class _SharedContext:
    """Settings for TLS that become a context when the first https connection wants one."""

    def __init__(self, verify: VerifyTypes, cert: CertTypes | None, trust_env: bool, http1: bool) -> None:
        if not http1:
            raise ValueError("http1=False leaves no protocol to speak")
        self._settings = (verify, cert, trust_env)
        self._context: ssl.SSLContext | None = None
        if isinstance(verify, str) or cert is not None:
            self()

    def __call__(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = shared_ssl_context(*self._settings)
        return self._context
