"""`HTTPTransport` and `AsyncHTTPTransport`: the doors to the pool, one for threads and one for event loops."""

from __future__ import annotations

import os
import threading
import typing
from collections.abc import Iterable

from courser_models import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    BaseTransport,
    Origin,
    Request,
    Response,
    SyncByteStream,
)

from ._backends import current_backend
from ._body import AsyncBody, SyncBody
from ._config import DEFAULT_LIMITS, Limits
from ._connect import Connector
from ._dial import Dialer
from ._dial_settings import AddressTypes, ResolverTypes, ResolveTypes, dial_settings
from ._guard import ConnectFilter
from ._network import SocketOption
from ._pool import ConnectionPool
from ._remade import Remade
from ._sending import Sender
from ._sync import run_sync
from ._tls import TLSSettings

if typing.TYPE_CHECKING:
    from ._proxy._settings import Proxy, ProxyTypes
    from ._tls._certificates import CertTypes
    from ._tls._context import VerifyTypes
    from ._tls._pins import PinTypes


class HTTPTransport(Remade, BaseTransport):
    """Sends requests over a pool of connections; may be shared by threads.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool; `proxy`, a URL or a
    `Proxy`, is what requests go through; `retries` is how many times connecting is tried again where that may help.
    Files that `verify` and `cert` name are checked at once, certifi's authorities are loaded for the first https
    request. `pins` names hosts whose certificate must be one of a few, and these (see the guide «TLS»).
    `http2` offers HTTP/2 to https servers, which choose; with `http1=False` it is spoken to http servers as well,
    unasked, and to nobody is spoken HTTP/1.1. An `SSLContext` that is given as `verify` offers HTTP/2 from then on.
    `resolver` is asked for addresses instead of the system, and `resolve` has those that nobody is asked for:
    `{"example.org:443": "192.0.2.1", "example.com": ["192.0.2.2", "2001:db8::1"]}`. `connect_filter` is a function that
    says of each address whether it may be connected to; `public_addresses_only` is one.
    `uds` is the path of a Unix socket in the place of all hosts, `local_address` the address to connect from,
    `socket_options` what every socket is given: tuples as `socket.setsockopt` takes them. TCP_NODELAY and SO_KEEPALIVE
    are set without being asked for.
    Raises `ImportError` for `http2` without the extra that it needs, `ValueError` where no protocol is left to speak;
    `ValueError` and `TypeError` for settings that make no sense.

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
        proxy: ProxyTypes | None = None,
        uds: str | os.PathLike[str] | None = None,
        local_address: AddressTypes | None = None,
        retries: int = 0,
        socket_options: Iterable[SocketOption] | None = None,
        *,
        resolver: ResolverTypes | None = None,
        resolve: ResolveTypes | None = None,
        connect_filter: ConnectFilter | None = None,
        pins: PinTypes | None = None,
    ) -> None:
        from ._backends.threads import ThreadBackend  # each world is loaded by those who live in it

        dialling = dial_settings(
            has_loop=False,
            resolver=resolver,
            resolve=resolve,
            connect_filter=connect_filter,
            uds=uds,
            local_address=local_address,
            socket_options=socket_options,
        )
        backend = ThreadBackend()
        _check_combination(http1, http2, proxy, uds)
        tls = TLSSettings(verify, cert, trust_env, http2, pins)
        connector = Connector(
            backend,
            tls,
            retries,
            dialer=Dialer(backend, dialling),
            proxy=_proxy_of(proxy),
            limits=limits,
            forwards=http1,
        )
        self._pool = ConnectionPool(backend, connector, limits, SyncBody, http1, http2)

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

    def warm_up(self, origin: Origin | URL | str, connections: int = 1, timeout: float | None = 5.0) -> int:
        """Connect to `origin` before there is a request; return how many connections to it are idle then.

        As many are made as are missing to `connections`, and the limits allow; each within `timeout` seconds. Raises
        `ConnectError`, `ConnectTimeout`, `UnsupportedProtocol`, and `RuntimeError` for a closed transport.
        """
        return run_sync(self._pool.warm_up(origin, connections, timeout))

    def close(self) -> None:
        """Close all connections; a request that is under way ends with an error."""
        self._pool.close()


class AsyncHTTPTransport(Remade, Sender, AsyncBaseTransport):
    """Sends requests over a pool of connections, one for each event loop that uses it.

    A connection lives in the event loop that made it. So a transport that is used in several, one after the other as
    in tests, or in several threads, keeps their connections apart, and forgets those of a loop that has ended.

    `verify`, `cert` and `trust_env` are those of `create_ssl_context`; `limits` bounds the pool; `proxy`, a URL or a
    `Proxy`, is what requests go through; `retries` is how many times connecting is tried again where that may help.
    Files that `verify` and `cert` name are checked at once, certifi's authorities are loaded for the first https
    request. `pins` names hosts whose certificate must be one of a few, and these (see the guide «TLS»).
    `http2` offers HTTP/2 to https servers, which choose; with `http1=False` it is spoken to http servers as well,
    unasked, and to nobody is spoken HTTP/1.1. An `SSLContext` that is given as `verify` offers HTTP/2 from then on.
    `resolver` is asked for addresses instead of the system, and `resolve` has those that nobody is asked for:
    `{"example.org:443": "192.0.2.1", "example.com": ["192.0.2.2", "2001:db8::1"]}`. `connect_filter` is a function that
    says of each address whether it may be connected to; `public_addresses_only` is one.
    `uds` is the path of a Unix socket in the place of all hosts, `local_address` the address to connect from,
    `socket_options` what every socket is given: tuples as `socket.setsockopt` takes them. TCP_NODELAY and SO_KEEPALIVE
    are set without being asked for.
    Raises `ImportError` for `http2` without the extra that it needs, `ValueError` where no protocol is left to speak;
    `ValueError` and `TypeError` for settings that make no sense.
    """

    def __init__(
        self,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        proxy: ProxyTypes | None = None,
        uds: str | os.PathLike[str] | None = None,
        local_address: AddressTypes | None = None,
        retries: int = 0,
        socket_options: Iterable[SocketOption] | None = None,
        *,
        resolver: ResolverTypes | None = None,
        resolve: ResolveTypes | None = None,
        connect_filter: ConnectFilter | None = None,
        pins: PinTypes | None = None,
    ) -> None:
        _check_combination(http1, http2, proxy, uds)
        self._tls = TLSSettings(verify, cert, trust_env, http2, pins)
        self._proxy = _proxy_of(proxy)
        self._dialling = dial_settings(
            has_loop=True,
            resolver=resolver,
            resolve=resolve,
            connect_filter=connect_filter,
            uds=uds,
            local_address=local_address,
            socket_options=socket_options,
        )
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
                connector = Connector(
                    backend,
                    self._tls,
                    self._retries,
                    dialer=Dialer(backend, self._dialling),
                    proxy=self._proxy,
                    limits=self._limits,
                    forwards=self._protocols[0],
                )
                found = ConnectionPool(backend, connector, self._limits, AsyncBody, *self._protocols)
                self._pools.append(found)
        return found

    def _pool_for(self, request: Request) -> ConnectionPool:
        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("an async client cannot send a sync iterator; give bytes, a file or an async iterable")
        pool = self._pool
        if pool is None or not pool.backend.is_current():
            pool = self.pool
        return pool

    handle_async_request = Sender._send  # pyright: ignore[reportAssignmentType] (of another base, and ours all the same)

    async def warm_up(self, origin: Origin | URL | str, connections: int = 1, timeout: float | None = 5.0) -> int:
        """Connect to `origin` before there is a request; return how many connections to it are idle then.

        As many are made as are missing to `connections`, and the limits allow; each within `timeout` seconds. Raises
        `ConnectError`, `ConnectTimeout`, `UnsupportedProtocol`, and `RuntimeError` for a closed transport.
        """
        return await self.pool.warm_up(origin, connections, timeout)

    async def aclose(self) -> None:
        """Close all connections; a request that is under way ends with an error."""
        with self._lock:
            self._is_closed = True
            pools, self._pools = self._pools, []
        for pool in pools:
            pool.close()


def _proxy_of(given: ProxyTypes | None) -> Proxy | None:
    if given is None:
        return None
    from ._proxy._settings import proxy_of

    return proxy_of(given)


def _check_combination(http1: bool, http2: bool, proxy: ProxyTypes | None, uds: str | os.PathLike[str] | None) -> None:
    if proxy is not None and uds is not None:
        raise ValueError("a Unix socket is in the place of all hosts, so nothing goes through a proxy: uds or proxy")
    if not http1 and not http2:
        raise ValueError("http1=False leaves no protocol to speak; http2=True would")
    if http2:
        import importlib.util

        if importlib.util.find_spec("hpack") is None:
            raise ImportError("http2=True needs the extra http2: pip install 'courser-transport[http2]'")
