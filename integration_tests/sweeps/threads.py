"""Many threads on one client, which the interpreter lets take turns as often as it can: each gets its own answers.

Some leave a response half-way, drop it, are refused, or have no patience; nobody else waits for ever because of them.
"""

import random
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import courser

from .peer import requests, serving

THREADS = 64
PLACES = 10
KEPT = 5
PATIENCE = 20.0
LARGE = b"x" * 300_000


def run(seed: int, count: int) -> str:
    """Send `count` requests in all."""
    failures: list[BaseException] = []
    limits = courser.Limits(max_connections=PLACES, max_keepalive_connections=KEPT)
    transport = courser.HTTPTransport(limits=limits)

    def work(client: courser.Client, url: str, number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        try:
            for job in range(number, count, THREADS):
                _exchange(client, url, job, rng)
        except BaseException as error:
            failures.append(error)

    with serving(_talk) as port, courser.Client(transport=transport, timeout=PATIENCE) as client, _many_turns():
        url = f"http://127.0.0.1:{port}"
        threads = [threading.Thread(target=work, args=(client, url, number)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        stats = transport.pool.stats()
        assert (stats.lent, stats.connecting, stats.waiting) == (0, 0, 0), stats
        assert stats.open == stats.idle <= KEPT, stats
    return f"{count} requests by {THREADS} threads over {stats.connections_made} connections, each with its own answer"


def _exchange(client: courser.Client, url: str, number: int, rng: random.Random) -> None:
    """Send the request of this number, whose answer nobody else may get."""
    kind = rng.choice(["get"] * 6 + ["post", "post", "large", "left", "dropped", "refused", "impatient"])
    path = f"/{kind}/{number}"
    if kind == "refused":
        with suppress(courser.LocalProtocolError):
            client.get(url + path, headers=[("Host", "one"), ("Host", "another")])
            raise AssertionError("two hosts are one too many")
        return
    if kind == "dropped":
        client.send(client.build_request("GET", url + path), stream=True)
        return
    if kind == "impatient":
        with suppress(courser.PoolTimeout):
            response = client.get(url + path, timeout=courser.Timeout(PATIENCE, pool=0.001))
            assert response.text == path
        return
    if kind == "left":
        with client.stream("GET", url + path) as response:
            assert next(response.iter_raw()).startswith(b"x")
    elif kind == "large":
        response = client.get(url + path)
        assert response.content == LARGE
    else:
        content = path.encode() * 100 if kind == "post" else None
        response = client.request(kind.upper(), url + path, content=content)
        assert response.text == path
    assert response.headers["x-for"] == path


def _talk(connection: socket.socket) -> None:
    for method, path, body in requests(connection):
        own = path.encode()
        assert method == "GET" or body == own * 100
        content = LARGE if path.startswith(("/large", "/left", "/dropped")) else own
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-For: %b\r\nContent-Length: %d\r\n\r\n" % (own, len(content)))
        connection.sendall(content)


@contextmanager
def _many_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # of what is dropped
            yield
    finally:
        sys.setswitchinterval(before)
