"""Which transport serves a URL: those that were mounted, a proxy, or the client's own.

Patterns are HTTPX's. The first that matches decides, and they are asked in this order: those that the program gave,
the most specific first; then what the environment says, exceptions before proxies.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping

import courser_transport
from courser_models import URL

from ._environment import NoProxy, environment_proxies

if typing.TYPE_CHECKING:
    from courser_transport import Proxy, ProxyTypes

T = typing.TypeVar("T")


class URLPattern:
    """A pattern of URLs: a scheme or `all`, a host, a port.

    - `all://`, `https://`: every URL, those of one scheme
    - `all://example.org`: this host, `all://*.example.org`: those below it, `all://*example.org`: both
    - `all://example.org:8080`, `all://*:8080`: this port

    Raises `ValueError` for a text without `://`.
    """

    def __init__(self, pattern: str) -> None:
        if pattern and "://" not in pattern:
            raise ValueError(f"a pattern of URLs has the form of one: '{pattern}://' instead of {pattern!r}")
        self.pattern = pattern
        scheme, _, authority = pattern.partition("://")
        authority = authority.partition("/")[0]
        # A host that begins with a star is none that a URL may have, so the star is put aside.
        self._is_below = authority.startswith("*.")
        named = authority.removeprefix("*").removeprefix(".")
        self._is_suffix = authority.startswith("*") and not self._is_below and named != "" and named[0] != ":"
        self.scheme = "" if scheme == "all" else scheme
        self.host = ""
        self.port: int | None = None
        if named:
            url = URL(f"{scheme}://{'any' if named[0] == ':' else ''}{named}")
            self.host = "" if named[0] == ":" else url.raw_host.decode("ascii").rstrip(".")
            self.port = url.port

    def matches(self, url: URL) -> bool:
        """Return whether `url` is one of these."""
        if self.scheme and self.scheme != url.scheme:
            return False
        if self.port is not None and self.port != url.port:
            return False
        if not self.host:
            return True
        host = url.raw_host.decode("ascii").rstrip(".")
        if host == self.host:
            return not self._is_below
        return (self._is_below or self._is_suffix) and host.endswith("." + self.host)

    @property
    def priority(self) -> tuple[bool, int, int]:
        """What patterns are sorted by, the most specific first: a port, the longest host, a scheme."""
        length = len(self.host) + (2 if self._is_below else 1 if self._is_suffix else 0)
        return self.port is None, -length if self.host else 0, -len(self.scheme)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URLPattern) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pattern!r})"


Pattern = URLPattern | NoProxy


def mounts_of(
    mounts: Mapping[str, T | None] | None,
    proxy: Proxy | None,
    uses_environment: bool,
    through: Callable[[Proxy], T],
) -> dict[Pattern, T | None]:
    """Return the transports by pattern, in the order in which they are asked; None stands for the client's own.

    `through` makes the transport of a proxy, once for each. Raises `ValueError` for a pattern or proxy that is none.
    """
    found: dict[Pattern, T | None] = {}
    given = [(URLPattern(pattern), transport) for pattern, transport in (mounts or {}).items()]
    for pattern, transport in sorted(given, key=lambda item: item[0].priority):
        found[pattern] = transport
    if proxy is not None:
        found.setdefault(URLPattern("all://"), through(proxy))
    elif uses_environment:
        proxies, exceptions = environment_proxies()
        if proxies and exceptions is not None:
            found[exceptions] = None
        made: dict[Proxy, T] = {}
        for scheme, each in proxies.items():
            if each not in made:
                made[each] = through(each)
            found.setdefault(URLPattern(f"{scheme}://"), made[each])
    return found


class Mounted(typing.Generic[T]):
    """What a client sends requests with; base of the two clients, which make the transports of their colour.

    `_init_transport`, `_transport_for_url`, `_transport` and `_mounts` have HTTPX's names: libraries that extend its
    clients override or read them.
    """

    _transport: T
    _mounts: dict[Pattern, T | None]

    def _mount(
        self,
        transport: T | None,
        as_transport: Callable[[typing.Any], T] | None,
        app: typing.Any,
        proxy: ProxyTypes | None,
        mounts: Mapping[str, T | None] | None,
        ours: dict[str, typing.Any],
        **settings: typing.Any,
    ) -> None:
        """Make what the arguments of a client mean; `ours` are settings of transports that HTTPX has not.

        Raises `ValueError` where two of them say different things.
        """
        if as_transport is not None:
            if transport is not None:
                name = getattr(as_transport, "__name__", "")
                raise ValueError(f"give app or transport, not both; {name}(app) is the transport that app means")
            transport = as_transport(app)
        # What is not given is not passed on: a subclass written for HTTPX knows no argument that HTTPX has not.
        given = {name: value for name, value in ours.items() if value is not None}
        if given and transport is not None:
            raise ValueError(f"{', '.join(given)} belong to the transport that is given, and not here")
        settings.update(given)
        self._transport = self._init_transport(transport=transport, **settings)
        self._mounts = mounts_of(
            mounts,
            None if proxy is None else courser_transport.proxy_of(proxy),
            settings["trust_env"] and transport is None,
            lambda each: self._init_proxy_transport(each, **settings),
        )

    def _init_transport(self, *, transport: T | None = None, **settings: typing.Any) -> T:
        """Return what sends the requests that nothing is mounted for."""
        raise NotImplementedError

    def _init_proxy_transport(self, proxy: Proxy, **settings: typing.Any) -> T:
        """Return what sends requests through `proxy`."""
        raise NotImplementedError

    def _transport_for_url(self, url: URL) -> T:
        """Return what sends requests to `url`: what is mounted for it, or the client's own transport."""
        for pattern, transport in self._mounts.items():
            if pattern.matches(url):
                return self._transport if transport is None else transport
        return self._transport

    def _transports(self) -> list[T]:
        """Return all transports, each once."""
        mounted = [transport for transport in self._mounts.values() if transport is not None]
        return list({id(transport): transport for transport in [self._transport, *mounted]}.values())
