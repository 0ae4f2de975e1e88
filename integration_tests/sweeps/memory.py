"""How much memory this process has."""

import os
from pathlib import Path


def resident() -> int:
    """Return the bytes that are in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
