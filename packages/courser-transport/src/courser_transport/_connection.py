"""`Connection`: what a pool may lend, whichever protocol it speaks."""

from __future__ import annotations

import typing

from courser_models import Request, Response

from ._deadline import Deadline
from ._route import Route
from ._trace import Tracer


class Connection:
    """One connection by `route`, for one exchange at a time, or for several if it `multiplexes`."""

    __slots__ = ("idle_until", "lent_at", "owner", "taken")

    multiplexes: typing.ClassVar[bool] = False

    route: Route
    """Whom it leads to and by which way; what the pool keeps it by."""
    owner: typing.Any
    """The pool; an idle connection has none."""
    idle_until: float | None
    """Until when it may be idle, a reading of `time.monotonic()`."""
    lent_at: float
    """When it was lent to the exchange that has it; one that multiplexes: when it was made."""
    served: int
    """How many exchanges are over."""
    taken: int
    """How many are under way, as the pool counts them; of no interest where that is one at most."""
    is_reusable: bool
    """Whether another exchange may follow."""

    @property
    def capacity(self) -> int:
        """How many exchanges it may have at once."""
        return 1

    async def send(self, request: Request, deadline: Deadline | None = None, tracer: Tracer | None = None) -> Response:
        """Send `request` and return its response."""
        raise NotImplementedError

    def rest(self, now: float) -> None:
        """Become idle at `now`, and note until when."""
        raise NotImplementedError

    def is_stale(self) -> bool:
        """Return whether this idle connection is of no use any more."""
        raise NotImplementedError

    def close(self) -> None:
        """Close at once."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Give the descriptor back without a word."""
        raise NotImplementedError
