"""Let atheris look for a response that our reader and h11 read differently, led by the code that it reaches.

    nox -s fuzz-guided -- -runs=200000 -seed=7

The arguments are libFuzzer's. A disagreement ends the run with the bytes that show it. atheris has wheels for Linux on
some versions of Python only; where it cannot be installed `fuzz_head.py` is what there is.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["courser_transport._http1", "h11"]):
    from agreement import by_h11, by_us

from responses import response

METHODS = ["GET", "HEAD", "POST"]
EXAMPLES = 500


def read_both(data: bytes) -> None:
    """Read `data` both ways; its first two bytes say by which method, and where it is cut."""
    if len(data) < 2:
        return
    method, cut, content = METHODS[data[0] % len(METHODS)], data[1], data[2:]
    pieces = [content] if cut >= len(content) else [content[:cut], content[cut:]]
    pieces = [piece for piece in pieces if piece]
    ours, theirs = by_us(method, pieces), by_h11(method, pieces)
    if ours != theirs:
        raise AssertionError(f"{method}\n  cut:   {pieces!r}\n  ours:  {ours!r}\n  h11:   {theirs!r}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(EXAMPLES):
            Path(folder, str(number)).write_bytes(b"\x00\xff" + response(random.Random(number)))
        atheris.Setup([*sys.argv, folder], read_both)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
