"""What `auth=` takes, and the scheme that it means."""

from __future__ import annotations

from collections.abc import Callable

import courser_auth
from courser_auth import Auth, FunctionAuth
from courser_models import Request

from ._defaults import UseClientDefault

AuthTypes = Auth | tuple[str | bytes, str | bytes] | Callable[[Request], Request]

# How a method takes it: None for no credentials at all, or the client's own.
AuthArgument = AuthTypes | UseClientDefault | None


def scheme_of(auth: AuthTypes | None) -> Auth | None:
    """Return the scheme that `auth` means: `(username, password)` is Basic, a function changes the request."""
    if auth is None or isinstance(auth, Auth):
        return auth
    if isinstance(auth, tuple):
        if len(auth) != 2:
            raise TypeError(f"auth=(username, password) has two parts, not {len(auth)}")
        return courser_auth.BasicAuth(*auth)
    if callable(auth):
        return FunctionAuth(auth)
    raise TypeError(f"auth takes an Auth, (username, password) or a function of a request, not {type(auth).__name__}")


def scheme_in_url(request: Request) -> Auth | None:
    """Take the credentials out of a request's URL and return their scheme; None where it has none.

    A URL ends up in logs and in `Referer` fields, so it goes out without them (RFC 9110 §4.2.4).
    """
    if not request.url.userinfo:
        return None
    scheme = courser_auth.BasicAuth.from_url(request.url)
    request.url = request.url.copy_with(userinfo=b"")
    return scheme
