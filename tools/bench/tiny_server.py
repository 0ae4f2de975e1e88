"""A server as small as the floor, in a process of its own: for counting calls, where order matters and speed does not.

Every request gets the same answer in one write, so a client always sees the same reads. Prints its port and serves
until its standard input closes, so it cannot outlive who started it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from servers import SMALL_BODY

# The eight fields of an ordinary response behind nginx.
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: nginx\r\n"
    b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: keep-alive\r\n"
    b"Vary: Accept-Encoding\r\n"
    b"Cache-Control: no-store\r\n"
    b"X-Request-Id: 0123456789abcdef\r\n"
    b"\r\n"
    b"%s"
) % (len(SMALL_BODY), SMALL_BODY)


@contextmanager
def running() -> Iterator[str]:
    """Serve for the length of the block; gives the URL."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # it is a pipe
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/small"
    finally:
        process.terminate()
        process.communicate()


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            self._received = self._received[end + 4 :]
            self._transport.write(_RESPONSE)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
