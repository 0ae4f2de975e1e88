"""The sentences that tell why the network failed, in the same words in every world."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence


def seconds(timeout: float | None) -> str:
    """Return a limit for a message: `5.0 s`."""
    return f"{timeout} s"


def reason(error: BaseException) -> str:
    """Return why a call of the system failed: «connection refused»."""
    if isinstance(error, socket.gaierror):
        return str(error.args[-1]).lower() if error.args else "name or service not known"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def refused(peer: str, failures: Sequence[Exception]) -> str:
    """Return the sentence for a peer none of whose addresses could be connected to."""
    reasons = list(dict.fromkeys(reason(failure) for failure in failures))
    return f"connecting to {peer} failed: {', '.join(reasons) or 'it has no address'}"


def closed_here(peer: str) -> str:
    """Return the sentence for a connection that this program closed while it was in use."""
    return f"the connection to {peer} was closed by this program while it was in use"
