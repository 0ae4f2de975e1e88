"""nginx is reloaded again and again under requests over HTTP/2: it says goodbye to connections, and nobody notices."""

import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import courser

from ..servers.certificates import Authority
from ..servers.nginx import SMALL, run_nginx
from .crowds import crowd

AT_ONCE = 20
RELOAD_EVERY = 0.2


def run(seed: int, count: int) -> str:
    """Send `count` requests; the default limits of the client are in force."""
    told: list[Any] = []
    over = threading.Event()
    reloads = [0]

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with run_nginx(Path(folder), authority) as nginx:
            master = int((Path(folder) / "nginx.pid").read_text("ascii"))

            def reload() -> None:
                while not over.wait(RELOAD_EVERY):
                    os.kill(master, signal.SIGHUP)
                    reloads[0] += 1

            async def job(client: courser.AsyncClient, number: int) -> None:
                if number % 10 == 0:
                    response = await client.get(nginx.http2 + "/medium.bin")
                    assert len(response.content) == 1024 * 1024
                else:
                    response = await client.get(nginx.http2 + "/small.json")
                    assert response.content == SMALL
                assert response.http_version == "HTTP/2"

            async def last(client: courser.AsyncClient, pool: Any) -> None:
                told.append(pool.stats())

            reloading = threading.Thread(target=reload)
            reloading.start()
            try:
                settings: dict[str, Any] = {"verify": str(authority.bundle), "http2": True, "timeout": 30.0}
                crowd("asyncio", job, count, AT_ONCE, last, **settings)
            finally:
                over.set()
                reloading.join()
    [stats] = told
    assert stats.streams == 0
    return f"{count} requests through {reloads[0]} reloads on {stats.connections_made} connections, none failed"
