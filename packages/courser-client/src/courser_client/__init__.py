"""`Client` and `AsyncClient`: one exchange, two doors; and functions for a request without a client.

>>> from courser_client import Client
>>> def fetch(url: str) -> str:
...     with Client() as client:
...         return client.get(url).raise_for_status().text
"""

from ._api import delete, get, head, options, patch, post, put, query, request, stream
from ._async_client import AsyncClient
from ._auth_argument import AuthArgument, AuthTypes
from ._client import Client
from ._defaults import USE_CLIENT_DEFAULT, TimeoutArgument, UseClientDefault
from ._exceptions import TooManyRedirects
from ._exchange import ClientState
from ._settings import EventHook, EventHooks, ParamsMode, RedirectPolicy
from ._version import __version__

__all__ = [
    "USE_CLIENT_DEFAULT",
    "AsyncClient",
    "AuthArgument",
    "AuthTypes",
    "Client",
    "ClientState",
    "EventHook",
    "EventHooks",
    "ParamsMode",
    "RedirectPolicy",
    "TimeoutArgument",
    "TooManyRedirects",
    "UseClientDefault",
    "__version__",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "query",
    "request",
    "stream",
]

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
