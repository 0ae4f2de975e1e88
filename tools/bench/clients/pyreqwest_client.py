"""pyreqwest: Rust's reqwest, with the requests made in Python and all else done in threads of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

from pyreqwest.client import BaseClientBuilder, ClientBuilder, SyncClientBuilder

from clients.adapter import TIMEOUT, Answer, Settings

Builder = TypeVar("Builder", bound=BaseClientBuilder)


class AsyncPyreqwest:
    def __init__(self, name: str, settings: Settings) -> None:
        self._client = _set(ClientBuilder(), settings).build()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.__aexit__(*exception)

    async def get(self, url: str) -> Answer:
        response = await self._client.get(url).build().send()
        return response.status, len(await response.bytes())

    async def download(self, url: str) -> Answer:
        length = 0
        async with self._client.get(url).build_streamed() as response:
            while chunk := await response.body_reader.read_chunk():
                length += len(chunk)
            return response.status, length

    async def upload(self, url: str, body: bytes) -> Answer:
        response = await self._client.post(url).body_bytes(body).build().send()
        return response.status, len(await response.bytes())

    async def upload_pieces(self, url: str, pieces: Iterable[bytes], length: int) -> Answer:
        async def content() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        request = self._client.post(url).header("Content-Length", str(length)).body_stream(content())
        response = await request.build().send()
        return response.status, len(await response.bytes())


class SyncPyreqwest:
    def __init__(self, name: str, settings: Settings) -> None:
        self._client = _set(SyncClientBuilder(), settings).build()

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.__exit__(*exception)

    def get(self, url: str) -> Answer:
        response = self._client.get(url).build().send()
        return response.status, len(response.bytes())


def _set(builder: Builder, settings: Settings) -> Builder:
    builder = builder.max_connections(settings.connections).timeout(timedelta(seconds=TIMEOUT))
    if settings.certificate_authority is not None:
        builder = builder.add_root_certificate_pem(Path(settings.certificate_authority).read_bytes())
    # It offers HTTP/2 only when told to.
    return builder.http2(True) if settings.http2 else builder
