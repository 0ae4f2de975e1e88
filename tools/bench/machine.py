"""What the system says of processes: how much memory ours took at its highest, and how busy the machine is with others.

All of it is read from /proc, so elsewhere than on Linux the answers are `None`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def peak_memory() -> int | None:
    """Return the highest resident size this process ever had, in bytes; not that of its children."""
    return _status("VmHWM")


def resident_memory() -> int | None:
    return _status("VmRSS")


def forget_peak_memory() -> None:
    """Let `peak_memory` begin anew from what is resident now."""
    (_PROC / "self" / "clear_refs").write_text("5", "ascii")


def _status(name: str) -> int | None:
    try:
        lines = (_PROC / "self" / "status").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None


class Neighbours:
    """How many cores everybody else used between two moments: all that ran, less our own process groups.

    `groups` are those of processes that are still alive then, such as the server's; children of ours that have ended
    are known to the system. Interrupts are nobody's and not counted; time that a hypervisor gave to others is.
    """

    def __init__(self, groups: Iterable[int]) -> None:
        self._groups = set(groups)
        self._before = self._read()

    def cores(self) -> float | None:
        """Return the cores that others used since this was made, or last asked."""
        before, self._before = self._before, self._read()
        if before is None or self._before is None:
            return None
        wall, everybody, ours = (now - then for now, then in zip(self._before, before, strict=True))
        return max(0.0, (everybody - ours) / wall) if wall > 0 else 0.0

    def _read(self) -> tuple[float, float, float] | None:
        try:
            fields = (_PROC / "stat").read_text("ascii").splitlines()[0].split()
        except OSError:
            return None
        user, nice, system = (int(field) for field in fields[1:4])
        steal = int(fields[8]) if len(fields) > 8 else 0
        own = os.times()
        ours = own.user + own.system + own.children_user + own.children_system
        ours += sum(_group_seconds(group) for group in self._groups)
        return time.monotonic(), (user + nice + system + steal) / _TICK, ours


def _group_seconds(group: int) -> float:
    """Return the processor time of the living members of a process group."""
    ticks = 0
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything, so count from behind it: state ppid pgrp … utime stime.
            fields = path.read_text("ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK
