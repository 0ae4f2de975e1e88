"""Sockets that are made as the settings say, and attempts to connect them without waiting."""

from __future__ import annotations

import errno
import os
import socket

from .._deadline import Deadline
from .._exceptions import ConnectError, ConnectTimeout
from .._network import Address, Backend, SocketSettings
from ._reasons import reason, refused

# What `connect` says of a socket that does not block while it is on its way. EWOULDBLOCK does so on Windows alone, and
# elsewhere means that no port is free.
_ON_ITS_WAY = {errno.EINPROGRESS, errno.EINTR} | ({errno.EWOULDBLOCK} if os.name == "nt" else set())
_UNIX = getattr(socket, "AF_UNIX", None)
# The queue of who listens at a Unix socket is full, and nothing tells when it has a place: so long until the next look.
_IS_FULL = {errno.EAGAIN, errno.EINTR, errno.EALREADY, errno.EINPROGRESS}
_PAUSE = 0.01


def new_socket(family: int, settings: SocketSettings) -> socket.socket:
    """Return a socket that does not block, with its options set, and bound where the settings say so.

    Raises `OSError`, which names the setting that the system does not take.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family != _UNIX:
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            except OSError:
                pass
        for option in settings.options:
            try:
                sock.setsockopt(*option)  # pyright: ignore[reportCallIssue, reportArgumentType] (a union of tuples)
            except OSError as error:
                raise OSError(f"socket option {option} cannot be set: {reason(error)}") from error
        if settings.local_address is not None and family != _UNIX:
            _bind(sock, settings.local_address)
        return sock
    except BaseException:
        sock.close()
        raise


def _bind(sock: socket.socket, local: str) -> None:
    try:
        # Not `bind((local, 0))`, which loses the zone of a link-local address.
        found = socket.getaddrinfo(local, 0, sock.family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        sock.bind(found[0][4])
    except OSError as error:
        raise OSError(f"local_address {local} cannot be used: {reason(error)}") from error


class SocketAttempts:
    """Attempts that are sockets on their way; a world adds how it waits for them."""

    def __init__(self, settings: SocketSettings) -> None:
        self._settings = settings

    def begin(self, address: Address) -> socket.socket:
        """Begin to connect."""
        family, place = address
        sock = new_socket(family, self._settings)
        try:
            problem = sock.connect_ex(place)
            if problem and problem not in _ON_ITS_WAY:
                raise OSError(problem, os.strerror(problem))
            return sock
        except BaseException:
            sock.close()
            raise

    def failure(self, attempt: socket.socket) -> OSError | None:
        """Return why a socket is not connected."""
        problem = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return OSError(problem, os.strerror(problem)) if problem else None

    def close(self, attempt: socket.socket) -> None:
        """Close."""
        attempt.close()


async def connected_unix_socket(
    backend: Backend, path: str, peer: str, deadline: Deadline, settings: SocketSettings
) -> socket.socket:
    """Return a socket that is connected to the Unix socket at `path`, and does not block.

    Such a connection is made at once or not at all; while the queue of who listens is full it is asked for again.
    """
    where = f"{peer} by the Unix socket {'@' + path[1:] if path.startswith(chr(0)) else path}"
    if _UNIX is None:
        raise ConnectError(f"connecting to {where} failed: this system has no Unix sockets for Python")
    sock = None
    try:
        sock = new_socket(_UNIX, settings)
        while problem := sock.connect_ex(path):
            if problem == errno.EISCONN:
                break
            if problem not in _IS_FULL:
                raise OSError(problem, os.strerror(problem))
            left = deadline.left()
            if left is not None and left <= 0:
                raise ConnectTimeout(f"connecting to {where} timed out {deadline.words}")
            await backend.sleep(_PAUSE if left is None else min(_PAUSE, left))
        return sock
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, (OSError, ValueError)):  # ValueError: a NUL in the middle of the path
            raise ConnectError(refused(where, [error])) from error
        raise
