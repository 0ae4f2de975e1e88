"""requests, which only has the sync world."""

from __future__ import annotations

from typing import Self

import requests

from clients.adapter import TIMEOUT, Answer, Settings


class SyncRequests:
    def __init__(self, name: str, settings: Settings) -> None:
        self._session = requests.Session()
        if settings.certificate_authority is not None:
            self._session.verify = settings.certificate_authority

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def get(self, url: str) -> Answer:
        response = self._session.get(url, timeout=TIMEOUT)
        return response.status_code, len(response.content)
