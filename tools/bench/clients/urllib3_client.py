"""urllib3 alone, which requests is built on."""

from __future__ import annotations

from typing import Self

import urllib3

from clients.adapter import TIMEOUT, Answer, Settings


class SyncUrllib3:
    def __init__(self, name: str, settings: Settings) -> None:
        self._pool = urllib3.PoolManager(timeout=TIMEOUT, ssl_context=settings.ssl_context())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.clear()

    def get(self, url: str) -> Answer:
        response = self._pool.request("GET", url)
        return response.status, len(response.data)
