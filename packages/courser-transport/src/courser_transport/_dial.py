"""From a host and a port to a connected stream: where the host is, whether that is allowed, and a connection to it.

    host ─▶ override, address, resolver or system ─▶ addresses ─▶ connect_filter ─▶ those allowed ─▶ TCP

What the filter has seen is what is connected to: no name is looked up a second time. A Unix socket is in the place of
all this where there is one.
"""

from __future__ import annotations

import typing

from ._deadline import Deadline
from ._dial_settings import DialSettings, ResolverTypes, as_key
from ._exceptions import AddressNotAllowed, ConnectError, ConnectTimeout
from ._guard import allowed, is_allowed, not_allowed, unmapped
from ._network import Address, Backend, Stream
from ._trace import Tracer

if typing.TYPE_CHECKING:
    from ._resolver import CachingResolver


class Dialer:
    """Makes connections for one transport in one world, as its settings say."""

    def __init__(self, backend: Backend, settings: DialSettings | None = None) -> None:
        self._backend = backend
        self._settings = settings or DialSettings()

    async def dial(
        self, host: str, port: int, peer: str, deadline: Deadline, tracer: Tracer | None, is_guarded: bool = True
    ) -> Stream:
        """Return a stream to `host`, which errors call `peer`, before `deadline`.

        `is_guarded` says that `connect_filter` is asked: the host comes from a URL, and not from whoever runs the
        program, as a proxy does. Raises `ConnectError`, `AddressNotAllowed`, `ConnectTimeout`.
        """
        settings = self._settings
        where = {"host": host, "port": port, "timeout": deadline.limit}
        if settings.uds is not None:
            work = self._backend.connect_unix(settings.uds, peer, deadline, settings.sockets)
            if tracer is None:
                return await work
            where = {"path": settings.uds, "timeout": deadline.limit}
            return await tracer.step("connection.connect_unix_socket", work, returns=True, **where)
        finding = self._find(host, port, peer, deadline, is_guarded)
        if tracer is None:
            return await self._connect(await finding, host, port, peer, deadline)
        addresses = await tracer.step("connection.resolve", finding, returns=True, **where)
        connecting = self._connect(addresses, host, port, peer, deadline)
        return await tracer.step("connection.connect_tcp", connecting, returns=True, **where)

    async def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses of `host` that may be connected to: for whoever connects in another way.

        Raises `ConnectError`, `AddressNotAllowed`, `ConnectTimeout`.
        """
        return await self._find(host, port, host, deadline, True)

    def check_behind(self, proxy: str, host: str) -> None:
        """Raise `AddressNotAllowed` where `host`, behind a proxy that looks names up itself, may not be connected to.

        An address is what the filter says of it. What a name leads to over there nobody here can see, so with a filter
        no name may be connected to.
        """
        connect_filter = self._settings.connect_filter
        if connect_filter is None:
            return
        import ipaddress

        try:
            ip = unmapped(ipaddress.ip_address(host))
        except ValueError:
            raise AddressNotAllowed(
                f"connecting to {host} through {proxy} is not allowed: the proxy looks the name up, and connect_filter "
                "cannot see what it finds; use socks5://, which looks it up here, or leave filtering to the proxy"
            ) from None
        if not is_allowed(ip, connect_filter):
            raise not_allowed(host, [str(ip)])

    async def _find(self, host: str, port: int, peer: str, deadline: Deadline, is_guarded: bool) -> list[Address]:
        """Return the addresses that may be connected to."""
        settings = self._settings
        key = as_key(host)
        texts = settings.overrides.get((key, port)) or settings.overrides.get((key, None))
        if texts is not None:
            addresses = await self._as_addresses(texts, port, deadline)
        elif settings.resolver is None or _is_address(host):
            addresses = await self._backend.resolve(host, port, deadline)
        elif (caching := _caching(settings.resolver)) is not None:
            addresses = await caching.find(
                self._backend, host, port, deadline, lambda: self._look_up(host, port, deadline)
            )
        else:
            addresses = await self._look_up(host, port, deadline)
        if is_guarded and settings.connect_filter is not None:
            return allowed(addresses, settings.connect_filter, peer)
        return addresses

    async def _look_up(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return what the user's resolver says, or the system where there is none."""
        from ._resolver import CachingResolver, ask

        resolver = self._settings.resolver
        if isinstance(resolver, CachingResolver):
            resolver = resolver.resolver
        if resolver is None:
            return await self._backend.resolve(host, port, deadline)
        return await self._as_addresses(await ask(resolver, self._backend, host, port, deadline), port, deadline)

    async def _as_addresses(self, texts: list[str], port: int, deadline: Deadline) -> list[Address]:
        """Return addresses in the form in which the system takes them."""
        return [address for text in texts for address in await self._backend.resolve(text, port, deadline)]

    async def _connect(self, addresses: list[Address], host: str, port: int, peer: str, deadline: Deadline) -> Stream:
        settings = self._settings
        if settings.sockets.local_address is not None:
            addresses = _of_the_same_family(addresses, settings.sockets.local_address, peer)
        try:
            return await self._backend.connect_tcp(addresses, peer, deadline, settings.sockets)
        except (ConnectError, ConnectTimeout):
            caching = _caching(settings.resolver)
            if caching is not None:
                caching.forget(host, port)
            raise


def _caching(resolver: ResolverTypes | None) -> CachingResolver | None:
    """Return the resolver where it is one that remembers."""
    if resolver is None:  # nearly always, and then nothing of resolvers has been loaded
        return None
    from ._resolver import CachingResolver

    return resolver if isinstance(resolver, CachingResolver) else None


def _of_the_same_family(addresses: list[Address], local: str, peer: str) -> list[Address]:
    import ipaddress

    version = ipaddress.ip_address(local).version
    kept = [address for address in addresses if ipaddress.ip_address(address[1][0]).version == version]
    if addresses and not kept:
        raise ConnectError(
            f"connecting to {peer} failed: local_address {local} is IPv{version}, and the peer has no such address"
        )
    return kept


def _is_address(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
