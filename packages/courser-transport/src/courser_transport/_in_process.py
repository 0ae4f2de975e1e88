"""What ASGI and WSGI apps in this process have in common: what they are asked, and the length that they promise.

On a wire a response of another length than announced would be broken, so it is broken here.
"""

from __future__ import annotations

from courser_models import URL, Headers, Request

from ._deadline import Deadline

_PORTS = {"http": 80, "https": 443}


def port_of(url: URL) -> int | None:
    """Return the port that a URL means, whether it says so or not; None for a scheme that has none."""
    return url.port or _PORTS.get(url.scheme)


def limits_of(request: Request) -> tuple[dict[str, float | None], Deadline | None]:
    """Return a request's time-outs by phase, and the deadline of the whole exchange where it has one."""
    timeouts: dict[str, float | None] = request.extensions.get("timeout") or {}
    deadline: Deadline | None = request.extensions.get("deadline")
    if deadline is None:
        total = timeouts.get("total")
        deadline = None if total is None else Deadline.of_exchange(total)
    return timeouts, deadline


class AnnouncedLength:
    """How long a response's content is to be, and how long it is by now; None announces nothing."""

    __slots__ = ("_announced", "_sent")

    def __init__(self, announced: int | None) -> None:
        self._announced = announced
        self._sent = 0

    @classmethod
    def of(cls, headers: Headers) -> AnnouncedLength:
        """Return what the fields of a response announce."""
        length = headers.get("content-length", "")
        return cls(int(length) if length.isascii() and length.isdigit() else None)

    def takes(self, count: int) -> bool:
        """Count so many more bytes; return whether they are what was announced, or a part of it."""
        self._sent += count
        return self._announced is None or self._sent <= self._announced

    @property
    def is_reached(self) -> bool:
        """Whether there is nothing more to come."""
        return self._announced is not None and self._sent >= self._announced

    @property
    def is_enough(self) -> bool:
        """Whether the content may end here."""
        return self._announced is None or self.is_reached

    @property
    def complaint(self) -> str:
        """What is wrong, in words that go on after «the app»."""
        if self._announced is not None and self._sent > self._announced:
            return f"sent more than the {self._announced} bytes that it had announced"
        return f"sent {self._sent} of the {self._announced} bytes that it had announced"


def has_no_content(method: str, status: int) -> bool:
    """Return whether a response is its head alone, whatever its fields announce (RFC 9110 §6.4.1)."""
    return method == "HEAD" or status in (204, 304)
