"""A great many requests through one client: memory stays where it was after the first tenth of them."""

import asyncio
import gc
import tempfile
from pathlib import Path

import courser

from ..servers.tiny import run_tiny
from .memory import resident

WORKERS = 20
MAY_GROW = 2_000_000


def run(seed: int, count: int) -> str:
    """Send `count` requests, of several kinds in turn."""

    async def work(client: courser.AsyncClient, url: str, jobs: range) -> None:
        for job in jobs:
            if job % 3 == 0:
                response = await client.post(f"{url}/{job}", json={"job": job})
            elif job % 3 == 1:
                response = await client.get(f"{url}/{job}", params={"q": job}, headers={"X-Job": str(job)})
            else:
                async with client.stream("GET", f"{url}/") as response:
                    await response.aread()
            assert response.content == b"hello"

    async def main(url: str) -> tuple[int, int]:
        async with courser.AsyncClient(timeout=30.0) as client:
            first = count // 10
            await asyncio.gather(*[work(client, url, range(number, first, WORKERS)) for number in range(WORKERS)])
            gc.collect()
            before = resident()
            await asyncio.gather(*[work(client, url, range(first + n, count, WORKERS)) for n in range(WORKERS)])
            gc.collect()
            return before, resident()

    with tempfile.TemporaryDirectory() as folder, run_tiny(Path(folder)) as url:
        before, after = asyncio.run(main(url))
    assert after - before < MAY_GROW, f"memory grew from {before} to {after} bytes"
    return f"{before / 1e6:.1f} MB after a tenth, {after / 1e6:.1f} MB at the end"
