"""httpcore and httpcore2, which HTTPX and httpx2 bring along: they work as ever, and raise courser's errors."""

import importlib
from types import ModuleType

import pytest

import courser

from ..server import Server


@pytest.fixture(params=["httpcore", "httpcore2"])
def httpcore(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_its_own_pool_sends_requests(httpcore: ModuleType, server: Server) -> None:
    with httpcore.ConnectionPool() as pool:
        response = pool.request("GET", f"{server.url}/echo")

    assert response.status == 200
    assert b'"path": "/echo"' in response.content


def test_its_errors_are_ours(httpcore: ModuleType) -> None:
    with httpcore.ConnectionPool() as pool, pytest.raises(courser.ConnectError) as caught:
        pool.request("GET", "http://127.0.0.1:9/")

    assert type(caught.value) is httpcore.ConnectError is courser.ConnectError
    assert "refused" in str(caught.value)


def test_our_errors_keep_their_name(httpcore: ModuleType) -> None:
    assert (httpcore.ReadError.__module__, httpcore.ReadError.__name__) == ("courser_transport", "ReadError")
