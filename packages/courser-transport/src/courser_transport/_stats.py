"""What a pool is doing at one moment, as numbers."""

from __future__ import annotations

import typing


class OriginStats(typing.NamedTuple):
    """The connections to one origin: `open` is `idle`, `connecting` and `lent` together."""

    open: int
    idle: int
    connecting: int
    lent: int
    waiting: int
    """How many requests wait for one."""
    streams: int = 0
    """How many HTTP/2 exchanges are under way."""


class PoolStats(typing.NamedTuple):
    """All connections of a pool: `open` is `idle`, `connecting` and `lent` together."""

    open: int
    idle: int
    connecting: int
    lent: int
    waiting: int
    """How many requests wait for one."""
    connections_made: int
    """Since the pool was made."""
    requests: int
    """How many exchanges began, those that were sent again counted twice."""
    reused: int
    """How many of them on a connection that another had used before."""
    origins: dict[str, OriginStats]
    """The same by origin, `https://example.org`; only origins with connections or waiters."""
    streams: int = 0
    """How many HTTP/2 exchanges are under way."""
