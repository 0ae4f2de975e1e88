"""What shows only in large numbers: each sweep is a program with a seed and a count, and says what it found.

    python -m integration_tests.sweeps                    every sweep, at its full count
    python -m integration_tests.sweeps soak --count 5000  one of them

CI runs each at a small count (test_sweeps.py); `nox -s sweeps` runs them in full.
"""

from collections.abc import Callable
from typing import NamedTuple

from . import attribution, cancellation, forks, idle_closing, idle_memory, queueing, resets, soak, threads


class Sweep(NamedTuple):
    """A sweep, how far it goes in full, and how far in CI."""

    run: Callable[[int, int], str]
    full: int
    short: int


SWEEPS = {
    "attribution": Sweep(attribution.run, 100_000, 1_000),
    "cancellation": Sweep(cancellation.run, 10_000, 100),
    "forks": Sweep(forks.run, 100, 3),
    "idle-closing": Sweep(idle_closing.run, 20_000, 600),
    "idle-memory": Sweep(idle_memory.run, 1_000, 200),
    "queueing": Sweep(queueing.run, 100_000, 2_000),
    "resets": Sweep(resets.run, 1, 7),
    "soak": Sweep(soak.run, 500_000, 4_000),
    "threads": Sweep(threads.run, 128_000, 2_000),
}
