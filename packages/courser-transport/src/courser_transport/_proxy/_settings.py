"""`Proxy`: where a proxy is, how it is spoken to, and who we are to it."""

from __future__ import annotations

import base64
import functools
import typing
from collections.abc import Generator

from courser_models import URL, Headers, HeaderTypes, Origin, Request, Response, URLTypes

if typing.TYPE_CHECKING:
    import ssl

# By scheme, the port where none is given; SOCKS has its registered one.
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


class ProxyScheme(typing.Protocol):
    """What `auth` of a proxy may be besides a name and a password: a scheme such as courser-auth's `DigestAuth`."""

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield each request to send; what is sent back in is its response."""
        ...


class Proxy:
    """A proxy, as `proxy=` and `extensions["proxy"]` take it.

    - `url`: its scheme says how it is spoken to. `http` and `https` (TLS to the proxy itself): requests to http:// are
      forwarded, for https:// a tunnel is opened with CONNECT (RFC 9110 §9.3.6). `socks5h` and `socks4a` look up names
      behind the proxy, `socks5` and `socks4` before it. Credentials in the URL are taken for `auth`
    - `ssl_context`: for TLS to the proxy. Default the authorities of the transport
    - `auth`: a name and a password, which an HTTP proxy gets as Basic (RFC 7617) without being asked, or a scheme that
      answers challenges, such as `DigestAuth("name", "password")`; SOCKS takes the name and the password
    - `headers`: further fields for an HTTP proxy; they never go to the server behind it
    - `tunnels_http`: open tunnels for http:// too, so that the proxy passes bytes on and reads nothing. Default False

    Raises `ValueError` for another scheme, or a URL without a host.

    >>> Proxy("http://name:secret@proxy.example:3128")
    Proxy('http://proxy.example:3128', auth=('name', '********'))
    """

    def __init__(
        self,
        url: URLTypes,
        *,
        ssl_context: ssl.SSLContext | None = None,
        auth: tuple[str, str] | ProxyScheme | None = None,
        headers: HeaderTypes | None = None,
        tunnels_http: bool = False,
    ) -> None:
        url = URL(url)
        if url.scheme not in _DEFAULT_PORTS:
            raise ValueError(
                f"a proxy's URL begins with {'://, '.join(_DEFAULT_PORTS)}://, such as http://proxy.example:3128; "
                f"{url.masked!r} does not"
            )
        if not url.host:
            raise ValueError(
                f"a proxy's URL names a host, such as {url.scheme}://proxy.example; {url.masked!r} does not"
            )
        if url.username or url.password:
            # Explicit credentials win over those of the URL.
            auth = auth or (url.username, url.password)
            url = url.copy_with(userinfo=b"")
        self.url = url
        self.ssl_context = ssl_context
        self.scheme: ProxyScheme | None = None
        """What answers the challenges of an HTTP proxy; None where `auth` is a name and a password, or nothing."""
        self.auth: tuple[str, str] | None = None
        """The name and the password."""
        if auth is None or isinstance(auth, tuple):
            self.auth = auth
        elif self.is_socks:
            raise ValueError(f"SOCKS knows a name and a password, and no {type(auth).__name__}")
        else:
            self.scheme = auth
        self.headers = Headers(headers)
        self.tunnels_http = tunnels_http
        self.origin = Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS[url.scheme])
        """Where it is: scheme, host and port."""
        self._identity = (url, self.auth, id(self.scheme), id(ssl_context), tuple(self.headers.raw), tunnels_http)
        self._hash = hash(self._identity)

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        """The name and the password as bytes."""
        return None if self.auth is None else (self.auth[0].encode(), self.auth[1].encode())

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS and knows nothing of HTTP."""
        return self.url.scheme.startswith("socks")

    @property
    def is_given_addresses(self) -> bool:
        """Whether names are looked up here, and the proxy is told an address to connect to."""
        return self.url.scheme in ("socks4", "socks5")

    @property
    def name(self) -> str:
        """Its name in messages: `proxy proxy.example:3128`."""
        return f"proxy {self.origin.authority}"

    def forwards(self, scheme: str) -> bool:
        """Return whether requests of this scheme are handed to it to be sent on, instead of through a tunnel."""
        return scheme == "http" and not self.is_socks and not self.tunnels_http

    @functools.cached_property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The fields for the proxy itself, as far as they need no challenge."""
        fields = [(name, value) for name, value in self.headers.raw if name.lower() != b"proxy-authorization"]
        given = self.headers.get("proxy-authorization")
        if given is not None:
            return [*fields, (b"Proxy-Authorization", given.encode(self.headers.encoding))]
        if self.raw_auth is None:
            return fields
        return [*fields, (b"Proxy-Authorization", b"Basic " + base64.b64encode(b"%b:%b" % self.raw_auth))]

    @functools.cached_property
    def without_scheme(self) -> Proxy:
        """The same proxy for a request that carries its answer to the challenge already."""
        return Proxy(self.url, ssl_context=self.ssl_context, headers=self.headers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return _made, (self.url, self.ssl_context, self.auth or self.scheme, self.headers, self.tunnels_http)

    def __repr__(self) -> str:
        shown = [repr(str(self.url))]
        if self.auth is not None:
            shown.append(f"auth=({self.auth[0]!r}, '********')")
        elif self.scheme is not None:
            shown.append(f"auth=<{type(self.scheme).__name__}>")
        if self.headers:
            shown.append(f"headers={self.headers!r}")
        if self.tunnels_http:
            shown.append("tunnels_http=True")
        return f"{type(self).__name__}({', '.join(shown)})"


# Its public home, also where it is loaded by what is given as text, and not by its name.
Proxy.__module__ = "courser_transport"

ProxyTypes = URL | str | Proxy


def _made(
    url: URL,
    ssl_context: ssl.SSLContext | None,
    auth: tuple[str, str] | ProxyScheme | None,
    headers: Headers,
    tunnels_http: bool,
) -> Proxy:
    return Proxy(url, ssl_context=ssl_context, auth=auth, headers=headers, tunnels_http=tunnels_http)


@functools.lru_cache(maxsize=256)
def _parsed(url: URL | str) -> Proxy:
    return Proxy(url)


def proxy_of(given: ProxyTypes | None) -> Proxy | None:
    """Return what `proxy=` says; the same `Proxy` for the same URL. Raises `ValueError`, `TypeError`."""
    if given is None or isinstance(given, Proxy):
        return given
    if isinstance(given, (str, URL)):
        return _parsed(given)
    raise TypeError(f"a proxy is a URL or a Proxy, not {type(given).__name__}")
