"""What shows only in large numbers: each sweep is a program with a seed and a count, and says what it found.

    python -m integration_tests.sweeps                    every sweep, at its full count
    python -m integration_tests.sweeps soak --count 5000  one of them

CI runs each at a small count (test_sweeps.py); `nox -s sweeps` runs them in full.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import (
    attribution,
    cancellation,
    forks,
    http2_blocked_writes,
    http2_cancellations,
    http2_closed_early,
    http2_framing,
    http2_hostile,
    http2_mixed,
    http2_reloads,
    http2_siblings,
    http2_threads,
    idle_closing,
    idle_memory,
    queueing,
    resets,
    soak,
    threads,
)


class Sweep(NamedTuple):
    """A sweep, how far it goes in full, and how far in CI."""

    run: Callable[[int, int], str]
    full: int
    short: int


SWEEPS = {
    "attribution": Sweep(attribution.run, 100_000, 1_000),
    "cancellation": Sweep(cancellation.run, 10_000, 100),
    "forks": Sweep(forks.run, 100, 3),
    "http2-blocked-writes": Sweep(http2_blocked_writes.run, 1_000, 40),
    "http2-cancellations": Sweep(http2_cancellations.run, 10_000, 100),
    "http2-closed-early": Sweep(http2_closed_early.run, 10_000, 200),
    "http2-framing": Sweep(http2_framing.run, 2_000, 40),
    "http2-hostile": Sweep(http2_hostile.run, 100_000, 400),
    "http2-mixed": Sweep(http2_mixed.run, 3_000, 100),
    "http2-reloads": Sweep(http2_reloads.run, 5_000, 300),
    "http2-siblings": Sweep(http2_siblings.run, 20, 1),
    "http2-threads": Sweep(http2_threads.run, 50_000, 500),
    "idle-closing": Sweep(idle_closing.run, 20_000, 600),
    "idle-memory": Sweep(idle_memory.run, 1_000, 200),
    "queueing": Sweep(queueing.run, 100_000, 2_000),
    "resets": Sweep(resets.run, 1, 7),
    "soak": Sweep(soak.run, 500_000, 4_000),
    "threads": Sweep(threads.run, 128_000, 2_000),
}
