"""Which addresses may be connected to: the `connect_filter` of a transport, asked of the very ones that are dialled.

Nothing is looked up again after it was asked. So a name that leads somewhere else a moment later, or a URL that writes
an address in an odd way, leads nowhere.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable

from ._exceptions import AddressNotAllowed, ConnectError
from ._network import Address

if typing.TYPE_CHECKING:
    from ._public_addresses import IPAddress

ConnectFilter = Callable[["IPAddress"], bool]


def checked_filter(connect_filter: ConnectFilter | None) -> ConnectFilter | None:
    """Return `connect_filter` as it is; raises `TypeError` for one that could never say no."""
    if connect_filter is not None and not callable(connect_filter):
        raise TypeError(f"connect_filter must be a function of an address, not {type(connect_filter).__name__}")
    if inspect.iscoroutinefunction(connect_filter):
        raise TypeError("connect_filter must be a plain function: what a coroutine function returns is always true")
    return connect_filter


def allowed(addresses: list[Address], connect_filter: ConnectFilter, peer: str) -> list[Address]:
    """Return those of `addresses` that the filter allows; raises `AddressNotAllowed` where there are none."""
    refused: list[str] = []
    kept: list[Address] = []
    for address in addresses:
        ip = ip_of(address, peer)
        if is_allowed(ip, connect_filter):
            kept.append(address)
        else:
            refused.append(str(ip))
    if refused and not kept:
        raise not_allowed(peer, refused)
    return kept


def is_allowed(ip: IPAddress, connect_filter: ConnectFilter) -> bool:
    """Return what the filter says of an address."""
    answer = connect_filter(ip)
    if inspect.isawaitable(answer):
        raise TypeError(
            "connect_filter must be a plain function: what it returned has to be awaited, and is always true"
        )
    return bool(answer)


def not_allowed(peer: str, refused: list[str]) -> AddressNotAllowed:
    """Return the error for a peer that the filter refuses."""
    return AddressNotAllowed(
        f"connecting to {peer} is not allowed: connect_filter refuses {', '.join(refused)}; "
        "if this peer may be connected to, let the filter allow its address"
    )


def ip_of(address: Address, peer: str) -> IPAddress:
    """Return what `address` leads to; one that is IPv4 in IPv6's clothes (RFC 4291 §2.5.5.2) is IPv4 to the system."""
    import ipaddress

    try:
        return unmapped(ipaddress.ip_address(address[1][0]))
    except ValueError as error:
        raise ConnectError(f"connecting to {peer} is not possible: {address[1][0]!r} is no address") from error


def unmapped(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address in an IPv4-mapped one, and any other as it is."""
    return ip if ip.version == 4 else ip.ipv4_mapped or ip
