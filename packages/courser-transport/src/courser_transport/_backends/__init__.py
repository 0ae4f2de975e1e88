"""The worlds: each file here runs the transport in one of them. Only these files know sockets, loops or threads."""

from __future__ import annotations

import sys
import typing

if typing.TYPE_CHECKING:
    from .asyncio import AsyncioBackend


def current_backend() -> AsyncioBackend:
    """Return the backend of the event loop that runs here; raises `RuntimeError` where none does."""
    # A loop that runs has imported asyncio; asking it otherwise would import it for nothing.
    if "asyncio" in sys.modules:
        from .asyncio import AsyncioBackend

        if AsyncioBackend.is_running():
            return AsyncioBackend()
    raise RuntimeError("an async client needs a running asyncio event loop; there is none here")
