"""Who runs on which core: the server on one, the client that is measured on another, so neither steals from the other.

The last two cores this process may use are taken, because the first ones usually answer the machine's interrupts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """The cores to pin to (`None`: not pinned), and what the reader of the numbers must know about it."""

    server: int | None
    client: int | None
    note: str = ""


def choose() -> Cores:
    if not hasattr(os, "sched_setaffinity"):
        return Cores(None, None, "this system cannot pin processes to cores (Linux can): the numbers will scatter")
    available = sorted(os.sched_getaffinity(0))
    client = available[-1]
    if len(available) == 1:
        return Cores(client, client, "only one core: server and client share it, wall times mean little")
    strangers = [core for core in available if core not in _siblings(client)]
    if not strangers:
        return Cores(
            available[-2], client, "server and client run on two threads of one core: the numbers will scatter"
        )
    return Cores(strangers[-1], client)


def pin(core: int | None) -> None:
    """Keep this process, and what it starts from now on, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def _siblings(core: int) -> set[int]:
    """Return the hardware threads that share a core with this one, itself among them."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return {core}
    siblings: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        siblings.update(range(int(first), int(last or first) + 1))
    return siblings
