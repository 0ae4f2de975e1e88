"""Public suffixes: domains under which strangers register, such as `co.uk` and `github.io` (publicsuffix.org).

The list is read when it is first asked for, which takes tens of milliseconds, and once for all.
"""

from __future__ import annotations

import functools
import typing

if typing.TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@functools.lru_cache(maxsize=1024)
def is_public_suffix(domain: str) -> bool:
    """Return whether strangers may register below `domain`, so that a cookie for all of it must not be kept.

    `domain` is in A-labels (RFC 5890), or Unicode; case does not matter. An unknown top-level domain is one.

    >>> is_public_suffix("co.uk"), is_public_suffix("example.co.uk")
    (True, False)
    """
    return bool(_list().is_public(domain))


def registrable_domain(host: str) -> str | None:
    """Return the domain that the owner of `host` registered: the public suffix and one label more, in lower case.

    None for a host that is a public suffix itself, or no domain name.

    >>> registrable_domain("www.example.co.uk")
    'example.co.uk'
    """
    return _list().privatesuffix(host)


@functools.cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
