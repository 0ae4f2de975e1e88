"""The server that all libraries talk to, and proof that they talk to it by courser."""

import sys
from collections.abc import Iterator

import pytest

import courser

from .server import Server, run_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with a little of every service that the libraries here are for."""
    with run_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_but_courser() -> Iterator[None]:
    """There is no other HTTPX in this process, before and after each test."""
    yield
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in ("httpx", "httpx2")}
    assert loaded["httpx"].Client is loaded["httpx2"].Client is courser.Client
    foreign = [name for name, module in loaded.items() if "courser" not in (module.__file__ or "")]
    assert foreign == []
