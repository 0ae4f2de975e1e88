"""Servers that say more than they were asked: no request ever gets what was meant for another.

What a server says after the next request has left is that request's answer, to any client; so it speaks unasked while
the client's event loop is held up, and only if no further request has arrived by then.
"""

import asyncio
import contextlib
import random
import select
import socket
import ssl
import tempfile
import threading
from collections import Counter
from pathlib import Path

import courser

from ..servers.certificates import Authority
from .peer import requests, serving

WORKERS = 20
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-For: evil\r\n\r\nevil"


def run(seed: int, count: int) -> str:
    """Send `count` requests, half of them over TLS."""
    rng = random.Random(seed)
    pause = Pause()

    def talk(connection: socket.socket) -> None:
        for method, path, _ in requests(connection):
            content = path.encode()
            if path.startswith("/204"):
                answer = b"HTTP/1.1 204 No Content\r\nX-For: %b\r\n\r\n" % content
            else:
                head = b"HTTP/1.1 200 OK\r\nX-For: %b\r\nContent-Length: %d\r\n\r\n" % (content, len(content))
                answer = head if method == "HEAD" else head + content
            mischief = rng.random()
            if mischief < 0.1:  # together with the answer
                connection.sendall(answer + EVIL)
            elif mischief < 0.2:  # soon after it, before the next request leaves
                connection.sendall(answer)
                select.select([], [], [], rng.choice([0.0, 0.0005, 0.002]))
                with pause:
                    if not select.select([connection], [], [], 0)[0]:
                        connection.sendall(EVIL)
            elif mischief < 0.25:  # a body where there is none, or more of it than was announced
                connection.sendall(answer + b"evil")
            elif mischief < 0.3:  # a second answer in front of the first: interim ones are allowed
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\nX-For: evil\r\n\r\n" + answer)
            elif mischief < 0.31:  # an empty line in front of it, which h11 does not bear either
                connection.sendall(b"\r\n" + answer)
            else:
                connection.sendall(answer)

    async def work(client: courser.AsyncClient, url: str, numbers: "asyncio.Queue[int]", seen: Counter[str]) -> None:
        while not numbers.empty():
            number = numbers.get_nowait()
            path = f"/204/{number}" if number % 5 == 0 else f"/{number}"
            method = "HEAD" if number % 7 == 0 else "GET"
            try:
                response = await client.request(method, url + path)
            except (courser.NetworkError, courser.RemoteProtocolError):
                seen["errors"] += 1
                continue
            assert response.headers["x-for"] == path, f"{path} was answered with {response.headers['x-for']}"
            assert response.text == ("" if method == "HEAD" or response.status_code == 204 else path)
            seen["answers"] += 1

    async def main(urls: list[str], context: ssl.SSLContext) -> Counter[str]:
        pause.loop = asyncio.get_running_loop()
        seen: Counter[str] = Counter()
        async with courser.AsyncClient(timeout=10.0, verify=context) as client:
            for url in urls:
                numbers: asyncio.Queue[int] = asyncio.Queue()
                for number in range(count // 2):
                    numbers.put_nowait(number)
                await asyncio.gather(*[work(client, url, numbers, seen) for _ in range(WORKERS)])
        return seen

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with serving(talk) as plain, serving(talk, authority.server_context("127.0.0.1")) as secured:
            urls = [f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secured}"]
            seen = asyncio.run(main(urls, authority.client_context()))
    assert seen["answers"] > 0.9 * count
    return f"{seen['answers']} answers, each to its own request, and {seen['errors']} errors"


class Pause:
    """Holds up `loop` for as long as a server's thread is inside."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._begun = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> None:
        self._one_at_a_time.acquire()
        self._begun.clear()
        self._over.clear()
        with contextlib.suppress(RuntimeError):  # the loop is closed, and sends no requests any more
            self.loop.call_soon_threadsafe(self._wait)
            self._begun.wait(5)

    def _wait(self) -> None:
        self._begun.set()
        self._over.wait(5)

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._one_at_a_time.release()
