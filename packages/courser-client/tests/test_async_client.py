"""What is true of `AsyncClient` alone: its methods are coroutine functions, for whoever asks or mocks them."""

import asyncio
import inspect
from unittest.mock import AsyncMock, MagicMock

import pytest

from courser_client import AsyncClient

COROUTINES = [
    *["send", "request", "get", "options", "head", "delete", "post", "put", "patch"],
    *["aclose", "__aenter__", "__aexit__"],
]


@pytest.mark.parametrize("name", COROUTINES)
def test_what_is_awaited_is_a_coroutine_function(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(AsyncClient, name))


@pytest.mark.parametrize("name", ["build_request", "stream"])
def test_what_is_not_awaited_is_none(name: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(AsyncClient, name))


def test_a_mock_of_the_client_is_awaited_where_the_client_is() -> None:
    mock = AsyncMock(spec=AsyncClient)

    for name in COROUTINES:
        assert isinstance(getattr(mock, name), AsyncMock), name
    for name in ("build_request", "stream"):
        assert isinstance(getattr(mock, name), MagicMock), name
        assert not isinstance(getattr(mock, name), AsyncMock), name


def test_a_mock_of_the_client_answers() -> None:
    mock = AsyncMock(spec=AsyncClient)
    mock.get.return_value = "answer"

    assert asyncio.run(mock.get("http://h/")) == "answer"
    mock.get.assert_awaited_once_with("http://h/")
    with pytest.raises(AttributeError):
        _ = mock.fetch
