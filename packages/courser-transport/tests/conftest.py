"""What holds for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authorities import Authority
from pools import OPEN_POOLS
from serving import Certificates


@pytest.fixture(autouse=True)
def _no_pool_is_left_open() -> Iterator[None]:
    yield
    while OPEN_POOLS:
        OPEN_POOLS.pop().abandon()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _no_tls_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
