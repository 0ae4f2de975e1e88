"""A stream during an exchange that has a time limit as a whole: each step gets what is left, and no more."""

from __future__ import annotations

import typing

from ._deadline import Deadline
from ._exceptions import ReadTimeout, WriteTimeout
from ._network import SharedStream, Stream

_PIECE = 16384


class LimitedStream:
    """`stream`, until `deadline`."""

    def __init__(self, stream: Stream, deadline: Deadline, peer: str) -> None:
        self._stream = stream
        self._deadline = deadline
        self._peer = peer

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived; at the deadline that is a `ReadTimeout` whatever has arrived."""
        left = self._left()
        if timeout is not None and timeout < left:
            return await self._stream.read(limit, timeout)
        try:
            if left > 0:
                return await self._stream.read(limit, left)
        except ReadTimeout:
            pass
        raise ReadTimeout(f"reading from {self._peer} timed out {self._deadline.words}")

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when all of `data` is accepted, which must be before the deadline."""
        if len(data) <= _PIECE:
            await self._write(data, timeout)
            return
        # A stream waits anew for each part that is accepted, so what it is given is what may be accepted at once.
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            await self._write(bytes(view[start : start + _PIECE]), timeout)

    async def _write(self, data: bytes, timeout: float | None) -> None:
        left = self._left()
        if timeout is not None and timeout < left:
            await self._stream.write(data, timeout)
            return
        try:
            if left > 0:
                await self._stream.write(data, left)
                return
        except WriteTimeout:
            pass
        raise WriteTimeout(f"writing to {self._peer} timed out {self._deadline.words}")

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Send, as the stream does, before the deadline."""
        left = self._left()
        if timeout is not None and timeout < left:
            return await self._stream.push(data, timeout)
        try:
            if left > 0:
                return await self._stream.push(data, left)
        except WriteTimeout:
            pass
        raise WriteTimeout(f"writing to {self._peer} timed out {self._deadline.words}")

    def _left(self) -> float:
        left = self._deadline.left()
        assert left is not None  # an exchange without a limit has no need of this
        return left

    def take(self) -> bytes | None:
        """Return what has arrived already."""
        return self._stream.take()

    def is_readable(self) -> bool:
        """Return whether something is there to read."""
        return self._stream.is_readable()

    def close(self, farewell: bytes = b"") -> None:
        """Close at once."""
        self._stream.close(farewell)

    def abandon(self) -> None:
        """Give the descriptor back."""
        self._stream.abandon()

    def share(self) -> SharedStream:
        """Refuse: who shares a connection watches the time by himself."""
        raise RuntimeError("a stream with a time limit of its own is not shared")

    def extra(self, name: str) -> typing.Any:
        """Return what the stream has."""
        return self._stream.extra(name)
