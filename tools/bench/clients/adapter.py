"""What every adapter gives: `get` and `download`, each answering with the status and the number of body bytes.

The loop compares the answer with what the server sends, so every client really reads the body. Adapters keep one
client object for their whole life and leave its settings at their defaults, except three, alike for all: limits high
enough for the concurrency, a time-out no slow round reaches, and the certificate authority of the run.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol, Self

Answer = tuple[int, int]

CONNECTIONS = 1000
TIMEOUT = 60.0


@dataclass(frozen=True)
class Settings:
    """What a scenario wants of the client: which authority to trust, `None` where no TLS is spoken, and whether
    HTTP/2 is, over one connection."""

    certificate_authority: str | None = None
    http2: bool = False

    def ssl_context(self) -> ssl.SSLContext | None:
        if self.certificate_authority is None:
            return None
        return ssl.create_default_context(cafile=self.certificate_authority)


class AsyncAdapter(Protocol):
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exception: object) -> None: ...
    async def get(self, url: str) -> Answer: ...
    async def download(self, url: str) -> Answer: ...


class SyncAdapter(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def get(self, url: str) -> Answer: ...
