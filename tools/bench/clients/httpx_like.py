"""courser, httpx and httpx2: one adapter, because they have one interface."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from clients.adapter import TIMEOUT, Answer, Settings


class AsyncHTTPXLike:
    def __init__(self, name: str, settings: Settings) -> None:
        library = importlib.import_module(name)

        async def hook(message: object) -> None:
            pass

        self._client = library.AsyncClient(**_arguments(library, settings, hook))

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.__aexit__(*exception)

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return response.status_code, len(response.content)

    async def download(self, url: str) -> Answer:
        length = 0
        async with self._client.stream("GET", url) as response:
            async for chunk in response.aiter_bytes():
                length += len(chunk)
        return response.status_code, length

    async def upload(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, content=body)
        return response.status_code, len(response.content)

    async def upload_pieces(self, url: str, pieces: Iterable[bytes], length: int) -> Answer:
        async def content() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        response = await self._client.post(url, content=content(), headers={"Content-Length": str(length)})
        return response.status_code, len(response.content)


class SyncHTTPXLike:
    def __init__(self, name: str, settings: Settings) -> None:
        library = importlib.import_module(name)
        self._client = library.Client(**_arguments(library, settings, lambda message: None))

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.__exit__(*exception)

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return response.status_code, len(response.content)


def _arguments(library: Any, settings: Settings, hook: object) -> dict[str, Any]:
    limits = {"max_connections": settings.connections, "max_keepalive_connections": settings.connections}
    arguments: dict[str, Any] = {"limits": library.Limits(**limits), "timeout": TIMEOUT}
    context = settings.ssl_context()
    if context is not None:
        arguments["verify"] = context
    if settings.http2:
        arguments["http2"] = True
    if settings.features != "absent":
        used = settings.features == "used"
        cookies = library.Cookies()
        cookies.set("session", "0123456789abcdef", domain="127.0.0.1" if used else "other.example")
        arguments["cookies"] = cookies
        arguments["auth"] = ("user", "password") if used else None
        arguments["event_hooks"] = {"request": [hook] if used else [], "response": [hook] if used else []}
        arguments["follow_redirects"] = True
    return arguments
