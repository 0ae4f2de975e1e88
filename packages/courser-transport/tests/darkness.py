"""Addresses that do not answer, and sockets that are counted."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from courser_transport._network import Address

HERE = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
# Besides the one that servers of tests listen at.
ELSEWHERE = {socket.AF_INET: "127.0.0.2", socket.AF_INET6: "::1"}


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


# A machine without IPv6 has black holes in IPv4 alone.
FAMILIES = [socket.AF_INET, *([socket.AF_INET6] if _has_ipv6() else [])]


@contextlib.contextmanager
def black_hole(family: int = socket.AF_INET, port: int = 0) -> Iterator[Address]:
    """Give an address at which connecting neither succeeds nor fails: nobody accepts, and the queue is full."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(family))
        listener.bind((ELSEWHERE[socket.AddressFamily(family)], port))
        listener.listen(0)
        for _ in range(3):
            sock = sockets.enter_context(socket.socket(family))
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield family, listener.getsockname()


@contextlib.contextmanager
def refusing() -> Iterator[Address]:
    """Give an address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield socket.AF_INET, unused.getsockname()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that are made from now on."""
    sockets: list[socket.socket] = []

    class Noted(socket.socket):
        def __init__(self, *arguments: int, **options: int) -> None:
            super().__init__(*arguments, **options)
            sockets.append(self)

    monkeypatch.setattr(socket, "socket", Noted)
    return sockets


def still_open(sockets: list[socket.socket]) -> int:
    """Return how many of the sockets have a descriptor."""
    return sum(sock.fileno() != -1 for sock in sockets)
