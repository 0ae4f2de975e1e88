"""Credentials that go with every request as they are: `Basic` (RFC 7617) and `Bearer` (RFC 6750)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Generator

from courser_models import URL, InvalidURL, Request, Response

from ._auth import Auth
from ._steps import Call, SteppedAuth, Steps


class BasicAuth(Auth):
    """Username and password, sent with each request (RFC 7617); text is encoded as UTF-8.

    Raises `ValueError` for a username with a colon, which the scheme cannot carry, and for control characters.

    >>> from courser_models import Request
    >>> request = next(BasicAuth("ada", "secret").auth_flow(Request("GET", "https://example.org/")))
    >>> request.headers.raw[-1]
    (b'Authorization', b'Basic YWRhOnNlY3JldA==')
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        user, secret = credential(username), credential(password)
        if b":" in user:
            raise ValueError("a username with a colon cannot be sent with Basic authentication (RFC 7617 §2)")
        self._field_value = "Basic " + base64.b64encode(user + b":" + secret).decode("ascii")

    @classmethod
    def from_url(cls, url: URL) -> BasicAuth | None:
        """Return the credentials in the userinfo of `url`, escapes undone (RFC 3986 §3.2.1); None where it has none.

        Raises `InvalidURL` for a userinfo that cannot be sent.

        >>> BasicAuth.from_url(URL("https://example.org/")) is None
        True
        """
        if not url.userinfo:
            return None
        from urllib.parse import unquote_to_bytes

        username, _, password = url.userinfo.partition(b":")
        try:
            return cls(unquote_to_bytes(username), unquote_to_bytes(password))
        except ValueError as error:
            raise InvalidURL(f"the userinfo of {url.masked} cannot be sent: {error}") from None

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        request.headers["Authorization"] = self._field_value
        yield request


class BearerAuth(SteppedAuth):
    """A token, or a function that returns the token of the moment, sent with each request (RFC 6750 §2.1).

    The function may be async where an async client uses it; a sync client raises `TypeError` then. A token that no
    field can hold raises `InvalidHeader`, a `ValueError`, when it is sent.
    """

    def __init__(self, token: str | Callable[[], str | Awaitable[str]]) -> None:
        self._token = token

    def _steps(self, request: Request) -> Steps:
        token = self._token
        if not isinstance(token, str):
            token = yield Call(token, "the function that gives the token")
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


def credential(text: str | bytes) -> bytes:
    """Return a username or password as bytes; raises `ValueError` for what no scheme carries, without showing it."""
    try:
        encoded = text if isinstance(text, bytes) else text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("username and password must not hold lone surrogates, which no encoding carries") from None
    if any(byte < 32 or byte == 127 for byte in encoded):
        raise ValueError("username and password must not hold control characters (RFC 7617 §2, RFC 7616 §4)")
    return encoded
