"""A proxy on loopback, in threads: it opens tunnels, over HTTP, HTTP with TLS to itself, or SOCKS, and passes bytes on.

A `guarded` one answers 407 to whoever brings no `Proxy-Authorization`, and closes.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from worlds import PATIENCE


class Relay:
    """Relays until it is closed; `url` is what `proxy=` takes."""

    def __init__(self, scheme: str, context: ssl.SSLContext | None = None, is_guarded: bool = False) -> None:
        self._scheme = scheme
        self._context = context
        self._is_guarded = is_guarded
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=[connection], daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, connection: Any) -> None:
        with connection, contextlib.suppress(OSError, IndexError):
            self._remember(connection)
            if self._scheme == "https":
                assert self._context is not None
                connection = self._context.wrap_socket(connection, server_side=True)
                self._remember(connection)
            with connection:
                answer, where = self._socks(connection) if "socks" in self._scheme else self._http(connection)
                if where is None:
                    connection.sendall(answer)
                    return
                with socket.create_connection(where, PATIENCE) as onward:
                    self._remember(onward)
                    connection.sendall(answer)
                    _pass_on(connection, onward)

    def _remember(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def _http(self, connection: socket.socket) -> tuple[bytes, tuple[str, int] | None]:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                raise OSError("the client is gone")
            head += data
        if self._is_guarded and b"\r\nProxy-Authorization: " not in head:
            return b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Test\r\nContent-Length: 0\r\n\r\n", None
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        return b"HTTP/1.1 200 Connected\r\n\r\n", (host, int(port))

    def _socks(self, connection: socket.socket) -> tuple[bytes, tuple[str, int]]:
        if self._scheme.startswith("socks5"):
            connection.recv(262)
            connection.sendall(b"\x05\x00")
            request = connection.recv(262)
            address = socket.inet_ntoa(request[4:8])  # the tests' servers have no other
            return b"\x05\x00\x00\x01" + bytes(6), (address, int.from_bytes(request[8:10], "big"))
        request = connection.recv(262)
        return b"\x00\x5a" + bytes(6), (socket.inet_ntoa(request[4:8]), int.from_bytes(request[2:4], "big"))

    def close(self) -> None:
        """Stop."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)


def _pass_on(one: Any, other: Any) -> None:
    """Pass on what arrives, both ways, until one of them ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, (one, other))
        ready.register(other, selectors.EVENT_READ, (other, one))
        while True:
            for key, _ in ready.select():
                here, there = key.data
                while True:
                    data = here.recv(65536)
                    if not data:
                        return
                    there.sendall(data)
                    if not (isinstance(here, ssl.SSLSocket) and here.pending()):
                        break


@contextlib.contextmanager
def relaying(scheme: str, context: ssl.SSLContext | None = None, is_guarded: bool = False) -> Iterator[Relay]:
    """Run a relay."""
    relay = Relay(scheme, context, is_guarded)
    try:
        yield relay
    finally:
        relay.close()
