"""How a transport finds and reaches a host: the settings for dialling, checked once and carried as one object."""

from __future__ import annotations

import inspect
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence

from courser_models import URL, InvalidURL

from ._guard import ConnectFilter, checked_filter
from ._network import DEFAULT_SOCKETS, SocketOption, SocketSettings

if typing.TYPE_CHECKING:
    from ._public_addresses import IPAddress
    from ._resolver import CachingResolver, Resolver

AddressTypes = typing.Union[str, "IPAddress"]
"""An IP address: text such as `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`, or an object of the module `ipaddress`."""

ResolverTypes = typing.Union["Resolver", "CachingResolver"]
ResolveTypes = Mapping[str, typing.Union[AddressTypes, Sequence[AddressTypes]]]
"""Hosts and where they are: `{"example.org:443": "192.0.2.1", "example.com": ["192.0.2.2", "2001:db8::1"]}`."""


class DialSettings:
    """What a `Dialer` goes by; `dial_settings` makes it of a transport's arguments."""

    __slots__ = ("connect_filter", "overrides", "resolver", "sockets", "uds")

    def __init__(
        self,
        resolver: ResolverTypes | None = None,
        overrides: Mapping[tuple[str, int | None], list[str]] = types.MappingProxyType({}),
        connect_filter: ConnectFilter | None = None,
        uds: str | None = None,
        sockets: SocketSettings = DEFAULT_SOCKETS,
    ) -> None:
        self.resolver = resolver
        self.overrides = overrides
        self.connect_filter = connect_filter
        self.uds = uds
        self.sockets = sockets


# That of nearly every transport.
_DEFAULT = DialSettings()


def dial_settings(
    *,
    has_loop: bool,
    resolver: ResolverTypes | None = None,
    resolve: ResolveTypes | None = None,
    connect_filter: ConnectFilter | None = None,
    uds: str | os.PathLike[str] | None = None,
    local_address: AddressTypes | None = None,
    socket_options: Iterable[SocketOption] | None = None,
) -> DialSettings:
    """Return the settings that these arguments of a transport mean; `has_loop` says that it is an async one.

    Raises `ValueError`, `TypeError`.
    """
    given = (resolver, resolve, connect_filter, uds, local_address, socket_options)
    if given.count(None) == len(given):
        return _DEFAULT
    return DialSettings(
        _resolver(resolver, has_loop),
        _overrides(resolve or {}),
        checked_filter(connect_filter),
        _path(uds),
        SocketSettings(tuple(map(_option, socket_options or ())), _local(local_address)),
    )


def _resolver(resolver: ResolverTypes | None, has_loop: bool) -> ResolverTypes | None:
    if resolver is None:
        return None
    from ._resolver import CachingResolver

    asked = resolver.resolver if isinstance(resolver, CachingResolver) else resolver
    if asked is not None:
        resolve = getattr(asked, "resolve", None)
        if not callable(resolve):
            raise TypeError(f"resolver needs a method resolve(host, port), which {type(asked).__name__} does not have")
        if inspect.iscoroutinefunction(resolve) and not has_loop:
            raise TypeError(
                f"the resolver {type(asked).__name__} is for an async client; "
                "a sync one needs a plain function resolve(host, port)"
            )
    return resolver


def _overrides(resolve: ResolveTypes) -> dict[tuple[str, int | None], list[str]]:
    from ._resolver import address_text

    overrides = {}
    for where, addresses in resolve.items():
        several = [addresses] if isinstance(addresses, str) or not isinstance(addresses, Iterable) else addresses
        try:
            texts = [address_text(address) for address in several]
        except ValueError as error:
            raise ValueError(f"resolve leads {where!r} to {error}") from error
        if not texts:
            raise ValueError(f"resolve leads {where!r} to no address")
        overrides[_place(where)] = texts
    return overrides


def _place(where: str) -> tuple[str, int | None]:
    """Return the host, as URLs are compared, and the port, None for any, of a key of `resolve`."""
    host, port = where, None
    if where.rfind("]") < where.rfind(":") and (where.startswith("[") or where.count(":") == 1):
        host, _, text = where.rpartition(":")
        if not (text.isascii() and text.isdigit() and int(text) < 65536):
            raise ValueError(f"resolve has the key {where!r}, whose port is not a number up to 65535")
        port = int(text)
    try:
        url = URL(f"http://[{host}]/" if ":" in host and not host.startswith("[") else f"http://{host}/")
    except InvalidURL as error:
        raise ValueError(f"resolve has the key {where!r}, which is no host: {error}") from error
    if url.raw_path != b"/" or url.userinfo or url.port is not None or url.origin is None:
        raise ValueError(f"resolve has the key {where!r}; a key is a host, or a host and a port: 'example.org:443'")
    return as_key(url.origin.host), port


def as_key(host: str) -> str:
    """Return a host as it is looked up in the overrides: a final dot makes no difference there."""
    return host.rstrip(".")


def _path(uds: str | os.PathLike[str] | None) -> str | None:
    if uds is None:
        return None
    if not os.fspath(uds):
        raise ValueError("uds must be the path of a Unix socket, and is empty")
    return os.fspath(uds)


def _local(local_address: AddressTypes | None) -> str | None:
    if local_address is None:
        return None
    from ._resolver import address_text

    try:
        return address_text(local_address)
    except ValueError as error:
        raise ValueError(
            f"local_address is {error}; give an address of this machine, or '0.0.0.0' or '::' for its family alone"
        ) from None


def _option(option: SocketOption) -> SocketOption:
    match option:
        case (int(), int(), int() | bytes() | bytearray()) | (int(), int(), None, int()):
            return option
    raise ValueError(
        f"socket_options has {option!r}; an option is (level, option, value) or (level, option, None, length)"
    )
