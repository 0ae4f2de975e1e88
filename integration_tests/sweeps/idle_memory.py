"""What an idle connection costs in memory: 5 KB at most, the event loop's part included."""

import asyncio
import gc
import tempfile
from pathlib import Path

import courser

from ..servers.tiny import run_tiny
from .memory import resident

MAY_COST = 5_000


def run(seed: int, count: int) -> str:
    """Make `count` connections and let them rest."""
    limits = courser.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)

    async def main(url: str) -> float:
        async with courser.AsyncHTTPTransport(limits=limits) as transport:
            await transport.pool.warm_up(url, 50)  # what is there once, whatever the number
            gc.collect()
            before = resident()
            made = await transport.pool.warm_up(url, 50 + count) - 50
            gc.collect()
            assert made == count
            return (resident() - before) / count

    with tempfile.TemporaryDirectory() as folder, run_tiny(Path(folder)) as url:
        cost = asyncio.run(main(url))
    assert cost <= MAY_COST, f"an idle connection costs {cost:.0f} bytes"
    return f"{cost:.0f} bytes an idle connection"
