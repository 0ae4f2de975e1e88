"""Which addresses the ready filter calls public."""

from __future__ import annotations

import ipaddress
import random
from pathlib import Path

import pytest

from courser_transport import public_addresses_only
from courser_transport._public_addresses import _NOT_PUBLIC

HOSTS = Path(__file__).with_name("ssrf_hosts.txt")


def _words(text: str) -> list[str]:
    return text.split()


PUBLIC = _words("""
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
    169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 198.51.99.255 203.0.114.0 223.255.255.255
    2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001::1 2003::1 2620:fe::fe 2001:200::1 2001:4000::1
    ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2001:0:808:808::f7f7:f7f7
""")

NOT_PUBLIC = _words("""
    0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255
    :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::8.8.8.8 64:ff9b:1:7f00:0:100:: 100::1 100:0:0:1::1
    2001::1 2001:0:7f00:1::f7f7:f7f7 2001:0:808:808::80ff:fffe 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
    2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:1::1 3fff::1 5f00::1 4000::1 f000::1
    fc00::1 fd00:ec2::254 fd20:ce::254 fdff:ffff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 ff02::1 ff0e::1
""")


@pytest.mark.parametrize("address", PUBLIC)
def test_any_host_may_be_reached_there(address: str) -> None:
    assert public_addresses_only(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_nobody_is_let_there(address: str) -> None:
    assert not public_addresses_only(ipaddress.ip_address(address))


def test_no_address_that_is_dialled_for_an_odd_notation_is_public() -> None:
    lines = [line.split("\t") for line in HOSTS.read_text("utf-8").splitlines() if not line.startswith("#")]
    dialled = [ipaddress.ip_address(address) for _, address in lines if address != "refuse"]
    assert len(dialled) > 30
    assert not any(map(public_addresses_only, dialled))


def test_what_is_public_here_is_so_to_python_too() -> None:
    numbers = random.Random(1918)
    # Random ones, and those at the edges of networks, where a table goes wrong.
    edges = [int(end) + step for network in _NOT_PUBLIC for end in (network[0], network[-1]) for step in (-1, 0, 1)]
    for number in [*(numbers.getrandbits(32) for _ in range(20_000)), *edges]:
        address = ipaddress.IPv4Address(number % 2**32)
        if public_addresses_only(address):
            assert address.is_global, address
    for _ in range(20_000):
        address6 = ipaddress.IPv6Address(numbers.getrandbits(128) >> 3 | 1 << 125)
        # Python 3.13 calls all of 6to4 private.
        if public_addresses_only(address6) and address6 not in ipaddress.ip_network("2002::/16"):
            assert address6.is_global, address6


def test_an_address_is_as_public_as_the_one_it_carries() -> None:
    numbers = random.Random(6052)
    for number in [*(numbers.getrandbits(32) for _ in range(2_000)), *(int(network[0]) for network in _NOT_PUBLIC)]:
        inner = ipaddress.IPv4Address(number)
        carriers = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
        carriers += [0x20010000 << 96 | 0x08080808 << 64 | (number ^ 0xFFFFFFFF)]
        for carrier in carriers:
            assert public_addresses_only(ipaddress.IPv6Address(carrier)) is public_addresses_only(inner), inner
