"""Credentials that go with every request as they are: `Basic` (RFC 7617) and `Bearer` (RFC 6750)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator

from courser_models import Request, Response

from ._auth import Auth


class BasicAuth(Auth):
    """Username and password, sent with each request (RFC 7617); text is encoded as UTF-8.

    Raises `ValueError` for a username with a colon, which the scheme cannot carry, and for control characters.

    >>> from courser_models import Request
    >>> request = next(BasicAuth("ada", "secret").auth_flow(Request("GET", "https://example.org/")))
    >>> request.headers.raw[-1]
    (b'Authorization', b'Basic YWRhOnNlY3JldA==')
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        user, secret = _bytes(username), _bytes(password)
        if b":" in user:
            raise ValueError("a username with a colon cannot be sent with Basic authentication (RFC 7617 §2)")
        if any(byte < 32 or byte == 127 for byte in user + secret):
            raise ValueError("username and password must not hold control characters (RFC 7617 §2)")
        self._field_value = "Basic " + base64.b64encode(user + b":" + secret).decode("ascii")

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        request.headers["Authorization"] = self._field_value
        yield request


class BearerAuth(Auth):
    """A token, or a function that returns the token of the moment, sent with each request (RFC 6750 §2.1)."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")
