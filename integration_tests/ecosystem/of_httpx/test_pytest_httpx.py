"""pytest-httpx, whose fixture puts itself in the place of the transports' methods."""

import asyncio

import pytest
from pytest_httpx import HTTPXMock, IteratorStream

import courser

from ..server import Server


def test_a_response_is_given(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url="https://api.example.org/items?page=2", json={"items": []}, headers={"X-From": "mock"})

    with courser.Client() as client:
        response = client.get("https://api.example.org/items", params={"page": 2})

    assert response.json() == {"items": []}
    assert response.headers["x-from"] == "mock"
    assert httpx_mock.get_request().headers["host"] == "api.example.org"


def test_an_async_client_gets_one_too(httpx_mock: HTTPXMock) -> None:
    async def fetch() -> str:
        async with courser.AsyncClient() as client:
            return (await client.post("https://api.example.org/", json={"name": "tea"})).text

    httpx_mock.add_response(method="POST", match_json={"name": "tea"}, text="thanks")

    assert asyncio.run(fetch()) == "thanks"


def test_a_response_is_streamed(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(stream=IteratorStream([b"part 1", b"part 2"]))

    with courser.Client() as client, client.stream("GET", "https://api.example.org/") as response:
        assert list(response.iter_raw()) == [b"part 1", b"part 2"]


def test_a_form_with_files_is_recognised(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(match_files={"report": ("r.txt", b"all well")}, match_data={"to": "me"})

    with courser.Client() as client:
        response = client.post("https://api.example.org/", files={"report": ("r.txt", b"all well")}, data={"to": "me"})

    assert response.status_code == 200


def test_an_error_is_raised(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(courser.ReadTimeout("too slow"))

    with courser.Client() as client, pytest.raises(courser.ReadTimeout, match="too slow"):
        client.get("https://api.example.org/")


@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
def test_what_is_not_expected_times_out(httpx_mock: HTTPXMock) -> None:
    with courser.Client() as client, pytest.raises(courser.TimeoutException, match="No response can be found"):
        client.get("https://api.example.org/")


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "127.0.0.1")
def test_what_should_pass_reaches_the_server(httpx_mock: HTTPXMock, server: Server) -> None:
    with courser.Client() as client:
        assert client.get(f"{server.url}/echo").json()["method"] == "GET"
