"""What a client does unless it is told otherwise."""

from __future__ import annotations

import enum
import functools
import typing

from courser_models import Headers, supported_codings
from courser_transport import Timeout, TimeoutTypes

from ._version import __version__


class UseClientDefault(enum.Enum):
    """The type of `USE_CLIENT_DEFAULT`: «not given», where None means «none»."""

    USE_CLIENT_DEFAULT = "USE_CLIENT_DEFAULT"

    def __repr__(self) -> str:
        return self.name


USE_CLIENT_DEFAULT: typing.Final = UseClientDefault.USE_CLIENT_DEFAULT

# How a method takes a time-out: seconds, a Timeout, None for no limit, or the client's own.
TimeoutArgument = TimeoutTypes | UseClientDefault

DEFAULT_TIMEOUT = Timeout(5.0)
DEFAULT_MAX_REDIRECTS = 20


def default_headers() -> Headers:
    """Return the fields that every request has unless the caller says something else."""
    return _fields(supported_codings()).copy()


@functools.lru_cache(maxsize=8)  # one, unless content codings are registered
def _fields(codings: str) -> Headers:
    return Headers(
        [
            ("Accept", "*/*"),
            ("Accept-Encoding", codings),
            ("Connection", "keep-alive"),
            ("User-Agent", f"python-courser/{__version__}"),
        ]
    )
