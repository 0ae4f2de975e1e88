"""A peer on loopback that the test plays itself: a listening socket, and the accepted end of each connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from courser_transport._network import Address
from worlds import PATIENCE


class Peer:
    """Listens on a free port; `accept` gives the next connection, blocking, with a time limit."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port: int = self.listener.getsockname()[1]
        self.accepted: list[socket.socket] = []

    @property
    def addresses(self) -> list[Address]:
        """The address to connect to."""
        return [(socket.AF_INET, ("127.0.0.1", self.port))]

    def accept(self) -> socket.socket:
        """Return the next connection; loopback completes it in the kernel, so this does not wait for the client."""
        sock, _ = self.listener.accept()
        sock.settimeout(PATIENCE)
        self.accepted.append(sock)
        return sock


@contextmanager
def peer() -> Iterator[Peer]:
    """Give a peer, and close all its sockets afterwards."""
    it = Peer()
    try:
        yield it
    finally:
        for sock in [it.listener, *it.accepted]:
            sock.close()


def reset(sock: socket.socket) -> None:
    """Close with a RST instead of a FIN."""
    import struct

    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
