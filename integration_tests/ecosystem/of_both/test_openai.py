"""OpenAI's SDK: up to version 2 on HTTPX, from version 3 on httpx2."""

import asyncio

import openai
import pytest

import courser

from ..server import Server


def client_of(server: Server, path: str = "/openai/v1", **options: object) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url + path, api_key="key", **options)


def test_a_chat_is_answered(server: Server) -> None:
    with client_of(server) as client:
        chat = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "is it us?"}])
        assert isinstance(client._client, courser.Client)

    assert chat.choices[0].message.content == "is it us?"
    assert server.requests[-1].headers["authorization"] == "Bearer key"


def test_a_chat_is_streamed(server: Server) -> None:
    with client_of(server) as client:
        chunks = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "one by one"}], stream=True
        )
        words = [chunk.choices[0].delta.content for chunk in chunks]

    assert words == ["one", "by", "one"]


def test_a_client_that_is_given_is_used(server: Server) -> None:
    with courser.Client(headers={"X-From": "us"}, timeout=7.0) as given, client_of(server, http_client=given) as client:
        assert client.timeout == courser.Timeout(7.0)  # a default is told from a time-out that somebody chose
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])

    assert server.requests[-1].headers["x-from"] == "us"


def test_a_client_of_the_other_colour_is_refused(server: Server) -> None:
    with pytest.raises(TypeError, match="http_client"):
        client_of(server, http_client=courser.AsyncClient())


def test_a_file_is_uploaded(server: Server) -> None:
    with client_of(server) as client:
        file = client.files.create(file=("notes.txt", b"some notes"), purpose="assistants")

    assert file.id == "file-1"
    assert b"some notes" in server.requests[-1].body


def test_an_error_status_is_its_own_error(server: Server) -> None:
    with client_of(server) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()

    assert isinstance(caught.value.response, courser.Response)
    assert caught.value.response.status_code == 401


def test_a_failure_is_tried_again(server: Server) -> None:
    with client_of(server, "/flaky/openai", max_retries=1) as client:
        answer = client.get("/once", cast_to=object)

    assert answer == {"attempts": 2}


def test_nobody_there_is_a_connection_error() -> None:
    client = openai.OpenAI(base_url="http://127.0.0.1:9", api_key="key", max_retries=0)
    with client, pytest.raises(openai.APIConnectionError) as caught:
        client.models.list()

    assert isinstance(caught.value.__cause__, courser.ConnectError)


def test_an_async_client_does_the_same(server: Server) -> None:
    async def converse() -> tuple[str | None, list[str | None]]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/openai/v1", api_key="key") as client:
            assert isinstance(client._client, courser.AsyncClient)
            messages = [{"role": "user", "content": "one by one"}]
            chat = await client.chat.completions.create(model="m", messages=messages)
            chunks = await client.chat.completions.create(model="m", messages=messages, stream=True)
            return chat.choices[0].message.content, [chunk.choices[0].delta.content async for chunk in chunks]

    assert asyncio.run(converse()) == ("one by one", ["one", "by", "one"])
