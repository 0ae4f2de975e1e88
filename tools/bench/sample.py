"""What one round of one client says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One round: the figure in the scenario's unit, and what else was seen on the way, where it means something.

    `wall` is the figure by the clock on the wall, `count` the number of operations behind both. `p50` and `p99` are how
    long one operation took, in milliseconds; `peak` is the largest the process ever was, in megabytes. `modules` are
    the packages that an import loaded.
    """

    figure: float
    count: int
    wall: float | None = None
    p50: float | None = None
    p99: float | None = None
    peak: float | None = None
    modules: tuple[str, ...] = ()
