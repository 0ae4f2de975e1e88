"""A reset after every byte of an exchange: always an error that has a name, in every world, at once."""

import socket
import threading
import time

import courser

from ..worlds import Asyncio, Threads, Trio
from .peer import abort, requests, serving

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\n"
EXCHANGES = [
    HEAD + b"Content-Length: 11\r\n\r\nhello world",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n",
]
PATIENCE = 5.0


def run(seed: int, count: int) -> str:
    """Cut at every `count`-th byte; 1 is every byte."""
    places = [(number, end) for number, whole in enumerate(EXCHANGES) for end in range(seed % count, len(whole), count)]
    heard = threading.Semaphore(0)

    def talk(connection: socket.socket) -> None:
        for _, path, _ in requests(connection):
            number, end = map(int, path.strip("/").split("/"))
            connection.sendall(EXCHANGES[number][:end])
            heard.acquire(timeout=0.002)  # so that what was sent is read, most of the time, before the reset
            abort(connection)
            return

    names: dict[str, int] = {}
    messages: set[str] = set()
    with serving(talk) as port:
        for world in (Threads(), Asyncio(), Trio()):
            for number, end in places:
                started = time.monotonic()
                try:
                    world.fetch("GET", f"http://127.0.0.1:{port}/{number}/{end}", settings={"timeout": PATIENCE})
                except courser.TransportError as error:
                    messages.add(str(error))
                    names[type(error).__name__] = names.get(type(error).__name__, 0) + 1
                else:
                    raise AssertionError(f"{world.name}: {EXCHANGES[number][:end]!r} passed for a response")
                assert time.monotonic() - started < PATIENCE
    assert all("127.0.0.1" in message for message in messages), messages
    assert not set(names) & {"ReadTimeout", "TransportError"}
    return f"{len(places)} places in each of 3 worlds: {', '.join(f'{names[name]} {name}' for name in sorted(names))}"
