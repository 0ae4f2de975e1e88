"""The floor: as little as a Python program can do and still have asked and been answered.

It writes a prepared request, reads the status and Content-Length, and counts bytes. No URL, no header field, no limit,
no time-out, no error worth the name. What a client costs above it, the client chose.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import Self, cast
from urllib.parse import urlsplit

from clients.adapter import Answer, Settings


class AsyncFloor:
    def __init__(self, name: str, settings: Settings) -> None:
        self._context = settings.ssl_context()
        self._prepared: dict[str, bytes] = {}
        self._idle: deque[_Connection] = deque()
        self._connections: list[_Connection] = []
        self._room = settings.connections
        self._waiting: deque[asyncio.Future[_Connection]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        for connection in self._connections:
            connection.transport.close()

    async def get(self, url: str) -> Answer:
        request = self._prepared.get(url)
        if request is None:
            request = self._prepared[url] = _request(url)
        connection = self._idle.pop() if self._idle else await self._connect(url)
        answer = await connection.ask(request)
        self._give_back(connection)
        return answer

    download = get

    async def upload(self, url: str, body: bytes) -> Answer:
        connection = self._idle.pop() if self._idle else await self._connect(url)
        answer = await connection.ask(_request(url, body), body)
        self._give_back(connection)
        return answer

    def _give_back(self, connection: _Connection) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(connection)
        else:
            self._idle.append(connection)

    async def _connect(self, url: str) -> _Connection:
        loop = asyncio.get_running_loop()
        if not self._room:
            waiter: asyncio.Future[_Connection] = loop.create_future()
            self._waiting.append(waiter)
            return await waiter
        self._room -= 1
        host, port = _address(url)
        _, connection = await loop.create_connection(lambda: _Connection(loop), host, port, ssl=self._context)
        self._connections.append(connection)
        return connection


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._head: bytes | None = b""  # None while a body is coming
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, body: bytes = b"") -> asyncio.Future[Answer]:
        self._answer: asyncio.Future[Answer] = self._loop.create_future()
        self.transport.write(request)
        if body:
            self.transport.write(body)
        return self._answer

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self._missing -= len(data)
        else:
            head = self._head + data if self._head else data
            parsed = _parse(head)
            if parsed is None:
                self._head = head
                return
            self._head = None
            self._status, self._length, self._missing = parsed
        if not self._missing:
            self._head = b""
            self._answer.set_result((self._status, self._length))

    def connection_lost(self, error: Exception | None) -> None:
        answer = getattr(self, "_answer", None)
        if answer is not None and not answer.done():
            answer.set_exception(error or ConnectionError("the server closed the connection"))


class SyncFloor:
    def __init__(self, name: str, settings: Settings) -> None:
        self._context = settings.ssl_context()
        self._prepared: dict[str, bytes] = {}
        self._socket: socket.socket | ssl.SSLSocket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def get(self, url: str) -> Answer:
        request = self._prepared.get(url)
        if request is None:
            request = self._prepared[url] = _request(url)
        connection = self._socket or self._connect(url)
        connection.sendall(request)
        head = b""
        while (parsed := _parse(head)) is None:
            head += self._receive(connection)
        status, length, missing = parsed
        while missing:
            missing -= len(self._receive(connection))
        return status, length

    def _receive(self, connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def _connect(self, url: str) -> socket.socket:
        host, port = _address(url)
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = (
            connection if self._context is None else self._context.wrap_socket(connection, server_hostname=host)
        )
        return self._socket


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def _request(url: str, body: bytes = b"") -> bytes:
    parts = urlsplit(url)
    start = f"GET {parts.path}" if not body else f"POST {parts.path}"
    length = "" if not body else f"Content-Length: {len(body)}\r\n"
    return f"{start} HTTP/1.1\r\nHost: {parts.netloc}\r\n{length}\r\n".encode("ascii")


def _parse(data: bytes) -> tuple[int, int, int] | None:
    """Return status, body length and the body bytes still to come; `None` while the head is incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    start = data.index(b"Content-Length: ", 0, end) + 16
    length = int(data[start : data.index(b"\r", start)])
    return int(data[9:12]), length, length - (len(data) - end - 4)
