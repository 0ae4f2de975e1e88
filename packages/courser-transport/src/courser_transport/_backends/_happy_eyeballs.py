"""Happy Eyeballs (RFC 8305): connected to the first of several addresses that answers, whatever the others do.

Families take turns, and the address that the system prefers begins. The next attempt starts when one fails, and 250 ms
after the last one started; all go on until one is through, and then the others are closed. This file decides which
attempt starts when. A world only begins attempts, and waits until one of them has ended or time has passed.
"""

from __future__ import annotations

import collections
import itertools
import time
import typing
from collections.abc import Callable, Sequence

from .._deadline import Deadline
from .._exceptions import ConnectError, ConnectTimeout
from .._network import Address
from ._reasons import refused

A = typing.TypeVar("A")

ATTEMPT_DELAY = 0.25
"""Seconds after which an attempt gets company (RFC 8305 §5)."""


class Attempts(typing.Protocol[A]):
    """What the race needs of a world: attempts to connect that run beside each other."""

    def begin(self, address: Address) -> A:
        """Begin to connect, without waiting; raises `OSError`."""
        ...

    async def ended(self, attempts: Sequence[A], seconds: float | None) -> Sequence[A]:
        """Return those attempts that are through or have failed, as soon as there is one; none once time is over."""
        ...

    def failure(self, attempt: A) -> OSError | None:
        """Return why an attempt that has ended failed; None where it is through."""
        ...

    def close(self, attempt: A) -> None:
        """Close, whatever has become of it."""
        ...


async def first_to_connect(
    addresses: Sequence[Address],
    attempts: Attempts[A],
    peer: str,
    deadline: Deadline,
    clock: Callable[[], float] = time.monotonic,
) -> A:
    """Return the attempt that was through first; the others are closed, and all of them where this is cancelled.

    Raises `ConnectError` with the reasons when the last one failed, `ConnectTimeout` at the deadline.
    """
    untried = collections.deque(addresses if len(addresses) == 1 else interleaved(addresses))
    running: list[A] = []
    failures: list[OSError] = []
    next_start = 0.0
    try:
        while untried or running:
            left = deadline.left()
            if left is not None and left <= 0:
                raise ConnectTimeout(f"connecting to {peer} timed out {deadline.words}")
            now = clock()
            if untried and (not running or now >= next_start):
                try:
                    running.append(attempts.begin(untried.popleft()))
                except OSError as error:  # the family is not spoken here, no route, no descriptor left
                    failures.append(error)
                    continue
                next_start = now + ATTEMPT_DELAY
            pause = left
            if untried and (left is None or next_start - now < left):
                pause = next_start - now
            for attempt in await attempts.ended(running, pause):
                failure = attempts.failure(attempt)
                running.remove(attempt)
                if failure is None:
                    return attempt
                attempts.close(attempt)
                failures.append(failure)
                next_start = now
    finally:
        for attempt in running:
            attempts.close(attempt)
    raise ConnectError(refused(peer, failures)) from (failures[-1] if failures else None)


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return `addresses` with their families in turn, each family in its own order (RFC 8305 §4)."""
    by_family: dict[int, list[Address]] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    rounds = itertools.zip_longest(*by_family.values())
    return [address for turn in rounds for address in turn if address is not None]
