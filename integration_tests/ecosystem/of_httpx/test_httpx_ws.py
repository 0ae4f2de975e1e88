"""httpx-ws: WebSockets over the connection that an upgrade hands over."""

import asyncio
from collections.abc import Iterator

import httpx_ws
import pytest

import courser

from ..server import Server
from .websockets import run_websockets


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with run_websockets() as running:
        yield running


def test_messages_come_back(url: str) -> None:
    with courser.Client() as client, httpx_ws.connect_ws(url, client) as websocket:
        websocket.send_text("hello")
        assert websocket.receive_text(timeout=5) == "hello"
        websocket.send_bytes(b"*" * 100_000)
        assert websocket.receive_bytes(timeout=5) == b"*" * 100_000
        assert websocket.ping().wait(5)


def test_messages_come_back_in_an_async_client(url: str) -> None:
    async def converse() -> tuple[str, bytes]:
        async with courser.AsyncClient() as client, httpx_ws.aconnect_ws(url, client) as websocket:
            await websocket.send_text("hello")
            text = await websocket.receive_text(timeout=5)
            await websocket.send_bytes(b"*" * 100_000)
            return text, await websocket.receive_bytes(timeout=5)

    assert asyncio.run(converse()) == ("hello", b"*" * 100_000)


def test_a_broken_connection_is_noticed(url: str) -> None:
    with courser.Client() as client, httpx_ws.connect_ws(url, client) as websocket:
        websocket.send_text("break")
        with pytest.raises(httpx_ws.WebSocketNetworkError):
            websocket.receive_text(timeout=5)


def test_a_broken_connection_is_noticed_in_an_async_client(url: str) -> None:
    async def converse() -> None:
        async with courser.AsyncClient() as client, httpx_ws.aconnect_ws(url, client) as websocket:
            await websocket.send_text("break")
            with pytest.raises(httpx_ws.WebSocketNetworkError):
                await websocket.receive_text(timeout=5)

    asyncio.run(converse())


def test_a_server_without_websockets_is_refused(server: Server) -> None:
    with (
        courser.Client() as client,
        pytest.raises(httpx_ws.WebSocketUpgradeError) as caught,
        httpx_ws.connect_ws(f"{server.url}/echo", client),
    ):
        pass

    assert isinstance(caught.value.response, courser.Response)
