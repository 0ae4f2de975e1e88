"""httpx-sse: server-sent events over `client.stream`."""

import asyncio

import httpx_sse
import pytest

import courser

from ..server import Server

EVENTS = [("greeting", "hello\u2028there", "1"), ("message", "two\nlines", "1")]


def test_events_arrive(server: Server) -> None:
    with courser.Client() as client, httpx_sse.connect_sse(client, "GET", f"{server.url}/events") as source:
        assert [(event.event, event.data, event.id) for event in source.iter_sse()] == EVENTS


def test_events_arrive_in_an_async_client(server: Server) -> None:
    async def listen() -> list[tuple[str, str, str]]:
        client = courser.AsyncClient()
        async with client, httpx_sse.aconnect_sse(client, "GET", f"{server.url}/events") as source:
            return [(event.event, event.data, event.id) async for event in source.aiter_sse()]

    assert asyncio.run(listen()) == EVENTS


def test_anything_else_is_refused(server: Server) -> None:
    with (
        courser.Client() as client,
        httpx_sse.connect_sse(client, "GET", f"{server.url}/echo") as source,
        pytest.raises(httpx_sse.SSEError) as caught,
    ):
        list(source.iter_sse())

    assert isinstance(caught.value, courser.TransportError)
