"""Asking the system about a socket without an event loop."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence

# The system counts milliseconds in an int; this is 20 days.
_LONGEST = 1_728_000_000.0

if hasattr(select, "poll"):

    def is_readable(sock: socket.socket) -> bool:
        """Return whether bytes, a goodbye or an error are there; nothing of it is taken."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    def wait_for(sock: socket.socket, timeout: float | None, reading: bool, writing: bool) -> bool:
        """Wait until a socket can be read from, or written to, as asked; return whether it can within `timeout`."""
        poll = select.poll()
        poll.register(sock, reading * select.POLLIN | writing * select.POLLOUT)
        return bool(poll.poll(None if timeout is None else min(timeout * 1000, _LONGEST)))

    def wait_for_either(sock: socket.socket, timeout: float | None) -> tuple[bool, bool]:
        """Wait until a socket can be read from or written to, and return whether each is so."""
        poll = select.poll()
        poll.register(sock, select.POLLIN | select.POLLOUT)
        events = sum(event for _, event in poll.poll(None if timeout is None else min(timeout * 1000, _LONGEST)))
        return bool(events & ~select.POLLOUT), bool(events & select.POLLOUT)

    def writable(sockets: Sequence[socket.socket], timeout: float | None) -> list[socket.socket]:
        """Wait until one of the sockets can be written to, or has failed; return all of which that is so."""
        poll = select.poll()
        by_descriptor = {sock.fileno(): sock for sock in sockets}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLOUT)
        events = poll.poll(None if timeout is None else min(timeout * 1000, _LONGEST))
        return [by_descriptor[descriptor] for descriptor, _ in events]

else:  # Windows

    def is_readable(sock: socket.socket) -> bool:
        """Return whether bytes, a goodbye or an error are there; nothing of it is taken."""
        return bool(select.select([sock], [], [], 0)[0])

    def wait_for_either(sock: socket.socket, timeout: float | None) -> tuple[bool, bool]:
        """Wait until a socket can be read from or written to, and return whether each is so."""
        can_read, can_write, _ = select.select([sock], [sock], [], timeout)
        return bool(can_read), bool(can_write)

    def wait_for(sock: socket.socket, timeout: float | None, reading: bool, writing: bool) -> bool:
        """Wait until a socket can be read from, or written to, as asked; return whether it can within `timeout`."""
        return any(select.select([sock] * reading, [sock] * writing, [], timeout))

    def writable(sockets: Sequence[socket.socket], timeout: float | None) -> list[socket.socket]:
        """Wait until one of the sockets can be written to, or has failed; return all of which that is so."""
        _, through, failed = select.select([], sockets, sockets, timeout)
        return [*through, *failed]
