"""Each test that takes `colour` runs as a sync and as an async program."""

import asyncio
from collections.abc import Iterator

import pytest

from colours import AsyncColour, Colour, SyncColour


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    if request.param == "sync":
        yield SyncColour()
        return
    with asyncio.Runner() as runner:
        yield AsyncColour(runner)
