"""Names to addresses, as the system knows them; in a thread, because the system has no time limit."""

from __future__ import annotations

import socket
import typing

from .._aside import aside
from .._deadline import Deadline
from .._exceptions import ConnectError, ConnectTimeout
from .._network import Address, Backend
from ._reasons import reason


async def look_up(backend: Backend, host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return what `getaddrinfo` says of `host`, before `deadline`; what is an address already needs no thread.

    Raises `ConnectError`, `ConnectTimeout`.
    """
    try:
        if _is_address(host):
            found = _ask(host, port, socket.AI_NUMERICHOST)
        else:
            call = await aside(backend, f"courser look-up of {host}", lambda: _ask(host, port, 0), deadline.left())
            if call is None:
                raise ConnectTimeout(f"looking up {host} timed out {deadline.words}")
            found = call.result()
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"looking up {host} failed: {reason(error)}") from error
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _ask(host: str, port: int, flags: int) -> list[tuple[typing.Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def _is_address(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
