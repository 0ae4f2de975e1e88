"""Driving a flow as a client does, against a server that is a function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from courser_auth import Auth
from courser_models import Request, Response

Server = Callable[[Request], Response]


def drive_sync(auth: Auth, request: Request, server: Server) -> Response:
    """Send what the flow asks for to `server`; return the last response."""
    flow = auth.sync_auth_flow(request)
    response = None
    try:
        asked = next(flow)
        while True:
            response = server(asked)
            response.request = asked
            asked = flow.send(response)
    except StopIteration:
        assert response is not None
        return response
    finally:
        flow.close()


async def drive(auth: Auth, request: Request, server: Server) -> Response:
    """`drive_sync`, for an async client."""
    flow = auth.async_auth_flow(request)
    response = None
    try:
        asked = await anext(flow)
        while True:
            response = server(asked)
            response.request = asked
            asked = await flow.asend(response)
    except StopAsyncIteration:
        assert response is not None
        return response
    finally:
        await flow.aclose()


def drive_async(auth: Auth, request: Request, server: Server) -> Response:
    return asyncio.run(drive(auth, request, server))


in_both_colours: Any = pytest.mark.parametrize("send", [drive_sync, drive_async], ids=["sync", "async"])
