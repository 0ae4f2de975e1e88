"""The smallest keep-alive server, in a process of its own: what a client costs is all that a profile sees.

Every request is answered with the eight fields that one often sees, and the same five bytes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import ServerProcess, listener, port_of


@contextmanager
def run_tiny(directory: Path) -> Iterator[str]:
    """Run the tiny server and yield its URL."""
    listening = listener()
    port = port_of(listening)
    command = [sys.executable, "-I", "-c", PROGRAM, str(listening.fileno())]
    with ServerProcess(command, [listening], directory / "output.log"):
        yield f"http://127.0.0.1:{port}"


PROGRAM = r"""
import re, socket, sys, threading

ANSWER = b"\r\n".join([
    b"HTTP/1.1 200 OK",
    b"Server: nginx",
    b"Date: Mon, 01 Jan 2024 00:00:00 GMT",
    b"Content-Type: text/plain",
    b"Content-Length: 5",
    b"Connection: keep-alive",
    b"Vary: Accept-Encoding",
    b"Cache-Control: no-store",
    b"X-Request-Id: 0123456789abcdef",
    b"",
    b"hello",
])

def serve(connection):
    received = b""
    with connection:
        while data := connection.recv(65536):
            received += data
            head, found, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if found and len(body) >= (int(length[1]) if length else 0):
                received = b""
                connection.sendall(ANSWER)

listening = socket.socket(fileno=int(sys.argv[1]))
while True:
    threading.Thread(target=serve, args=[listening.accept()[0]], daemon=True).start()
"""
