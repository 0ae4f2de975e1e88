"""Which addresses are public: those that any host of the internet may reach, and no other.

The tables are IANA's registries of special-purpose addresses (RFC 6890 and what came since), written out because what
`ipaddress` calls global changes with the Python that runs. An address that carries another is as public as that one.
"""

from __future__ import annotations

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 is the machine itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a provider, and Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host below an Azure machine
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, benchmarks, ORCHID; Teredo is looked into before
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64, RFC 6052 §2.1
_6TO4 = ipaddress.IPv6Network("2002::/16")  # RFC 3056 §2
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380 §4


def public_addresses_only(address: IPAddress) -> bool:
    """Return whether `address` is public: for `connect_filter`, where URLs come from people who are not trusted.

    Not public are private, loopback, link-local, unique-local and site-local addresses, multicast, those of clouds'
    metadata, providers' shared ones (100.64.0.0/10), and those that are unspecified, reserved, or kept for
    documentation and benchmarks. An address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo) is judged by
    that one; local NAT64 (64:ff9b:1::/48) and IPv4-compatible addresses never are public.

    >>> import ipaddress
    >>> public_addresses_only(ipaddress.ip_address("192.168.0.1"))
    False
    >>> public_addresses_only(ipaddress.ip_address("64:ff9b::7f00:1"))
    False
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    carried = _carried(address)
    if carried:
        return all(public_addresses_only(inner) for inner in carried)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_6)


def _carried(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses to which packets for `address` may go in the end."""
    number = int(address)
    if address in _MAPPED or address in _TRANSLATED:
        return [_low(number)]
    if address in _6TO4:
        return [_low(number >> 80)]
    if address in _TEREDO:  # the server, and the client with its bits turned round
        return [_low(number >> 64), _low(~number)]
    return []


def _low(number: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(number & 0xFFFFFFFF)
