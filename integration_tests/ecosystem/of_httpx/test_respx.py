"""respx, with its mocker for HTTPX (`using="httpx"`).

Its default mocker patches the connection pools of httpcore, which courser does not have; so `using="httpx"` is to be
said, once for all tests or in each place.
"""

import asyncio

import pytest
import respx

import courser

from ..server import Server


@respx.mock(using="httpx", base_url="https://api.example.org")
def test_a_decorated_test_is_given_a_router(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/items", params={"page": "2"}).respond(json={"items": []}, headers={"X-From": "respx"})

    response = courser.Client().get("https://api.example.org/items?page=2")

    assert response.json() == {"items": []}
    assert response.headers["x-from"] == "respx"
    assert route.call_count == 1
    assert route.calls.last.request.url == "https://api.example.org/items?page=2"


@pytest.mark.respx(using="httpx")
def test_the_fixture_of_the_plugin_works(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.post("https://api.example.org/items", json={"name": "tea"}).mock(
        return_value=courser.Response(201)
    )

    assert courser.Client().post("https://api.example.org/items", json={"name": "tea"}).status_code == 201
    assert route.called


def test_it_can_be_said_once_for_all_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(respx.mocks, "DEFAULT_MOCKER", "httpx")

    with respx.mock:
        respx.get("https://api.example.org/").respond(text="mocked")
        assert courser.Client().get("https://api.example.org/").text == "mocked"


def test_async_clients_are_mocked_too() -> None:
    async def fetch() -> courser.Response:
        async with courser.AsyncClient() as client:
            return await client.get("https://api.example.org/")

    with respx.mock(using="httpx") as router:
        router.get("https://api.example.org/").respond(text="mocked")
        assert asyncio.run(fetch()).text == "mocked"


def test_what_is_not_mocked_is_refused() -> None:
    with respx.mock(using="httpx"), pytest.raises(respx.models.AllMockedAssertionError):
        courser.Client().get("https://api.example.org/unknown")


def test_what_should_pass_reaches_the_server(server: Server) -> None:
    with respx.mock(using="httpx", assert_all_called=False) as router:
        router.route(host="127.0.0.1").pass_through()
        with courser.Client() as client:
            assert client.get(f"{server.url}/echo").json()["method"] == "GET"


def test_errors_are_raised_as_ours() -> None:
    with respx.mock(using="httpx") as router:
        router.get("https://api.example.org/").mock(side_effect=courser.ConnectTimeout)
        with pytest.raises(courser.ConnectTimeout) as caught:
            courser.Client().get("https://api.example.org/")

    assert caught.value.request.url == "https://api.example.org/"


def test_nothing_is_left_of_it(server: Server) -> None:
    with courser.Client() as client:
        with respx.mock(using="httpx") as router:
            router.get(f"{server.url}/echo").respond(418)
            assert client.get(f"{server.url}/echo").status_code == 418

        assert client.get(f"{server.url}/echo").status_code == 200
