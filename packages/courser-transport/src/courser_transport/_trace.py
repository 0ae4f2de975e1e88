"""The `trace` extension: a caller's function that is told what happens on the wire.

`extensions={"trace": function}`; the function takes an event's name and a dictionary about it, and may be a coroutine
function in an async client. A request without it pays one look-up.
"""

from __future__ import annotations

import inspect
import typing

from courser_models import Request


async def trace(request: Request, event: str, **info: typing.Any) -> None:
    """Tell the request's `trace` function, if it has one, of `event`."""
    function = request.extensions.get("trace")
    if function is not None:
        outcome = function(event, {"request": request, **info})
        if inspect.isawaitable(outcome):
            await outcome
