"""Pools on real sockets whose transport has settings for dialling, and who answers for names in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from courser_models import Request
from courser_transport import ConnectionPool, Limits
from courser_transport._connect import Connector
from courser_transport._dial import Dialer
from courser_transport._dial_settings import dial_settings
from courser_transport._tls import TLSSettings
from exchanges import collect
from worlds import World


def dialer(world: World, **settings: Any) -> Dialer:
    """Return a dialer on the sockets of this world."""
    return Dialer(world.backend, dial_settings(has_loop=world.has_loop, **settings))


@contextmanager
def dialling(world: World, context: Any = None, retries: int = 0, **settings: Any) -> Iterator[ConnectionPool]:
    """Give a pool that dials by these settings; `context` is for https."""
    connector = Connector(
        world.backend, TLSSettings(True if context is None else context), retries, dialer=dialer(world, **settings)
    )
    pool = ConnectionPool(world.backend, connector, Limits(), world.body)
    try:
        yield pool
    finally:
        pool.close()


async def get(pool: ConnectionPool, url: str, **options: Any) -> bytes:
    """Return the content at `url`."""
    response = await pool.send(Request("GET", url, **options))
    return await collect(response)


class Names:
    """A plain resolver that answers by `answer`, and notes what it was asked for."""

    def __init__(self, answer: Callable[[str, int], Any] | list[Any]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, int]] = []

    def resolve(self, host: str, port: int) -> Any:
        self.asked.append((host, port))
        return self._answer(host, port) if callable(self._answer) else self._answer


class AsyncNames(Names):
    """The same for event loops."""

    async def resolve(self, host: str, port: int) -> Any:
        answer = super().resolve(host, port)
        return await answer if hasattr(answer, "__await__") else answer


def names(world: World, answer: Any) -> Names:
    """Return a resolver of the world's colour."""
    return AsyncNames(answer) if world.has_loop else Names(answer)
