"""authlib: OAuth clients that are subclasses of ours."""

import asyncio

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth1Client, OAuth2Client

import courser

from ..server import Server


def test_a_token_is_fetched_and_used(server: Server) -> None:
    with OAuth2Client("me", "my secret") as client:
        assert isinstance(client, courser.Client)
        client.fetch_token(f"{server.url}/token", grant_type="client_credentials")
        answer = client.get(f"{server.url}/protected")

    assert answer.json() == {"authorization": "Bearer token for client_credentials"}


def test_a_token_is_fetched_by_an_async_client(server: Server) -> None:
    async def fetch() -> courser.Response:
        async with AsyncOAuth2Client("me", "my secret") as client:
            assert isinstance(client, courser.AsyncClient)
            await client.fetch_token(f"{server.url}/token", grant_type="client_credentials")
            return await client.get(f"{server.url}/protected")

    assert asyncio.run(fetch()).json() == {"authorization": "Bearer token for client_credentials"}


def test_a_token_that_has_run_out_is_renewed(server: Server) -> None:
    old = {"access_token": "old", "refresh_token": "r", "token_type": "Bearer", "expires_at": 1}
    with OAuth2Client("me", "my secret", token=old, token_endpoint=f"{server.url}/token") as client:
        answer = client.get(f"{server.url}/protected")

    assert answer.json() == {"authorization": "Bearer token for refresh_token"}


def test_a_wrong_secret_is_its_own_error(server: Server) -> None:
    with OAuth2Client("me", "guessed") as client, pytest.raises(OAuthError, match="invalid_client"):
        client.fetch_token(f"{server.url}/token", grant_type="client_credentials")


def test_requests_are_signed(server: Server) -> None:
    with OAuth1Client("me", "my secret", token="t", token_secret="s") as client:
        answer = client.post(f"{server.url}/protected", data={"a": "1"})

    assert answer.json()["authorization"].startswith("OAuth oauth_nonce=")
