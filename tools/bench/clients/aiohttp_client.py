"""aiohttp, with its C parser. It connects and reads lazily, so the session is made inside the running loop."""

from __future__ import annotations

import io
from typing import Any, Self

import aiohttp

from clients.adapter import TIMEOUT, Answer, Settings


class AsyncAiohttp:
    def __init__(self, name: str, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._settings.connections, ssl=self._settings.ssl_context() or True)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, **_features(self._settings))
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

    async def upload(self, url: str, body: bytes) -> Answer:
        # It warns of large bytes, and asks for them to be wrapped.
        async with self._session.post(url, data=io.BytesIO(body)) as response:
            return response.status, len(await response.read())


def _features(settings: Settings) -> dict[str, Any]:
    """Return the arguments for the features; it follows redirects by itself, and its list of hooks starts empty."""
    if settings.features == "absent":
        return {}
    # By default its jar refuses hosts that are addresses, and would be spared the work.
    jar = aiohttp.CookieJar(unsafe=True)
    host = "127.0.0.1" if settings.features == "used" else "other.example"
    jar.update_cookies({"session": "0123456789abcdef"}, aiohttp.client.URL(f"http://{host}/"))
    if settings.features == "unused":
        return {"cookie_jar": jar}

    async def hook(*arguments: object) -> None:
        pass

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(hook)
    trace.on_request_end.append(hook)
    return {"cookie_jar": jar, "auth": aiohttp.BasicAuth("user", "password"), "trace_configs": [trace]}
