"""Read generated responses with our reader and with h11 until they disagree or the count is reached.

    nox -s fuzz -- --seed 7 --count 200000

Prints the seed, what was read, and the first disagreement with the bytes that show it; exits with 1 then.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time

from agreement import REFUSED, by_h11, by_us
from courser_transport._http1._head import read_head
from responses import pieces, response

METHODS = ["GET"] * 6 + ["HEAD", "POST"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=200_000)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.count} responses", flush=True)
    seen: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    for number in range(arguments.count):
        disagreement = check(random.Random(f"{arguments.seed}-{number}"), seen)
        if disagreement:
            print(f"response {number}: {disagreement}")
            return 1
        if sys.stderr.isatty() and number % 5000 == 0:
            print(f"\r{number}", end="", file=sys.stderr, flush=True)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items()))
    print(f"no disagreement in {arguments.count} responses ({counts}) after {time.monotonic() - started:.0f} s")
    return 0


def check(rng: random.Random, seen: collections.Counter[str]) -> str | None:
    """Read one response both ways; return the disagreement, or None."""
    data = response(rng)
    cut = pieces(rng, data)
    method = rng.choice(METHODS)
    ours, theirs = by_us(method, cut), by_h11(method, cut)
    seen["refused" if theirs == REFUSED else "accepted"] += 1
    end = data.find(b"\r\n\r\n")
    if end >= 0 and read_head(data[: end + 4]) is not None:
        seen["read by the fast reader"] += 1
    if ours == theirs:
        return None
    return f"{method}\n  bytes: {data!r}\n  cut:   {cut!r}\n  ours:  {ours!r}\n  h11:   {theirs!r}"


if __name__ == "__main__":
    sys.exit(main())
