"""The command line of the sweeps."""

import argparse
import time

from . import SWEEPS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m integration_tests.sweeps")
    parser.add_argument("names", nargs="*", choices=[[], *SWEEPS], metavar="name", help=", ".join(SWEEPS))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, help="instead of the sweep's own")
    arguments = parser.parse_args()
    for name in arguments.names or SWEEPS:
        count = arguments.count or SWEEPS[name].full
        started = time.monotonic()
        found = SWEEPS[name].run(arguments.seed, count)
        print(
            f"{name} --seed {arguments.seed} --count {count}: {found} ({time.monotonic() - started:.0f} s)", flush=True
        )


main()
