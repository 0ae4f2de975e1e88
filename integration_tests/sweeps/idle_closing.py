"""A server that closes idle connections at any moment, in every world: no GET notices, and no POST comes twice."""

import random
import select
import socket
import threading
from collections.abc import Iterator

import courser

from ..worlds import World
from .peer import requests, serving
from .together import WORLDS, Together

WORKERS = 20


def run(seed: int, count: int) -> str:
    """Send `count` GETs and a quarter as many POSTs, in each world."""
    found = []
    for world, together in WORLDS:
        failed = _run_in(world, together, random.Random(f"{seed} {world.name}"), count)
        found.append(f"{world.name}: {count} GETs without an error, {failed} of {count // 4} POSTs with a clear one")
    return "; ".join(found) + "; no POST came twice"


def _run_in(world: World, together: Together, rng: random.Random, count: int) -> int:
    acted_on: list[str] = []
    failures: list[str] = []
    messages: set[str] = set()

    def talk(connection: socket.socket) -> None:
        for method, path, body in requests(connection):
            if method == "POST":
                acted_on.append(body.decode())
            answer = path.encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
            if rng.random() < 0.5:
                # Goodbye within two milliseconds, just when the next request may be on its way.
                select.select([connection] if rng.random() < 0.2 else [], [], [], rng.random() * 0.002)
                return

    async def program(client: courser.AsyncClient) -> None:
        async def get() -> None:
            for number in gets:
                response = await client.get(f"{url}/{number}")
                assert response.text == f"/{number}"

        async def post() -> None:
            for number in posts:
                try:
                    response = await client.post(f"{url}/", content=str(number))
                except (courser.NetworkError, courser.RemoteProtocolError) as error:
                    failures.append(str(number))
                    messages.add(str(error))
                else:
                    assert response.status_code == 200

        gets, posts = Numbers(count), Numbers(count // 4)
        await together.run_all([get] * WORKERS)
        await together.run_all([post] * WORKERS)

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}"
        world.run(program, timeout=10.0)
    assert all("127.0.0.1" in message for message in messages), messages
    assert len(set(acted_on)) == len(acted_on), "a POST was sent twice"
    assert len(set(acted_on) | set(failures)) == count // 4, "a POST is neither done nor failed"
    return len(failures)


class Numbers:
    """The numbers below `end`, each for one of those who take them."""

    def __init__(self, end: int) -> None:
        self._numbers = iter(range(end))
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            yield number
