"""wreq: a fork of Rust's reqwest that can look like a browser; here it looks like itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import wreq
import wreq.blocking

from clients.adapter import TIMEOUT, Answer, Settings


class AsyncWreq:
    def __init__(self, name: str, settings: Settings) -> None:
        self._client = wreq.Client(**_arguments(settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._client.close()

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url)
        return response.status.as_int(), len(await response.bytes())

    async def download(self, url: str) -> Answer:
        length = 0
        response = await self._client.get(url)
        async with response.stream() as chunks:
            async for chunk in chunks:
                length += len(chunk)
        return response.status.as_int(), length

    async def upload(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url, body=body)
        return response.status.as_int(), len(await response.bytes())

    async def upload_pieces(self, url: str, pieces: Iterable[bytes], length: int) -> Answer:
        async def content() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        response = await self._client.post(url, body=content(), headers={"Content-Length": str(length)})
        return response.status.as_int(), len(await response.bytes())


class SyncWreq:
    def __init__(self, name: str, settings: Settings) -> None:
        self._client = wreq.blocking.Client(**_arguments(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def get(self, url: str) -> Answer:
        response = self._client.get(url)
        return response.status.as_int(), len(response.bytes())


def _arguments(settings: Settings) -> dict[str, Any]:
    arguments: dict[str, Any] = {"timeout": timedelta(seconds=TIMEOUT)}
    if settings.certificate_authority is not None:
        arguments["tls_verify"] = Path(settings.certificate_authority)
    return arguments
