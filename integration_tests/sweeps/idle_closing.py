"""A server that closes idle connections at any moment: no GET notices, and no POST is acted on twice."""

import asyncio
import random
import select
import socket
import threading

import courser

from .peer import requests, serving

WORKERS = 20


def run(seed: int, count: int) -> str:
    """Send `count` GETs and a quarter as many POSTs."""
    rng = random.Random(seed)
    acted_on: list[str] = []
    messages: set[str] = set()
    lock = threading.Lock()

    def talk(connection: socket.socket) -> None:
        for method, path, body in requests(connection):
            if method == "POST":
                with lock:
                    acted_on.append(body.decode())
            answer = path.encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
            if rng.random() < 0.5:
                # Goodbye within two milliseconds, just when the next request may be on its way.
                select.select([connection] if rng.random() < 0.2 else [], [], [], rng.random() * 0.002)
                return

    async def work(client: courser.AsyncClient, url: str, numbers: "asyncio.Queue[int]", failures: list[str]) -> None:
        while not numbers.empty():
            number = numbers.get_nowait()
            response = await client.get(f"{url}/{number}")
            assert response.text == f"/{number}"

    async def order(client: courser.AsyncClient, url: str, numbers: "asyncio.Queue[int]", failures: list[str]) -> None:
        while not numbers.empty():
            number = numbers.get_nowait()
            try:
                response = await client.post(f"{url}/", content=str(number))
            except (courser.NetworkError, courser.RemoteProtocolError) as error:
                failures.append(str(number))
                messages.add(str(error))
            else:
                assert response.status_code == 200

    async def main(port: int) -> list[str]:
        failures: list[str] = []
        async with courser.AsyncClient(timeout=10.0) as client:
            for job, jobs in ((work, count), (order, count // 4)):
                numbers: asyncio.Queue[int] = asyncio.Queue()
                for number in range(jobs):
                    numbers.put_nowait(number)
                url = f"http://127.0.0.1:{port}"
                await asyncio.gather(*[job(client, url, numbers, failures) for _ in range(WORKERS)])
        return failures

    with serving(talk) as port:
        failures = asyncio.run(main(port))
    assert all("127.0.0.1" in message for message in messages), messages
    assert len(set(acted_on)) == len(acted_on), "a POST was sent twice"
    assert len(set(acted_on) | set(failures)) == count // 4, "a POST is neither done nor failed"
    return (
        f"{count} GETs without an error; {count // 4} POSTs, {len(failures)} failed with a clear error, none came twice"
    )
