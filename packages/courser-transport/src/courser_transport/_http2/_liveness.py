"""`Liveness`: whether a peer is there, by when it was heard last and whether it was asked since.

A peer that has been silent for long is asked with a PING, and so is one that was silent during a whole time-out. What
is heard next, whatever it is, is the answer.
"""

from __future__ import annotations

import time

from .._config import Limits


class Liveness:
    """What is known of one peer, and how long its silence is borne: the decisions, without the waiting."""

    __slots__ = ("_answer_within", "_silence", "asked_at", "heard_at")

    def __init__(self, limits: Limits) -> None:
        self._silence = limits.http2_ping_interval
        self._answer_within = limits.http2_ping_timeout
        self.heard_at = time.monotonic()
        self.asked_at: float | None = None
        """When it was asked what it has not answered."""

    @property
    def words(self) -> str:
        """What is wrong with a peer that does not answer, for messages; it goes on after its name."""
        return f"is silent, and has not answered a PING within {self._answer_within} s"

    def hear(self, now: float) -> None:
        """Note that something was heard."""
        self.heard_at = now
        self.asked_at = None

    def patience(self) -> float | None:
        """Return how long the peer may go on being silent before it is asked, or given up."""
        since, limit = (self.heard_at, self._silence) if self.asked_at is None else (self.asked_at, self._answer_within)
        return None if limit is None else max(since + limit - time.monotonic(), 0.001)

    def is_doubtful(self) -> bool:
        """Return whether the peer has been silent for long, or was asked and has not answered."""
        if self._silence is None:
            return False
        return self.asked_at is not None or time.monotonic() - self.heard_at >= self._silence

    def was_silent_for(self, timeout: float | None) -> bool:
        """Return whether a time-out passed in silence, which is a reason to ask."""
        return self._silence is not None and timeout is not None and time.monotonic() - self.heard_at >= timeout
