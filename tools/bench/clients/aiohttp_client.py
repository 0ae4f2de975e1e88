"""aiohttp, with its C parser. It connects and reads lazily, so the session is made inside the running loop."""

from __future__ import annotations

from typing import Self

import aiohttp

from clients.adapter import CONNECTIONS, TIMEOUT, Answer, Settings


class AsyncAiohttp:
    def __init__(self, name: str, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=self._settings.ssl_context() or True)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()

    async def get(self, url: str) -> Answer:
        async with self._session.get(url) as response:
            return response.status, len(await response.read())

    async def download(self, url: str) -> Answer:
        length = 0
        async with self._session.get(url) as response:
            async for chunk in response.content.iter_any():
                length += len(chunk)
            return response.status, length
