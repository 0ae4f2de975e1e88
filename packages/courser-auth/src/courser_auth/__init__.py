"""Authentication schemes over the vocabulary of courser-models; no I/O.

>>> from courser_auth import BearerAuth
>>> from courser_models import Request
>>> request = next(BearerAuth("abc").auth_flow(Request("GET", "https://example.org/")))
>>> request.headers["Authorization"]
'Bearer abc'
"""

from ._auth import Auth, FunctionAuth
from ._basic import BasicAuth, BearerAuth
from ._version import __version__

__all__ = ["Auth", "BasicAuth", "BearerAuth", "FunctionAuth", "__version__"]

# Public names report the module they are imported from, in `repr` and in pickles.
for _object in [globals()[name] for name in __all__]:
    if str(getattr(_object, "__module__", "")).startswith(f"{__name__}.") and hasattr(_object, "__qualname__"):
        _object.__module__ = __name__
