"""How long to wait, and how many connections to keep: `Timeout` and `Limits`."""

from __future__ import annotations

import math
import typing

_PHASES = ("connect", "read", "write", "pool")


class _Unset:
    """Stands for «not given» where None means «no limit»."""


_UNSET = _Unset()


class Timeout:
    """Limits in seconds for the phases of a request; None is no limit.

    - `connect`: looking up the name, connecting and the TLS handshake, together
    - `read`: between two arrivals of bytes
    - `write`: until the next bytes are accepted
    - `pool`: waiting for a connection of the pool
    - `total`: the whole exchange, from waiting for a connection to the last byte of the body, redirects included

    `Timeout(5.0)` sets the four phases, `Timeout(5.0, read=60.0)` all but one; without a default all four must be
    given. `total` is no phase: it is not limited unless it is given. Raises `ValueError` for a negative number or NaN.
    """

    __slots__ = ("connect", "pool", "read", "total", "write")

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None
    total: float | None

    def __init__(
        self,
        timeout: TimeoutTypes | _Unset = _UNSET,
        *,
        connect: float | _Unset | None = _UNSET,
        read: float | _Unset | None = _UNSET,
        write: float | _Unset | None = _UNSET,
        pool: float | _Unset | None = _UNSET,
        total: float | _Unset | None = _UNSET,
    ) -> None:
        given = {"connect": connect, "read": read, "write": write, "pool": pool}
        if isinstance(timeout, Timeout) and connect is read is write is pool is total is _UNSET:
            # A copy of what was checked when it was made, as each client takes one.
            for phase in self.__slots__:
                setattr(self, phase, getattr(timeout, phase))
            return
        if isinstance(timeout, Timeout):
            defaults: dict[str, float | None] = timeout.as_dict()
            if isinstance(total, _Unset):
                total = timeout.total
        elif isinstance(timeout, tuple):
            if len(timeout) != len(_PHASES):
                raise ValueError(f"a timeout tuple is (connect, read, write, pool); got {len(timeout)} values")
            defaults = dict(zip(_PHASES, timeout, strict=True))
        elif isinstance(timeout, _Unset):
            missing = [phase for phase, value in given.items() if isinstance(value, _Unset)]
            if missing:
                raise ValueError(f"Timeout needs a default, or all four phases; {', '.join(missing)} not given")
            defaults = {}
        else:
            defaults = dict.fromkeys(_PHASES, timeout)
        for phase, value in given.items():
            seconds = defaults[phase] if isinstance(value, _Unset) else value
            setattr(self, phase, _checked(phase, seconds))
        self.total = None if isinstance(total, _Unset) else _checked("total", total)

    def as_dict(self) -> dict[str, float | None]:
        """Return the limits by phase, as `Request.extensions["timeout"]` holds them; `total` only where it is set."""
        limits = {"connect": self.connect, "read": self.read, "write": self.write, "pool": self.pool}
        if self.total is not None:
            limits["total"] = self.total
        return limits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.connect, self.read, self.write, self.pool, self.total))

    def __repr__(self) -> str:
        limits = self.as_dict()
        if len({limits[phase] for phase in _PHASES}) == 1:
            total = "" if self.total is None else f", total={self.total}"
            return f"{type(self).__name__}(timeout={self.connect}{total})"
        return f"{type(self).__name__}({', '.join(f'{phase}={value}' for phase, value in limits.items())})"


TimeoutTypes = float | None | tuple[float | None, float | None, float | None, float | None] | Timeout


def _checked(phase: str, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{phase} timeout must be a number of seconds or None, not {type(seconds).__name__}")
    if math.isnan(seconds) or seconds < 0:
        raise ValueError(f"{phase} timeout must not be negative or NaN, it is {seconds}")
    return None if math.isinf(seconds) else seconds


class Limits:
    """How many connections a pool may have, and for how long; None is no limit.

    - `max_connections`: open at once
    - `max_keepalive_connections`: of them, kept while nothing uses them
    - `keepalive_expiry`: seconds after which a connection that nothing used is not used again, but closed; a server
      that announces less (`Keep-Alive: timeout=`) is believed
    - `max_connections_per_origin`: open at once to one origin
    - `max_connection_age`: seconds after which a connection is used for no further request
    - `max_requests_per_connection`: after so many requests it is not used again either
    - `max_head_size`, `max_fields`: bytes and fields of a response's head, and of its trailers; more raises
      `RemoteProtocolError`
    - `max_streams_per_connection`: HTTP/2 requests at once on one connection, where the server allows as many
    - `http2_stream_window`, `http2_connection_window`: bytes that may arrive before anybody has taken them, for one
      response and for the connection. Default 16 and 24 MiB
    - `http2_ping_interval`: seconds of silence after which an HTTP/2 peer is asked whether it is there, be it before
      a request on a connection that was idle, or during one; `http2_ping_timeout`: how long it has for the answer

    Raises `ValueError` for numbers that make no sense.
    """

    __slots__ = (
        "http2_connection_window",
        "http2_ping_interval",
        "http2_ping_timeout",
        "http2_stream_window",
        "keepalive_expiry",
        "max_connection_age",
        "max_connections",
        "max_connections_per_origin",
        "max_fields",
        "max_head_size",
        "max_keepalive_connections",
        "max_requests_per_connection",
        "max_streams_per_connection",
    )

    def __init__(
        self,
        *,
        max_connections: int | None = None,
        max_keepalive_connections: int | None = None,
        keepalive_expiry: float | None = 5.0,
        max_connections_per_origin: int | None = None,
        max_connection_age: float | None = None,
        max_requests_per_connection: int | None = None,
        max_head_size: int = 102400,
        max_fields: int = 256,
        max_streams_per_connection: int = 100,
        http2_stream_window: int = 16 * 1024 * 1024,
        http2_connection_window: int = 24 * 1024 * 1024,
        http2_ping_interval: float | None = 30.0,
        http2_ping_timeout: float | None = 10.0,
    ) -> None:
        self.max_connections = _at_least(1, "max_connections", max_connections)
        self.max_keepalive_connections = _at_least(0, "max_keepalive_connections", max_keepalive_connections)
        self.keepalive_expiry = _checked("keepalive_expiry", keepalive_expiry)
        self.max_connections_per_origin = _at_least(1, "max_connections_per_origin", max_connections_per_origin)
        self.max_connection_age = _checked("max_connection_age", max_connection_age)
        self.max_requests_per_connection = _at_least(1, "max_requests_per_connection", max_requests_per_connection)
        self.max_head_size: int = _at_least(100, "max_head_size", max_head_size)
        self.max_fields: int = _at_least(1, "max_fields", max_fields)
        self.max_streams_per_connection: int = _at_least(1, "max_streams_per_connection", max_streams_per_connection)
        self.http2_stream_window = _window("http2_stream_window", http2_stream_window, 1)
        # What a connection's window is before anybody has spoken cannot be taken back (RFC 9113 §6.9.2).
        self.http2_connection_window = _window("http2_connection_window", http2_connection_window, 65535)
        self.http2_ping_interval = _checked("http2_ping_interval", http2_ping_interval)
        self.http2_ping_timeout = _checked("http2_ping_timeout", http2_ping_timeout)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[float | None, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __repr__(self) -> str:
        shown = ["max_connections", "max_keepalive_connections", "keepalive_expiry"]
        shown += [
            name for name in self.__slots__ if name not in shown and getattr(self, name) != getattr(_NO_LIMITS, name)
        ]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in shown)})"


N = typing.TypeVar("N", int, int | None)


def _at_least(least: int, name: str, number: N) -> N:
    given: int | None = number
    if given is not None and given < least:
        raise ValueError(f"{name} must be at least {least}, it is {number}")
    return number


def _window(name: str, size: int, least: int) -> int:
    if not least <= size < 2**31:
        raise ValueError(f"{name} must be from {least} to 2147483647 bytes, it is {size}")
    return size


_NO_LIMITS = Limits()

DEFAULT_LIMITS = Limits(max_connections=100, max_keepalive_connections=20)
