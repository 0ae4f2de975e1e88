"""Credentials and cookies over the vocabulary of courser-models; no network I/O.

>>> from courser_auth import BearerAuth
>>> from courser_models import Request
>>> request = next(BearerAuth("abc").auth_flow(Request("GET", "https://example.org/")))
>>> request.headers["Authorization"]
'Bearer abc'
"""

from courser_models import Cookie, Cookies

from ._auth import Auth, FunctionAuth
from ._basic import BasicAuth, BearerAuth
from ._challenge import Challenge, read_auth_parameters, read_challenges
from ._cookie_store import CookieStore
from ._digest import DigestAuth
from ._exceptions import AuthError, CredentialsFileError, TokenError
from ._netrc import NetRCAuth
from ._public_suffixes import is_public_suffix, registrable_domain
from ._token import OAuth2ClientCredentials, Token, TokenAuth
from ._version import __version__

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

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
