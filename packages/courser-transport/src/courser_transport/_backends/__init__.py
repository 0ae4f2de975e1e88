"""The worlds: each file here runs the transport in one of them. Only these files know sockets, loops or threads."""

from __future__ import annotations

import sys

from .._network import LoopBackend


def current_backend() -> LoopBackend:
    """Return the backend of the event loop that runs here; raises `RuntimeError` where none does.

    Only what is needed is imported: nothing of anyio where asyncio runs.
    """
    # A loop that runs has imported its library; asking one that was not would import it for nothing.
    if "asyncio" in sys.modules:
        from .asyncio import AsyncioBackend

        if AsyncioBackend.is_running():
            return AsyncioBackend()
    if "trio" in sys.modules:
        from .anyio import AnyioBackend

        if AnyioBackend.is_running():
            return AnyioBackend()
    raise RuntimeError("an async client needs a running event loop, asyncio's or trio's; there is none here")
