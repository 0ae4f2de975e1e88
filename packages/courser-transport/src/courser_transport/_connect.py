"""From a route to a stream: names to addresses, TCP, proxies, TLS; all within one time limit."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Mapping

from courser_models import Origin

from ._config import Limits
from ._deadline import Deadline
from ._dial import Dialer
from ._exceptions import AddressNotAllowed, ConnectError, ConnectTimeout, ProxyError, TimeoutException
from ._network import Backend, Stream
from ._route import Route, Way, route_of
from ._tls import TLSSettings, is_final, start_tls
from ._trace import Tracer

if typing.TYPE_CHECKING:
    from courser_models import Response

    from ._proxy._settings import Proxy

T = typing.TypeVar("T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0

# A scheme may answer a challenge, and a stale answer again; no scheme needs more.
_MOST_ANSWERS = 4


class Connector:
    """Makes streams for one transport; `tls` is what https origins need.

    A failure that may pass is followed by up to `retries` further attempts: the first at once, then after 0.5 s, 1 s,
    2 s and so on. A certificate that is not trusted stays so, and is not tried again.

    `proxy` is what requests go through that name none; with `forwards` False it is only ever asked for tunnels.
    """

    def __init__(
        self,
        backend: Backend,
        tls: TLSSettings,
        retries: int = 0,
        *,
        dialer: Dialer | None = None,
        proxy: Proxy | None = None,
        limits: Limits | None = None,
        forwards: bool = True,
    ) -> None:
        self._backend = backend
        self._tls = tls
        self._retries = retries
        self._limits = Limits() if limits is None else limits
        self._forwards = forwards
        self._dialer = dialer or Dialer(backend)
        self.proxy = proxy

    def route(self, origin: Origin, extensions: Mapping[str, typing.Any]) -> Route:
        """Return by which way a request with these extensions goes to `origin`.

        Raises `AddressNotAllowed` where a proxy would connect to what nobody here can look at.
        """
        route = route_of(origin, extensions, self.proxy, self._forwards)
        if isinstance(route, Way) and route.proxy is not None and not route.proxy.is_given_addresses:
            self._dialer.check_behind(route.proxy.name, origin.host)
        return route

    async def connect(
        self,
        route: Route,
        deadline: Deadline,
        tracer: Tracer | None = None,
        retries: int | None = None,
        is_http1_wanted: bool = False,
    ) -> Stream:
        """Return a stream by `route`, before `deadline`, which each attempt has anew where it is none of the exchange.

        `is_http1_wanted` says that HTTP/2 is not offered, for a server that has asked for HTTP/1.1.

        Raises `ConnectError`, `ConnectTimeout`, `ProxyError`.
        """
        if retries is None:
            retries = self._retries
        elif type(retries) is not int or retries < 0:
            raise ValueError(f"retries is a number of attempts, not {retries!r}")
        for attempt in range(retries):
            try:
                return await self._attempt(route, deadline.again(), tracer, is_http1_wanted)
            except AddressNotAllowed:
                raise  # it will be no other in a second
            except (ConnectError, ConnectTimeout) as error:
                pause = 0.0 if attempt == 0 else min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
                left = deadline.left_of_exchange()
                if is_final(error) or (left is not None and left <= pause):
                    raise
                await _traced(tracer, "connection.retry", self._backend.sleep(pause), delay=pause)
        return await self._attempt(route, deadline.again() if retries else deadline, tracer, is_http1_wanted)

    def may_offer_http1_alone(self, route: Route) -> bool:
        """Return whether a server on https can be offered HTTP/1.1 without HTTP/2."""
        return route.scheme == "https" and self._tls_by(route).without_http2() is not None

    def _tls_by(self, route: Route) -> TLSSettings:
        verify = route.verify if isinstance(route, Way) else None
        return self._tls if verify is None else self._tls.instead(verify)

    async def _attempt(self, route: Route, deadline: Deadline, tracer: Tracer | None, is_http1_wanted: bool) -> Stream:
        settings = self._tls_by(route)
        if is_http1_wanted:
            settings = settings.without_http2() or settings
        if not isinstance(route, Way):
            stream = await self._dialer.dial(route.host, route.port, route.authority, deadline, tracer)
            if route.scheme != "https":
                return stream
            return await self._secured(stream, settings, route.host, route.host, route.authority, deadline, tracer)
        origin = route.origin
        if route.proxy is not None:
            stream = await self._through(route.proxy, origin, deadline, tracer)
        else:
            assert origin is not None
            stream = await self._dialer.dial(origin.host, origin.port, origin.authority, deadline, tracer)
        if origin is None or origin.scheme != "https":
            return stream
        name = route.server_name or origin.host
        way = "" if route.proxy is None else str(route.proxy.origin)
        return await self._secured(stream, settings, origin.host, name, origin.authority, deadline, tracer, way)

    async def _secured(
        self,
        stream: Stream,
        settings: TLSSettings,
        host: str,
        name: str,
        peer: str,
        deadline: Deadline,
        tracer: Tracer | None,
        way: str = "",
    ) -> Stream:
        handshake: Awaitable[Stream] = start_tls(stream, settings, name, peer, deadline, self._backend, host, way)
        info = {"server_hostname": name, "timeout": deadline.limit}
        return await _traced(tracer, "connection.start_tls", handshake, returns=True, **info)

    # Through a proxy

    async def _through(self, proxy: Proxy, origin: Origin | None, deadline: Deadline, tracer: Tracer | None) -> Stream:
        """Return a stream that leads to `origin`, or to `proxy` itself where that is told with each request."""
        if proxy.is_socks:
            assert origin is not None
            return await self._through_socks(proxy, origin, deadline, tracer)
        if origin is None:
            return await self._to_proxy(proxy, deadline, tracer)
        target = origin.authority if "%" not in origin.host else f"[{_without_zone(origin.host)}]:{origin.port}"
        if proxy.scheme is None:
            return await self._tunnel(proxy, target, deadline, tracer)
        from ._proxy._credentials import Credentials

        with Credentials(proxy, "CONNECT", target.encode("ascii")) as credentials:
            authorization = credentials.first()
            for _ in range(_MOST_ANSWERS):
                try:
                    return await self._tunnel(proxy, target, deadline, tracer, authorization)
                except ProxyError as error:
                    # Asked anew on a connection of its own: not every proxy keeps one that it has refused.
                    if error.response is None or error.response.status_code != 407:
                        raise
                    authorization = credentials.next(407, error.response)
                    if authorization is None:
                        raise
            return await self._tunnel(proxy, target, deadline, tracer, authorization)

    async def _dial_proxy(self, proxy: Proxy, deadline: Deadline, tracer: Tracer | None) -> Stream:
        # Whoever runs the program has named the proxy, so the filter for URLs has nothing to say about it.
        host, port = proxy.origin.host, proxy.origin.port
        return await self._dialer.dial(host, port, proxy.name, deadline, tracer, is_guarded=False)

    async def _to_proxy(self, proxy: Proxy, deadline: Deadline, tracer: Tracer | None) -> Stream:
        stream = await self._dial_proxy(proxy, deadline, tracer)
        if proxy.url.scheme != "https":
            return stream
        settings = self._tls.for_proxy() if proxy.ssl_context is None else self._tls.instead(proxy.ssl_context)
        host = proxy.origin.host
        stream = await self._secured(stream, settings, host, host, proxy.name, deadline, tracer)
        if stream.extra("ssl_object").selected_alpn_protocol() == "h2":
            stream.close()
            raise ProxyError(
                f"{proxy.name} chose HTTP/2, which is not spoken to proxies: the SSLContext that was given offers it; "
                "give the proxy one of its own, Proxy(…, ssl_context=…)"
            )
        return stream

    async def _tunnel(
        self,
        proxy: Proxy,
        target: str,
        deadline: Deadline,
        tracer: Tracer | None,
        authorization: bytes | None = None,
    ) -> Stream:
        from ._proxy._tunnel import open_tunnel, refused

        stream = await self._to_proxy(proxy, deadline, tracer)
        opening: Awaitable[Response | None] = open_tunnel(stream, proxy, target, authorization, self._limits, deadline)
        refusal = await _or_closed(stream, f"a tunnel to {target} through {proxy.name}", deadline, tracer, opening)
        if refusal is None:
            return stream
        stream.close()
        raise refused(proxy, target, refusal)

    async def _through_socks(self, proxy: Proxy, origin: Origin, deadline: Deadline, tracer: Tracer | None) -> Stream:
        from ._proxy._socks import AddressRefused, open_socks

        hosts = [_without_zone(origin.host)]
        if proxy.is_given_addresses:
            # The same host may have addresses that the proxy cannot reach; another family's, mostly.
            addresses = await self._dialer.resolve(origin.host, origin.port, deadline)
            hosts = list(dict.fromkeys(_without_zone(str(address[0])) for _, address in addresses))
        while True:
            host = hosts.pop(0)
            stream = await self._dial_proxy(proxy, deadline, tracer)
            opening = open_socks(stream, proxy, host, origin.port, deadline)
            try:
                await _or_closed(
                    stream, f"a connection to {origin.authority} through {proxy.name}", deadline, tracer, opening
                )
            except AddressRefused as error:
                if not hosts:
                    raise ProxyError(str(error)) from error
            else:
                return stream


def _without_zone(host: str) -> str:
    """Return a host as another machine knows it: zones of IPv6 are this machine's own (RFC 4007 §6)."""
    return host.partition("%")[0]


async def _or_closed(stream: Stream, what: str, deadline: Deadline, tracer: Tracer | None, opening: Awaitable[T]) -> T:
    """Await `opening`, and close the stream to the proxy if it does not end well."""
    try:
        return await _traced(tracer, "proxy.connect", opening, timeout=deadline.limit)
    except TimeoutException:
        stream.close()
        raise ConnectTimeout(f"opening {what} timed out {deadline.words}") from None
    except BaseException:
        stream.close()
        raise


async def _traced(tracer: Tracer | None, name: str, work: Awaitable[T], returns: bool = False, **info: typing.Any) -> T:
    return await (work if tracer is None else tracer.step(name, work, returns=returns, **info))
