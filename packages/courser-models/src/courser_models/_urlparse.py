"""Text to the immutable parts of a URL (RFC 3986; hosts and quoting as the WHATWG URL standard has them).

Most URLs that programs send are already in their final form. One pattern recognises those, and nothing has to be
rewritten; everything else takes the long way: split, then bring each component into its normal form. Both ways are
behind one cache, so a URL that is used again costs a dictionary look-up.

Where two parsers might read a text differently somebody gets in through the gap, so there are only two outcomes:
the reading that browsers agreed on, or `InvalidURL`.
"""

from __future__ import annotations

import functools
import re
import typing

from ._exceptions import InvalidURL
from ._origin import DEFAULT_PORTS, Origin

MAX_URL_LENGTH = 65536
MAX_HOST_LENGTH = 253

# The schemes in which a backslash separates like a slash (WHATWG «special», as far as we speak them).
SLASHED = ("http", "https")

_UNRESERVED = "A-Za-z0-9._~-"

# What a component may hold unescaped besides letters, digits and `-._~`: the complements of the WHATWG
# percent-encode sets, `%` included, because an escape that is already there keeps its meaning.
_SAFE = {
    "userinfo": "!$&'()*+,%",
    "path": "!$%&'()*+,-./:;=@[\\]^_|~",
    "query": "!$%&'()*+,-./:;=?@[\\]^_`{|}~",
    "fragment": "!#$%&'()*+,-./:;=?@[\\]^_{|}~",
}
_UNSAFE = {name: re.compile(f"[^A-Za-z0-9._~{re.escape(safe)}-]+") for name, safe in _SAFE.items()}

# An http or https URL with a plain host that ends in a letter (so it cannot be an IPv4 address in disguise), and
# path, query and fragment that need no escaping.
_PLAIN = re.compile(
    r"(https?)://([a-z0-9-]++(?:\.[a-z0-9-]++)*+(?<=[a-z]))(?::([1-9][0-9]{0,4}))?"
    r"(/[A-Za-z0-9!$&'()*+,\-./:;=@_~]*+)?"
    r"(?:\?([A-Za-z0-9!$%&'()*+,\-./:;=?@_~]*+))?"
    r"(?:#([A-Za-z0-9!$&'()*+,\-./:;=?@_~]*+))?"
)

# RFC 3986, appendix B, with the scheme's own grammar (§3.1) and the authority taken apart later.
_COMPONENTS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?"
    r"(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)

# What no host may hold (WHATWG «forbidden domain code points»), besides controls.
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")


class Parts:
    """The components of one URL, normalised, and what is derived from them; shared by all equal URLs, never changed.

    `query` and `fragment` are None where the delimiter is absent, which is not the same as empty.
    """

    __slots__ = (
        "fragment",
        "has_authority",
        "host",
        "host_field",
        "netloc",
        "origin",
        "path",
        "port",
        "query",
        "scheme",
        "target",
        "text",
        "userinfo",
    )

    scheme: str
    has_authority: bool
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None
    text: str
    netloc: bytes
    target: bytes
    origin: Origin | None
    host_field: tuple[bytes, bytes, bytes]

    def __init__(
        self,
        scheme: str,
        has_authority: bool,
        userinfo: str,
        host: str,
        port: int | None,
        path: str,
        query: str | None,
        fragment: str | None,
        text: str = "",
    ) -> None:
        self.scheme = scheme
        self.has_authority = has_authority
        self.userinfo = userinfo
        self.host = host
        self.port = port
        self.path = path
        self.query = query
        self.fragment = fragment
        shown_host = f"[{escape_zone(host)}]" if ":" in host else host
        netloc = shown_host if port is None else f"{shown_host}:{port}"
        target = path or "/"
        if query is not None:
            target = f"{target}?{query}"
        self.netloc = netloc.encode("ascii")
        self.target = target.encode("ascii")
        # A zone is a matter of this machine alone; RFC 6874 §4 keeps it off the wire.
        host_value = self.netloc if "%" not in host else re.sub(rb"%[^\]]*", b"", self.netloc)
        self.host_field = (b"Host", b"host", host_value)
        default_port = DEFAULT_PORTS.get(scheme)
        known_port = default_port if port is None else port
        self.origin = Origin(scheme, host, known_port) if host and known_port is not None else None
        self.text = text or self._compose(netloc)

    def _compose(self, netloc: str) -> str:
        """Put the components together again (RFC 3986 §5.3)."""
        text = f"{self.scheme}:" if self.scheme else ""
        if self.has_authority:
            text += f"//{self.userinfo}@{netloc}" if self.userinfo else f"//{netloc}"
        text += self.path
        if self.query is not None:
            text += f"?{self.query}"
        if self.fragment is not None:
            text += f"#{self.fragment}"
        return text


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Parts:
    """Return the parts of `text`.

    Raises `InvalidURL` for text that is not a URL reference (RFC 3986 §4.1), is longer than 65,536 characters, or
    holds control characters or a host that parsers disagree about.
    """
    if len(text) > MAX_URL_LENGTH:
        raise InvalidURL(f"URL of {len(text)} characters is longer than the {MAX_URL_LENGTH} allowed")
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        scheme, host, port, path, query, fragment = plain.groups()
        if "/." not in (path or "") and "xn--" not in host and "0x" not in host and len(host) <= MAX_HOST_LENGTH:
            if port is None:
                return Parts(scheme, True, "", host, None, path or "", query, fragment, text)
            return Parts(scheme, True, "", host, _port(port, scheme, text), path or "", query, fragment)
    return _assemble(text, **split(text))


def split(text: str) -> dict[str, typing.Any]:
    """Return the raw components of `text`, as `_assemble` takes them."""
    _refuse_controls(text)
    scheme, colon, _ = text.partition(":")
    if colon and scheme.lower() in SLASHED:
        # Browsers read a backslash as a slash in these schemes; reading it otherwise is how `http://good\@evil`
        # means one host to a filter and another to the client.
        cut = min((i for i in (text.find("?"), text.find("#")) if i >= 0), default=len(text))
        text = text[:cut].replace("\\", "/") + text[cut:]
    match = _COMPONENTS.fullmatch(text)
    if match is None:  # the pattern accepts every text; only a change to it could end here
        raise InvalidURL(f"{text[:80]!r} is not a URL")
    scheme, authority, path, query, fragment = match.group("scheme", "authority", "path", "query", "fragment")
    components: dict[str, typing.Any] = {
        "scheme": scheme or "",
        "has_authority": authority is not None,
        "path": path,
        "query": query,
        "fragment": fragment,
    }
    if authority is None:
        return components | {"userinfo": "", "host": "", "port": None}
    userinfo, _, hostport = authority.rpartition("@")
    host, port = split_hostport(hostport, text)
    return components | {"userinfo": userinfo, "host": host, "port": port}


def split_hostport(hostport: str, shown: str) -> tuple[str, str | None]:
    """Return host and port text of an authority without its userinfo; IPv6 brackets stay on the host."""
    if hostport.startswith("["):
        host, bracket, rest = hostport.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidURL(f"{_shown(shown)} has an IPv6 address without its closing bracket")
        return host + "]", rest[1:] if rest else None
    host, colon, port = hostport.partition(":")
    return host, port if colon else None


def assemble(**components: typing.Any) -> Parts:
    """Return normalised parts from raw components, as `split` gives them or a caller changed them."""
    shown = f"{components['scheme']}://{components['host']}"
    for value in components.values():
        if isinstance(value, str):
            _refuse_controls(value)
    return _assemble(shown, **components)


def _assemble(
    shown: str,
    scheme: str,
    has_authority: bool,
    userinfo: str,
    host: str,
    port: str | int | None,
    path: str,
    query: str | None,
    fragment: str | None,
) -> Parts:
    scheme = scheme.lower()
    if host or userinfo or port is not None:
        has_authority = True
    normal_host = _host(host, shown) if host else ""
    if scheme in SLASHED:
        path = path.replace("\\", "/")
    path = quote(path, "path")
    if has_authority:
        if path and not path.startswith("/"):
            raise InvalidURL(f"{_shown(shown)} has a host, so its path must be empty or begin with '/'")
    elif scheme and not path.startswith("/"):
        pass  # an opaque path (mailto:…) has no segments
    elif path.startswith("//"):
        raise InvalidURL(f"{_shown(shown)} has no host, so its path must not begin with '//'")
    elif not scheme and ":" in path.partition("/")[0]:
        raise InvalidURL(f"{_shown(shown)} would read the path's first segment as a scheme; write './' before it")
    if (has_authority or scheme) and path.startswith("/"):
        path = remove_dot_segments(path)
        if not has_authority and path.startswith("//"):
            path = "/." + path  # RFC 3986 §3.3: without a host «//» would begin one
    return Parts(
        scheme,
        has_authority,
        _userinfo(userinfo),
        normal_host,
        _port(port, scheme, shown),
        path,
        None if query is None else quote(query, "query"),
        None if fragment is None else quote(fragment, "fragment"),
    )


def quote(text: str, component: str) -> str:
    """Percent-encode what `component` may not hold, as UTF-8; escapes that are there already stay (RFC 3986 §2.1)."""
    return _UNSAFE[component].sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8"))


def remove_dot_segments(path: str) -> str:
    """Resolve `.` and `..` in an absolute path (RFC 3986 §5.2.4), escaped dots included, as browsers do."""
    if _DOT_SEGMENT.search(path) is None:
        return path
    output: list[str] = []
    segments = path.split("/")[1:]
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            if output:
                output.pop()
        elif dots != ".":
            output.append(segment)
            continue
        if index == last:
            output.append("")
    return "/" + "/".join(output)


def _userinfo(userinfo: str) -> str:
    username, colon, password = userinfo.partition(":")
    return quote(username, "userinfo") + colon + quote(password, "userinfo")


def _port(port: str | int | None, scheme: str, shown: str) -> int | None:
    """Return the port, or None where it is absent or the scheme's default."""
    if port is None or port == "":
        return None
    text = str(port)
    if not (text.isascii() and text.isdigit()) or len(text.lstrip("0")) > 5 or int(text) > 65535:
        raise InvalidURL(f"{_shown(shown)} has port {text[:20]!r}; a port is a number from 0 to 65535")
    number = int(text)
    return None if DEFAULT_PORTS.get(scheme) == number else number


def _host(host: str, shown: str) -> str:
    """Return the host as it goes on the wire: lower case, A-labels, canonical IPv4, IPv6 without brackets."""
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1], shown)
    if ":" in host:
        return _ipv6(host, shown)
    if "%" in host:
        host = _unquote_host(host, shown)
    if not host.isascii() or "xn--" in host.lower():
        host = _a_labels(host, shown)
    host = host.lower()
    if _FORBIDDEN_IN_HOST.search(host) is not None:
        raise InvalidURL(f"{_shown(shown)} has a host with a character that no host may hold: {host[:80]!r}")
    if len(host.rstrip(".")) > MAX_HOST_LENGTH:
        raise InvalidURL(f"host of {len(host)} characters is longer than the {MAX_HOST_LENGTH} allowed")
    last_label = host.rstrip(".").rpartition(".")[2]
    if _NUMBER.fullmatch(last_label) is not None:
        return _ipv4(host, shown)
    return host


def _unquote_host(host: str, shown: str) -> str:
    import urllib.parse

    try:
        return urllib.parse.unquote(host, errors="strict")
    except UnicodeDecodeError:
        raise InvalidURL(f"{_shown(shown)} has a host whose escapes are not UTF-8") from None


def _a_labels(host: str, shown: str) -> str:
    """Map and encode an internationalised name (UTS 46, then IDNA 2008, RFC 5891)."""
    import idna

    if len(host) > MAX_HOST_LENGTH:
        raise InvalidURL(f"host of {len(host)} characters is longer than the {MAX_HOST_LENGTH} allowed")
    try:
        return idna.encode(host, uts46=True, strict=False).decode("ascii")
    except UnicodeError as error:  # idna's own errors are UnicodeErrors
        raise InvalidURL(f"{_shown(shown)} has a host that is not a valid domain name: {error}") from error


def u_labels(host: str) -> str:
    """Return the host for people: every A-label that decodes shown as Unicode (RFC 5890 §2.3.2.1)."""
    import idna

    labels = []
    for label in host.split("."):
        if label.startswith("xn--"):
            try:
                label = idna.decode(label)
            except UnicodeError:
                pass  # a label that only looks like one is shown as it is
        labels.append(label)
    return ".".join(labels)


def _ipv4(host: str, shown: str) -> str:
    """Read an IPv4 address in any of the notations that resolvers accept (WHATWG IPv4 parser); refuse the rest."""
    labels = (host[:-1] if host.endswith(".") else host).split(".")
    numbers = []
    for label in labels:
        if _NUMBER.fullmatch(label) is None:
            raise InvalidURL(f"{_shown(shown)} has a host that ends like an IPv4 address but is none: {host[:80]!r}")
        try:
            if label[:2] in ("0x", "0X"):
                numbers.append(int(label[2:] or "0", 16))
            elif len(label) > 1 and label[0] == "0":
                numbers.append(int(label, 8))
            else:
                numbers.append(int(label))
        except ValueError:
            raise InvalidURL(f"{_shown(shown)} has an IPv4 address with a malformed number: {host[:80]!r}") from None
    limit = 256 ** (5 - len(numbers))
    if len(numbers) > 4 or any(number > 255 for number in numbers[:-1]) or numbers[-1] >= limit:
        raise InvalidURL(f"{_shown(shown)} has an IPv4 address out of range: {host[:80]!r}")
    address = numbers[-1]
    for index, number in enumerate(numbers[:-1]):
        address += number << (8 * (3 - index))
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def _ipv6(address: str, shown: str) -> str:
    """Read an IPv6 address; a zone is introduced by `%25` in a URL, or by `%` as people write it (RFC 6874)."""
    import ipaddress

    address, percent, zone = address.partition("%")
    if percent:
        zone = zone[2:] if zone.startswith("25") and len(zone) > 2 else zone
        if _ZONE.fullmatch(zone) is None:
            raise InvalidURL(f"{_shown(shown)} has an IPv6 zone with a character that no zone may hold")
    try:
        normal = ipaddress.IPv6Address(address).compressed
    except ValueError as error:
        raise InvalidURL(f"{_shown(shown)} has an invalid IPv6 address: {error}") from None
    return f"{normal}%{zone}" if percent else normal


def escape_zone(host: str) -> str:
    """Return the host with its zone as a URL holds it (RFC 6874 §2), so that reading it again gives the same zone."""
    return host.replace("%", "%25")


def _refuse_controls(text: str) -> None:
    found = _CONTROL.search(text)
    if found is not None:
        raise InvalidURL(f"URL has a control character, {found[0]!r}, at position {found.start()}")
    if text[:1] == " " or text[-1:] == " ":
        raise InvalidURL(f"URL has a space at its {'start' if text[:1] == ' ' else 'end'}; strip it first")
    if _SURROGATE.search(text) is not None:
        raise InvalidURL("URL has a lone surrogate, which no encoding can carry")


def _shown(text: str) -> str:
    """Return text of a URL for a message: shortened, and without whatever stands before an `@`."""
    head, at, tail = text.partition("?")[0].rpartition("@")
    if at:
        scheme, slashes, _ = head.partition("//")
        text = f"{scheme}{slashes}…@{tail}"
    else:
        text = tail
    return repr(text if len(text) <= 80 else text[:80] + "…")
