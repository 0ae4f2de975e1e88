"""httpx-retries: a transport around ours."""

import asyncio

import httpx_retries

import courser

from ..server import Server

RETRY = httpx_retries.Retry(total=2, backoff_factor=0)


def test_a_failure_is_tried_again(server: Server) -> None:
    with courser.Client(transport=httpx_retries.RetryTransport(retry=RETRY)) as client:
        response = client.get(f"{server.url}/flaky/retries")

    assert response.json() == {"attempts": 2}
    assert response.extensions["retry"].attempts_made == 1


def test_a_failure_is_tried_again_in_an_async_client(server: Server) -> None:
    async def fetch() -> courser.Response:
        transport = httpx_retries.RetryTransport(transport=courser.AsyncHTTPTransport(), retry=RETRY)
        async with courser.AsyncClient(transport=transport) as client:
            return await client.get(f"{server.url}/flaky/async-retries")

    assert asyncio.run(fetch()).json() == {"attempts": 2}


def test_errors_of_the_network_are_tried_again() -> None:
    attempts = []

    def refuse(request: courser.Request) -> courser.Response:
        attempts.append(request)
        if len(attempts) == 1:
            raise courser.ConnectError("nobody there", request=request)
        return courser.Response(200)

    transport = httpx_retries.RetryTransport(transport=courser.MockTransport(refuse), retry=RETRY)
    with courser.Client(transport=transport) as client:
        assert client.get("https://api.example.org/").status_code == 200

    assert len(attempts) == 2
