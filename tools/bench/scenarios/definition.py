"""What a scenario is: a row of work with a name, the clients that can do it, and a function that measures one of them.

`measure` runs in the client's own process and may do whatever its kind of work needs; only the figure it returns is
compared. So a scenario about memory or import time is a file with another function, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sample import Sample
from servers import Endpoints


@dataclass(frozen=True)
class Task:
    """What a worker is asked: measure this client against this server for about this many seconds."""

    client: str
    endpoints: Endpoints
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A row of work; `peer` is the client whose ratio the table shows beside the floor's.

    `quick` are the clients of a --quick run, `None` for all; those `on_request` are too slow for any run that does not
    name them. `more_is_better` where the figure is a throughput.
    """

    name: str
    title: str
    unit: str
    clients: tuple[str, ...]
    measure: Callable[[Task], Sample]
    wall_unit: str = ""
    peer: str = "aiohttp"
    quick: tuple[str, ...] | None = None
    on_request: tuple[str, ...] = ()
    more_is_better: bool = False
