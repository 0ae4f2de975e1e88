"""How long to wait, and how many connections to keep: `Timeout` and `Limits`."""

from __future__ import annotations

import math

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

    `Timeout(5.0)` sets all four, `Timeout(5.0, read=60.0)` all but one; without a default all four must be given.
    Raises `ValueError` for a negative number or NaN.
    """

    __slots__ = ("connect", "pool", "read", "write")

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None

    def __init__(
        self,
        timeout: TimeoutTypes | _Unset = _UNSET,
        *,
        connect: float | _Unset | None = _UNSET,
        read: float | _Unset | None = _UNSET,
        write: float | _Unset | None = _UNSET,
        pool: float | _Unset | None = _UNSET,
    ) -> None:
        given = {"connect": connect, "read": read, "write": write, "pool": pool}
        if isinstance(timeout, Timeout):
            defaults: dict[str, float | None] = timeout.as_dict()
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

    def as_dict(self) -> dict[str, float | None]:
        """Return the limits by phase, as `Request.extensions["timeout"]` holds them."""
        return {"connect": self.connect, "read": self.read, "write": self.write, "pool": self.pool}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.connect, self.read, self.write, self.pool))

    def __repr__(self) -> str:
        limits = self.as_dict()
        if len(set(limits.values())) == 1:
            return f"{type(self).__name__}(timeout={self.connect})"
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
    """How many connections a pool may have; None is no limit.

    - `max_connections`: open at once
    - `max_keepalive_connections`: of them, kept while nothing uses them
    - `keepalive_expiry`: seconds after which a connection that nothing used is not used again, but closed
    """

    __slots__ = ("keepalive_expiry", "max_connections", "max_keepalive_connections")

    def __init__(
        self,
        *,
        max_connections: int | None = None,
        max_keepalive_connections: int | None = None,
        keepalive_expiry: float | None = 5.0,
    ) -> None:
        if max_connections is not None and max_connections < 1:
            raise ValueError(f"max_connections must be at least 1, it is {max_connections}")
        if max_keepalive_connections is not None and max_keepalive_connections < 0:
            raise ValueError(f"max_keepalive_connections must not be negative, it is {max_keepalive_connections}")
        self.max_connections = max_connections
        self.max_keepalive_connections = max_keepalive_connections
        self.keepalive_expiry = _checked("keepalive_expiry", keepalive_expiry)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[int | None, int | None, float | None]:
        return self.max_connections, self.max_keepalive_connections, self.keepalive_expiry

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(max_connections={self.max_connections}, "
            f"max_keepalive_connections={self.max_keepalive_connections}, keepalive_expiry={self.keepalive_expiry})"
        )


DEFAULT_LIMITS = Limits(max_connections=100, max_keepalive_connections=20)
