"""Looking up a name with a time limit, which the system's resolver does not have: in a thread, which is left behind."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import typing

# So many look-ups may be under way, those that were given up included: a resolver that hangs must not fill the
# process with threads.
_AT_ONCE = threading.BoundedSemaphore(32)


def _forget_all() -> None:
    """Begin anew in a fork's child: the parent's look-ups never end here."""
    global _AT_ONCE
    _AT_ONCE = threading.BoundedSemaphore(32)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

_Found = list[tuple[typing.Any, ...]]


def look_up(host: str, port: int, timeout: float | None) -> _Found:
    """Return what `getaddrinfo` says of `host`, within `timeout` seconds.

    Raises `TimeoutError`, and what `getaddrinfo` raises. The thread of a look-up that takes longer ends with it.
    """
    if timeout is None or _is_address(host):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    found: list[_Found] = []
    failures: list[BaseException] = []
    has_ended = threading.Event()

    def ask() -> None:
        try:
            found.append(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except BaseException as error:
            failures.append(error)
        finally:
            _AT_ONCE.release()
            has_ended.set()

    if not _AT_ONCE.acquire(timeout=timeout):
        raise TimeoutError
    try:
        threading.Thread(target=ask, name=f"courser look-up of {host}", daemon=True).start()
    except RuntimeError as error:  # the process may have no more threads
        _AT_ONCE.release()
        raise OSError(str(error)) from error
    if not has_ended.wait(timeout):
        raise TimeoutError
    if failures:
        raise failures[0]
    return found[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
