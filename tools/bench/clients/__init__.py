"""The clients that are compared: a table of names, and how to open one.

An adapter is imported only in the process that measures it, so no client pays for the memory or the import of another.
To add a client: a module with its adapters, a line in the tables, its pins in peers/, and its name in the scenarios it
takes part in.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import cast

from clients.adapter import AsyncAdapter, Settings, SyncAdapter

_ASYNC = {
    "floor": ("clients.floor", "AsyncFloor"),
    "courser": ("clients.httpx_like", "AsyncHTTPXLike"),
    "wreq": ("clients.wreq_client", "AsyncWreq"),
    "pyreqwest": ("clients.pyreqwest_client", "AsyncPyreqwest"),
    "aiohttp": ("clients.aiohttp_client", "AsyncAiohttp"),
    "niquests": ("clients.requests_like", "AsyncRequestsLike"),
    "httpx2": ("clients.httpx_like", "AsyncHTTPXLike"),
    "httpx": ("clients.httpx_like", "AsyncHTTPXLike"),
}
_SYNC = {
    "floor": ("clients.floor", "SyncFloor"),
    "courser": ("clients.httpx_like", "SyncHTTPXLike"),
    "wreq": ("clients.wreq_client", "SyncWreq"),
    "pyreqwest": ("clients.pyreqwest_client", "SyncPyreqwest"),
    "urllib3": ("clients.urllib3_client", "SyncUrllib3"),
    "requests": ("clients.requests_like", "SyncRequestsLike"),
    "niquests": ("clients.requests_like", "SyncRequestsLike"),
    "httpx2": ("clients.httpx_like", "SyncHTTPXLike"),
    "httpx": ("clients.httpx_like", "SyncHTTPXLike"),
}


def open_async(name: str, settings: Settings) -> AsyncAdapter:
    module, adapter = _ASYNC[name]
    return cast(AsyncAdapter, getattr(importlib.import_module(module), adapter)(name, settings))


def open_sync(name: str, settings: Settings) -> SyncAdapter:
    module, adapter = _SYNC[name]
    return cast(SyncAdapter, getattr(importlib.import_module(module), adapter)(name, settings))


def version(name: str) -> str:
    """Return the installed version; raise ImportError when the client is not there. The floor is ours and has none."""
    if name == "floor":
        return ""
    module = importlib.import_module(name)
    # From a source tree there is no distribution to ask, but the module knows.
    return str(getattr(module, "__version__", "")) or importlib.metadata.version(name)
