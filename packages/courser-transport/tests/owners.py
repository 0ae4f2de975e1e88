"""The owner of a connection that a test has without a pool: it notes what it is given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from courser_transport import Backend, Limits
from courser_transport._body import AsyncBody, SyncBody
from courser_transport._http1._connection import HTTP1Connection


class NotingOwner:
    """Notes of each connection that comes back whether it may be used again."""

    def __init__(self, backend: Backend, body: type[SyncBody] | type[AsyncBody], **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.body = body
        self.released: list[bool] = []
        self.dropped = 0
        self.backend = backend
        self.changed = 0

    def release(self, connection: HTTP1Connection) -> None:
        self.released.append(connection.is_reusable)

    def reclaim(self, connection: HTTP1Connection) -> None:
        self.dropped += 1

    def has_changed(self, connection: Any) -> None:
        self.changed += 1

    async def in_thread(self, function: Callable[[], bytes]) -> bytes:
        return await self.backend.in_thread(function)
