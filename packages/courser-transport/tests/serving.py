"""A server on loopback, in threads: it answers by path, and can let its connections go.

    /           five bytes
    /chunks     the same, in chunks, each in a write of its own
    /half       the head and half of the body, and then nothing
    /silent     nothing at all
    /late       as /, a few milliseconds late: whoever asks has to wait
    /once       as /, on a connection's first request; on any other it closes without a word
    /large      a megabyte, as late
    /early      the head of a success and half of its body, as soon as the head of the request is there

A request's body is read to its end before any other answer.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import trustme

from worlds import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LARGE = b"x" * 1_000_000


class Server:
    """Serves until it is closed; `connections` are those that were ever accepted, `heard` the paths asked for."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        self.connections: list[socket.socket] = []
        self.heard: list[bytes] = []
        self._goodbye, self._say_goodbye = socket.socketpair()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    @property
    def served(self) -> int:
        """How many connections have a thread that serves them."""
        return len(self._threads) - 1

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(connection)
                self._start(self._serve, connection, len(self.connections) - 1)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            if self._context is None:
                self._answer_all(connection)
            else:
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self.connections[number] = secured
                    self._answer_all(secured)

    def _answer_all(self, connection: socket.socket) -> None:
        received = b""
        answered = 0
        while data := self._next_of(connection):
            received += data
            head, found, body = received.partition(b"\r\n\r\n")
            if found and head.startswith(b"POST /early"):
                connection.sendall(OK[:-3])
                while self._next_of(connection):
                    pass
                return
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            is_chunked = b"chunked" in head.lower()
            if not found or (is_chunked and not body.endswith(b"0\r\n\r\n")) or (length and len(body) < int(length[1])):
                continue
            received = b""
            path = head.split(b" ")[1]
            self.heard.append(path)
            if path == b"/once" and answered:
                return
            answered += 1
            if path in (b"/late", b"/large"):
                time.sleep(0.005)
            for piece in _answers(path):
                connection.sendall(piece)

    def _next_of(self, connection: socket.socket) -> bytes:
        """Return what has come; nothing once the peer is gone, or is to be let go."""
        is_secured = isinstance(connection, ssl.SSLSocket)
        if not (is_secured and connection.pending()):  # type: ignore[attr-defined]
            ready, _, _ = select.select([connection, self._goodbye], [], [])
            if self._goodbye in ready:
                if is_secured:
                    connection.settimeout(0.0)  # our goodbye leaves, and nobody waits for the peer's
                    with contextlib.suppress(ssl.SSLWantReadError):
                        connection.unwrap()  # type: ignore[attr-defined]
                return b""
        return connection.recv(65536)

    def let_go(self) -> None:
        """Close every connection, from this side; each by its own thread, because TLS bears only one at a time."""
        self._say_goodbye.close()
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def close(self) -> None:
        """Stop."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads.pop(0).join(PATIENCE)
        for connection in self.connections:  # each is closed by the thread that reads it
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._say_goodbye.close()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._goodbye.close()


def _answers(path: bytes) -> Iterator[bytes]:
    if path == b"/chunks":
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield from (b"2\r\nhe\r\n", b"3\r\nllo\r\n", b"0\r\n\r\n")
    elif path == b"/half":
        yield OK[:-3]
    elif path == b"/large":
        yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE
    elif path != b"/silent":
        yield OK


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server."""
    server = Server(context)
    try:
        yield server
    finally:
        server.close()


class Certificates:
    """The authority of these servers: `file` is what a client trusts, `server` a server's context."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.file)
        self._certificate = authority.issue_cert("127.0.0.1", "localhost")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificate.configure_cert(self.server)

    def server_with(self, protocols: list[str]) -> ssl.SSLContext:
        """Return a server's context that chooses among `protocols`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificate.configure_cert(context)
        context.set_alpn_protocols(protocols)
        return context
