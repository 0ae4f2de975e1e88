"""requests, and niquests, which has its interface and a session for asyncio besides."""

from __future__ import annotations

import importlib
from typing import Any, Self

from clients.adapter import TIMEOUT, Answer, Settings


class SyncRequestsLike:
    def __init__(self, name: str, settings: Settings) -> None:
        self._session: Any = importlib.import_module(name).Session()
        if settings.certificate_authority is not None:
            self._session.verify = settings.certificate_authority

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def get(self, url: str) -> Answer:
        response = self._session.get(url, timeout=TIMEOUT)
        return response.status_code, len(response.content)


class AsyncRequestsLike:
    def __init__(self, name: str, settings: Settings) -> None:
        # It asks for HTTP/2 by itself wherever there is TLS; one connection then carries all only if it is multiplexed.
        self._session: Any = importlib.import_module(name).AsyncSession(
            pool_maxsize=settings.connections, multiplexed=settings.http2
        )
        self._multiplexed = settings.http2
        if settings.certificate_authority is not None:
            self._session.verify = settings.certificate_authority

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()

    async def get(self, url: str) -> Answer:
        response = await self._session.get(url, timeout=TIMEOUT)
        if self._multiplexed:
            await self._session.gather(response)
        return response.status_code, len(response.content)

    async def download(self, url: str) -> Answer:
        length = 0
        response = await self._session.get(url, timeout=TIMEOUT, stream=True)
        async for chunk in await response.iter_content(-1):
            length += len(chunk)
        return response.status_code, length

    async def upload(self, url: str, body: bytes) -> Answer:
        response = await self._session.post(url, data=body, timeout=TIMEOUT)
        return response.status_code, len(response.content)
