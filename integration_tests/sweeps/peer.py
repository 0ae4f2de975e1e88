"""A server on loopback that talks as its sweep wants: one function for each connection, in a thread of its own."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None, buffer: int | None = None) -> Iterator[int]:
    """Serve with `talk`, which may let any `OSError` pass; yield the port. `buffer` is how much may arrive unread."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    if buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        # Loopback's own segments are larger than such a buffer, and TCP would wait 200 ms for each.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is None:
                talk(connection)
            else:
                with context.wrap_socket(connection, server_side=True) as secured:
                    talk(secured)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


def requests(connection: socket.socket) -> Iterator[tuple[str, str, bytes]]:
    """Yield method, path and body of each request that comes, until the client closes."""
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            data = connection.recv(65536)
            if not data:
                return
            received += data
        head, _, received = received.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        lengths = [int(field.partition(":")[2]) for field in fields if field.lower().startswith("content-length:")]
        length = lengths[0] if lengths else 0
        while len(received) < length:
            data = connection.recv(65536)
            if not data:
                return
            received += data
        method, path, _ = line.split(" ")
        yield method, path, received[:length]
        received = received[length:]


def abort(connection: socket.socket) -> None:
    """Close a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    socket.socket.close(connection)
