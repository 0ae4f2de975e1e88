"""The servers of a run and the worlds of a test.

A server runs once for all tests that ask for it. Where it cannot run, the tests are skipped with a sentence that says
what to install; with `CI` set they fail instead, so that nobody takes a missing server for a success.
"""

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from .servers.certificates import Authority
from .servers.httpbin_server import HttpbinIsMissing, run_httpbin
from .servers.nginx import Nginx, NginxIsMissing, run_nginx
from .servers.tiny import run_tiny
from .watch import watching
from .worlds import Asyncio, Threads, Trio, World

SECONDS_A_TEST = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS_A_TEST))


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's owner has set for TLS and proxies is not part of any test."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _nothing_secret_is_shown() -> Iterator[None]:
    """See `watch`."""
    with watching() as watch:
        yield
    assert not watch.complaints, "\n".join(watch.complaints)


@pytest.fixture(params=[Threads(), Asyncio(), Trio()], ids=lambda world: world.name)
def world(request: pytest.FixtureRequest) -> World:
    """Both clients, one after the other."""
    chosen: World = request.param
    return chosen


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority of every TLS server here."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that no client trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Nginx]:
    try:
        with run_nginx(tmp_path_factory.mktemp("nginx"), authority) as running:
            yield running
    except NginxIsMissing as missing:
        do_without(missing)


@pytest.fixture(scope="session")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of httpbin, without a slash at the end."""
    try:
        with run_httpbin(tmp_path_factory.mktemp("httpbin")) as url:
            yield url
    except HttpbinIsMissing as missing:
        do_without(missing)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that costs a profile nothing, without a slash at the end."""
    with run_tiny(tmp_path_factory.mktemp("tiny")) as url:
        yield url


def do_without(missing: Exception) -> NoReturn:
    """Skip what needs a server that is not here; fail where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"{missing} (CI is set, so this is a failure)")
    pytest.skip(str(missing))
