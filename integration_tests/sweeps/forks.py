"""A process that forks while it has connections over TLS: parent and child go on at once, and never share one.

`run` serves, and watches a process of its own that forks, because this one has threads, which a child would not have.
"""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import courser

from ..servers.certificates import Authority
from .peer import requests, serving

REQUESTS = 50
WARM = 3


def run(seed: int, count: int) -> str:
    """Fork `count` times."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with serving(_talk, authority.server_context("127.0.0.1")) as port:
            url = f"https://127.0.0.1:{port}"
            program = f"from {__name__} import main; main({url!r}, {str(authority.bundle)!r}, {count})"
            command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
            ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return f"{count} forks, {REQUESTS} requests on each side of each, {ended.stdout.strip()}"


def _talk(connection: socket.socket) -> None:
    for _, path, _ in requests(connection):
        answer = path.encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))


def main(url: str, bundle: str, count: int) -> None:
    """Fork so often, and send requests on both sides."""
    transport = courser.HTTPTransport(verify=ssl.create_default_context(cafile=bundle))
    transport.warm_up(url, WARM)
    client = courser.Client(transport=transport, timeout=30.0)
    for number in range(count):
        child = os.fork()
        _send(client, f"{url}/{number}/{'parent' if child else 'child'}")
        if not child:
            client.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    made = transport.pool.stats().connections_made
    assert made == WARM, f"the parent lost connections to its children: it made {made}"
    client.close()
    print(f"no answer was another's, and the parent kept its {made} connections")


def _send(client: courser.Client, url: str) -> None:
    for number in range(REQUESTS):
        response = client.get(f"{url}/{number}")
        assert url.endswith(response.text.rpartition("/")[0]), response.text
