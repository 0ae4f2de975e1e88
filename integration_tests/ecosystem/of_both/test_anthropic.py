"""Anthropic's SDK: up to version 0 on HTTPX, from version 1 on httpx2."""

import asyncio

import anthropic
import pytest

import courser

from ..server import Server

HELLO = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "one by one"}]}


def client_of(server: Server, **options: object) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"base_url": f"{server.url}/anthropic", "api_key": "key", **options})


def test_a_message_is_answered(server: Server) -> None:
    with client_of(server) as client:
        message = client.messages.create(**HELLO)
        assert isinstance(client._client, courser.Client)

    assert message.content[0].text == "one by one"


def test_a_message_is_streamed(server: Server) -> None:
    with client_of(server) as client, client.messages.stream(**HELLO) as stream:
        words = list(stream.text_stream)

    assert words == ["one", "by", "one"]


def test_a_client_that_is_given_is_used(server: Server) -> None:
    with courser.Client(headers={"X-From": "us"}) as given, client_of(server, http_client=given) as client:
        client.messages.create(**HELLO)

    assert server.requests[-1].headers["x-from"] == "us"


def test_a_client_of_the_other_colour_is_refused(server: Server) -> None:
    with pytest.raises(TypeError, match="http_client"):
        client_of(server, http_client=courser.AsyncClient())


def test_an_error_status_is_its_own_error(server: Server) -> None:
    with client_of(server, api_key="wrong") as client, pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(**HELLO)

    assert isinstance(caught.value.response, courser.Response)


def test_a_failure_is_tried_again(server: Server) -> None:
    with client_of(server, base_url=f"{server.url}/flaky/anthropic", max_retries=1) as client:
        assert client.get("/once", cast_to=object) == {"attempts": 2}


def test_an_async_client_does_the_same(server: Server) -> None:
    async def converse() -> tuple[str, list[str]]:
        async with anthropic.AsyncAnthropic(base_url=f"{server.url}/anthropic", api_key="key") as client:
            assert isinstance(client._client, courser.AsyncClient)
            message = await client.messages.create(**HELLO)
            async with client.messages.stream(**HELLO) as stream:
                return message.content[0].text, [word async for word in stream.text_stream]

    assert asyncio.run(converse()) == ("one by one", ["one", "by", "one"])
