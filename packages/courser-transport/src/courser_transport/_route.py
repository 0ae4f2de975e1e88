"""`Route`: whom a connection leads to and by which way. It is what a pool keeps its connections by.

Two requests may share a connection only where everything is the same that decides who the peer is: the origin, the
proxy with its credentials, the name that its certificate must bear, and whom it is verified by. What a transport says
for all its requests, such as its certificates, its resolver, or the address it connects from, is not repeated here: no
two transports share a pool. Most requests say nothing of their own, and their origin alone is their route.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping

from courser_models import Origin

if typing.TYPE_CHECKING:
    from ._proxy._settings import Proxy
    from ._tls._context import VerifyTypes


class Way(typing.NamedTuple):
    """A route that is more than its origin."""

    origin: Origin | None
    """Whom requests are for; None where that is said to the proxy with each request, and may be anybody on http."""
    proxy: Proxy | None
    server_name: str | None
    """The name that is asked for and that the certificate must bear, in the place of the host's (RFC 6066 §3)."""
    verify: VerifyTypes | None
    """Whom to trust, in the place of what the transport says."""

    @property
    def scheme(self) -> str:
        """The scheme of the requests that it takes."""
        return "http" if self.origin is None else self.origin.scheme

    @property
    def authority(self) -> str:
        """The name of the peer in messages."""
        if self.origin is not None:
            return self.origin.authority
        assert self.proxy is not None  # nobody else is told with each request whom it is for
        return self.proxy.name

    @property
    def forwarder(self) -> Proxy | None:
        """The proxy that is handed requests to send on; None where they are sent to their origin itself."""
        return self.proxy if self.origin is None else None

    def __str__(self) -> str:
        text = "http://*" if self.origin is None else str(self.origin)
        if self.proxy is not None:
            text += f" via {self.proxy.origin}"
        if self.server_name is not None:
            text += f" as {self.server_name}"
        return text if self.verify is None else f"{text} (verified in its own way)"


Route = Origin | Way


def forwarder_of(route: Route) -> Proxy | None:
    """Return the proxy that is handed requests to send on; None where they are sent to their origin itself."""
    return route.forwarder if isinstance(route, Way) else None


def route_of(origin: Origin, extensions: Mapping[str, typing.Any], proxy: Proxy | None, forwards: bool) -> Route:
    """Return the route of a request to `origin`: what its extensions say, `proxy` where they name none.

    - `proxy`: a URL or a `Proxy`; None for none
    - `sni_hostname`: text or bytes; the server is asked for this name and must prove to be it
    - `verify`: as for the transport; what it says about a client certificate holds still

    `forwards` says whether a proxy may be handed requests at all. Raises `ValueError` or `TypeError` for a wrong value.
    """
    if "proxy" in extensions:
        from ._proxy._settings import proxy_of

        proxy = proxy_of(extensions["proxy"])
    if proxy is not None and forwards and proxy.forwards(origin.scheme):
        return Way(None, proxy, None, None)
    server_name: str | None = None
    verify: VerifyTypes | None = None
    if origin.scheme == "https":
        name = extensions.get("sni_hostname")
        server_name = name.decode("ascii") if isinstance(name, bytes) else name
        verify = extensions.get("verify")
    if proxy is None and server_name is None and verify is None:
        return origin
    return Way(origin, proxy, server_name, verify)
