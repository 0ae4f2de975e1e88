"""What every adapter gives: `get`, `download`, `upload`, each answering with the status and the number of body bytes.

The loop compares the answer with what the server sends, so every client really reads the body. Adapters keep one
client object for their whole life and leave its settings at their defaults, except what `Settings` says, alike for
all: limits high enough for the concurrency, a time-out no slow round reaches, and the certificate authority of the run.
An adapter has the methods that its scenarios need.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

Answer = tuple[int, int]

CONNECTIONS = 1000
TIMEOUT = 600.0


@dataclass(frozen=True)
class Settings:
    """What a scenario wants of the client: which authority to trust, `None` where no TLS is spoken; whether HTTP/2 is,
    over one connection; how many connections it may open; and what of its features is at work.

    Features «unused»: a cookie for another host is in the jar, there are no credentials, the lists of hooks are empty,
    and redirects would be followed. «used»: the cookie is for the host that is asked, the credentials are sent, and
    there is a hook before and one after each exchange.
    """

    certificate_authority: str | None = None
    http2: bool = False
    connections: int = CONNECTIONS
    features: Literal["absent", "unused", "used"] = "absent"

    def ssl_context(self) -> ssl.SSLContext | None:
        if self.certificate_authority is None:
            return None
        return ssl.create_default_context(cafile=self.certificate_authority)


class AsyncAdapter(Protocol):
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exception: object) -> None: ...
    async def get(self, url: str) -> Answer: ...
    async def download(self, url: str) -> Answer: ...
    async def upload(self, url: str, body: bytes) -> Answer: ...
    async def upload_pieces(self, url: str, pieces: Iterable[bytes], length: int) -> Answer: ...


class SyncAdapter(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def get(self, url: str) -> Answer: ...
