"""Thirty-two threads share one client and one connection to nghttpd."""

import tempfile
from pathlib import Path
from typing import Any

import courser

from ..servers.certificates import Authority
from ..servers.http2_servers import SMALL, run_nghttpd
from .crowds import crowd

THREADS = 32


def run(seed: int, count: int) -> str:
    """Send `count` requests."""

    async def job(client: courser.AsyncClient, number: int) -> None:
        response = await client.get(url + "/small", params={"number": number})
        assert (response.http_version, response.content) == ("HTTP/2", SMALL)

    async def last(client: courser.AsyncClient, pool: Any) -> None:
        told.append(pool.stats())

    told: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        with run_nghttpd(Path(folder), authority) as url:
            limits = courser.Limits(max_connections=1, keepalive_expiry=None)
            settings: dict[str, Any] = {"verify": str(authority.bundle), "http2": True, "limits": limits}
            crowd("threads", job, count, THREADS, last, timeout=30.0, **settings)
    [stats] = told
    assert (stats.requests, stats.connections_made, stats.streams, stats.idle) == (count, 1, 0, 1), stats
    return f"{stats.requests} requests of {THREADS} threads on {stats.connections_made} connection, no error"
