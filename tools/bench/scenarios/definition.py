"""What a scenario is: a row of work with a name, the clients that can do it, and a function that measures one of them.

`measure` runs in the client's own process and may do whatever its kind of work needs; only the figure it returns is
compared. So a scenario about memory or import time is a new file with another function, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from servers import Endpoints


@dataclass(frozen=True)
class Task:
    """What a worker is asked: measure this client against this server for about this many seconds."""

    client: str
    endpoints: Endpoints
    seconds: float


@dataclass(frozen=True)
class Sample:
    """One round: the figure in the scenario's unit, the same by the clock on the wall, and over how many operations."""

    figure: float
    wall: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A row of work; `peer` is the client whose ratio the table shows beside the floor's."""

    name: str
    title: str
    unit: str
    wall_unit: str
    clients: tuple[str, ...]
    measure: Callable[[Task], Sample]
    peer: str = "aiohttp"
    not_quick: tuple[str, ...] = ()
    """Clients too slow here for --quick."""
    on_request: tuple[str, ...] = ()
    """Clients too slow here for any run that does not name them."""
