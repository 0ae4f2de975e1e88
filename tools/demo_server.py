"""The server of the demo: HTTP/1.1 and TLS on loopback, in a thread of its own, with a certificate made on the spot.

It answers /item/<n> with JSON, /download with 64 MB, /echo with what it was sent, /slow not at all, and
everything else with 404.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from pathlib import Path
from types import TracebackType

import trustme

DOWNLOAD_SIZE = 64_000_000
_BLOCK = b"x" * 256_000


class DemoServer:
    """Runs while its block runs; `http` and `https` are its base URLs, `authority` the file that vouches for it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.authority)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._tls)
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="demo server")
        self._talks: set[asyncio.Task[None]] = set()
        self.http = self.https = ""

    def __enter__(self) -> DemoServer:
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        plain = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        secure = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self._tls)
        self.http = f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        self.https = f"https://localhost:{secure.sockets[0].getsockname()[1]}"
        self._is_ready.set()
        await self._stop.wait()
        plain.close()
        secure.close()
        await asyncio.gather(*self._talks)  # each ends when its client has gone

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                body = await reader.readexactly(length)
                await self._answer(head.split(b" ", 2)[1].decode(), body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path.startswith("/item/"):
            _send(writer, "200 OK", json.dumps({"item": int(path[6:])}).encode())
        elif path == "/echo":
            _send(writer, "200 OK", json.dumps({"received": json.loads(body)}).encode())
        elif path == "/download":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % DOWNLOAD_SIZE)
            for _ in range(DOWNLOAD_SIZE // len(_BLOCK)):
                writer.write(_BLOCK)
                await writer.drain()
        elif path == "/slow":
            await self._stop.wait()
        else:
            _send(writer, "404 Not Found", b"{}")
        await writer.drain()


def _send(writer: asyncio.StreamWriter, status: str, body: bytes) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
