"""The proxies that the environment names, and the hosts that it exempts from them.

`http_proxy`, `https_proxy` and `all_proxy` hold URLs, in lower case or in upper case, of which lower case wins; where
one is empty there is none. HTTP_PROXY in upper case is not believed in a CGI program: there it is what a client sent
as its field `Proxy` (CVE-2016-5385). `no_proxy` lists exceptions.
"""

from __future__ import annotations

import functools
import logging
import os
import typing

import courser_transport
from courser_models import URL, InvalidURL

if typing.TYPE_CHECKING:
    import ipaddress

    from courser_transport import Proxy

    _Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_log = logging.getLogger("courser")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def environment_proxies() -> tuple[dict[str, Proxy], NoProxy | None]:
    """Return the proxies by scheme, `all` last, and the exceptions, None where there are none.

    Raises `ValueError` for a variable that names no proxy; what it holds is not shown, it may be a password.
    """
    proxies: dict[str, Proxy] = {}
    for scheme in ("http", "https", "all"):
        name, value = _variable(f"{scheme}_proxy")
        if not value:
            continue
        try:
            proxy = courser_transport.proxy_of(value if "://" in value else f"http://{value}")
        except (ValueError, InvalidURL):
            raise ValueError(
                f"the environment variable {name} holds no URL of a proxy, such as http://proxy.example:3128; "
                "unset it, or do without the environment: trust_env=False"
            ) from None
        assert proxy is not None
        proxies[scheme] = proxy
    if not proxies:
        return proxies, None
    _, exceptions = _variable("no_proxy")
    return proxies, _no_proxy(exceptions) if exceptions else None


def _variable(name: str) -> tuple[str, str]:
    """Return the name and the value of a variable in lower or upper case; lower case wins, empty or not."""
    for spelling in (name, name.upper()):
        value = os.environ.get(spelling)
        if value is not None and not (spelling == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
            return spelling, value.strip()
    return name, ""


class NoProxy:
    """Exceptions from proxies, as `no_proxy` lists them, with commas or white space between them.

    - `example.org` and `.example.org`: this host and those below it; `*.example.org`: those below it
    - `192.0.2.7`, `[2001:db8::7]`, `2001:db8::7`: an address, however it is written; `192.0.2.0/24`: a network
    - each with a port, `example.org:8080`, `[2001:db8::7]:8080`: for this port only
    - `*`: everything

    Names are compared without regard to case and to a final dot, addresses as numbers and without their zone. What is
    none of these exempts nothing, and is told once in the log.

    >>> NoProxy("localhost, .corp, 10.0.0.0/8").matches(URL("https://wiki.corp/"))
    True
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._everything = False
        # Each with the port that it is about; None for any.
        self._names: set[tuple[str, int | None]] = set()
        self._suffixes: set[tuple[str, int | None]] = set()
        self._addresses: set[tuple[_Address, int | None]] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in text.replace(",", " ").split():
            try:
                self._read(entry)
            except (ValueError, InvalidURL):
                _log.warning("no_proxy lists %r, which is no host, address or network; it exempts nothing", entry)

    def _read(self, entry: str) -> None:
        if entry == "*":
            self._everything = True
            return
        if "/" in entry:
            import ipaddress

            self._networks.append(ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False))
            return
        host, port = _host_and_port(entry)
        address = _address(host)
        if address is not None:
            self._addresses.add((address, port))
            return
        name = host.removeprefix("*.").removeprefix(".").rstrip(".")
        known = URL(f"http://{name}").raw_host.decode("ascii")
        if not known or "*" in known:
            raise ValueError(entry)
        self._suffixes.add((known, port))
        if not host.startswith("*."):
            self._names.add((known, port))

    def matches(self, url: URL) -> bool:
        """Return whether requests to `url` go to it directly."""
        if self._everything:
            return True
        host = url.raw_host.decode("ascii").rstrip(".")
        ports = (None, url.port or _DEFAULT_PORTS.get(url.scheme))
        address = _address(host)
        if address is not None:
            return any((address, port) in self._addresses for port in ports) or any(
                address in network for network in self._networks
            )
        if any((host, port) in self._names for port in ports):
            return True
        while "." in host:
            host = host.partition(".")[2]
            if any((host, port) in self._suffixes for port in ports):
                return True
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


@functools.lru_cache(maxsize=16)
def _no_proxy(text: str) -> NoProxy:
    return NoProxy(text)


def _host_and_port(entry: str) -> tuple[str, int | None]:
    """Return the host, IPv6 without brackets, and the port of an entry; raises `ValueError`."""
    if entry.startswith("["):
        host, bracket, rest = entry[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or _address(host) is None:
            raise ValueError(entry)
        return host, _port(rest[1:]) if rest else None
    if entry.count(":") > 1:
        return entry, None  # IPv6 without brackets
    host, colon, port = entry.partition(":")
    return host, _port(port) if colon else None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ValueError(text)
    return int(text)


def _address(host: str) -> _Address | None:
    """Return the address that `host` is, that of IPv4 where IPv6 only wraps it; None for a name."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return typing.cast("_Address", mapped or address)
