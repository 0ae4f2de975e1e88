"""Credentials and cookies over the vocabulary of courser-models; no network I/O.

>>> from courser_auth import BearerAuth
>>> from courser_models import Request
>>> request = next(BearerAuth("abc").auth_flow(Request("GET", "https://example.org/")))
>>> request.headers["Authorization"]
'Bearer abc'
"""

import importlib
import typing

from courser_models import Cookie, Cookies

from ._auth import Auth, FunctionAuth
from ._cookie_store import CookieStore
from ._exceptions import AuthError, CredentialsFileError, TokenError
from ._public_suffixes import is_public_suffix, registrable_domain

if typing.TYPE_CHECKING:
    from ._basic import BasicAuth, BearerAuth
    from ._challenge import Challenge, read_auth_parameters, read_challenges
    from ._digest import DigestAuth
    from ._netrc import NetRCAuth
    from ._token import OAuth2ClientCredentials, Token, TokenAuth
    from ._version import __version__

# Imported by the first who asks: few programs do, and hashing, tables of Unicode and files come with them.
_LATER = {
    "BasicAuth": "_basic",
    "BearerAuth": "_basic",
    "Challenge": "_challenge",
    "read_auth_parameters": "_challenge",
    "read_challenges": "_challenge",
    "DigestAuth": "_digest",
    "NetRCAuth": "_netrc",
    "OAuth2ClientCredentials": "_token",
    "Token": "_token",
    "TokenAuth": "_token",
    "__version__": "_version",
}

__all__ = [
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "DigestAuth",
    "FunctionAuth",
    "NetRCAuth",
    "OAuth2ClientCredentials",
    "Token",
    "TokenAuth",
    "Cookie",
    "Cookies",
    "CookieStore",
    "is_public_suffix",
    "registrable_domain",
    "Challenge",
    "read_auth_parameters",
    "read_challenges",
    "AuthError",
    "CredentialsFileError",
    "TokenError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    _claim(found)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _claim(found: object) -> None:
    """Let a public name report the module it is imported from, in `repr` and in pickles."""
    if str(getattr(found, "__module__", "")).startswith(f"{__name__}.") and hasattr(found, "__qualname__"):
        found.__module__ = __name__


for _name in __all__:
    if _name in globals():
        _claim(globals()[_name])
