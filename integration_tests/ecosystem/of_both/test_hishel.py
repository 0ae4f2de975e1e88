"""hishel: a cache (RFC 9111) as a client, which overrides `_init_transport`, and as a transport around another."""

import asyncio
import importlib
from pathlib import Path

import hishel
import pytest

import courser

from ..server import Server


@pytest.fixture(params=["hishel.httpx", "hishel.httpx2"])
def cache(request: pytest.FixtureRequest):
    return importlib.import_module(request.param)


def test_a_second_request_is_answered_from_the_cache(cache, server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/cached/{cache.__name__}"
    storage = hishel.SqliteStorage(database_path=tmp_path / "cache.db")

    with cache.CacheClient(storage=storage, rfc=True) as client:
        assert isinstance(client, courser.Client)
        first, second = client.get(url), client.get(url)

    assert first.json() == second.json() == {"count": 1}
    assert second.extensions["caching"]["from_cache"]
    assert len(server.asked(f"/cached/{cache.__name__}")) == 1


def test_a_transport_caches_too(cache, server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/cached/{cache.__name__}-transport"
    storage = hishel.SqliteStorage(database_path=tmp_path / "cache.db")
    transport = cache.CacheTransport(courser.HTTPTransport(), storage=storage, rfc=True)

    with courser.Client(transport=transport) as client:
        assert [client.get(url).json()["count"] for _ in range(3)] == [1, 1, 1]


def test_an_async_client_caches_too(cache, server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/cached/{cache.__name__}-async"

    async def fetch() -> list[int]:
        storage = hishel.AsyncSqliteStorage(database_path=tmp_path / "cache.db")
        async with cache.AsyncCacheClient(storage=storage, rfc=True) as client:
            assert isinstance(client, courser.AsyncClient)
            return [(await client.get(url)).json()["count"] for _ in range(2)]

    assert asyncio.run(fetch()) == [1, 1]
