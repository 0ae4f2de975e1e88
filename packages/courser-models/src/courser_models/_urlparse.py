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
# Longer texts are not cached, so that a hostile peer cannot fill the memory with its redirects.
LONGEST_CACHED = 4096

# The schemes that browsers read in their own way (WHATWG «special», as far as HTTP speaks them): a backslash separates
# like a slash, an authority follows whatever the number of slashes, and there is no URL without a host.
SPECIAL = frozenset({"http", "https", "ws", "wss"})

# What a component may hold unescaped besides letters, digits and `-._~`: the complements of the WHATWG
# percent-encode sets, `%` included, because an escape that is already there keeps its meaning.
_SAFE = {
    "userinfo": "!$&'()*+,%",
    "path": "!$%&'()*+,-./:;=@[\\]_|~",
    "query": "!$%&'()*+,-./:;=?@[\\]^_`{|}~",
    "special-query": "!$%&()*+,-./:;=?@[\\]^_`{|}~",
    "fragment": "!#$%&'()*+,-./:;=?@[\\]^_{|}~",
    # Data that becomes part of a path: no `%`, because nothing in it is an escape, and no `;`, because some servers
    # cut segments there, and read `..;x` as `..`.
    "segments": "!$&'()*+,-./:=@_~",
}


@functools.cache
def _unsafe(component: str) -> re.Pattern[str]:
    return re.compile(f"[^A-Za-z0-9._~{re.escape(_SAFE[component])}-]+")


# An http or https URL with a plain host that ends in a letter (so it cannot be an IPv4 address in disguise), and
# path, query and fragment that need no escaping.
_PLAIN = re.compile(
    r"(https?)://([a-z0-9-]++(?:\.[a-z0-9-]++)*+(?<=[a-z]))(?::([1-9][0-9]{0,4}))?"
    r"(/[A-Za-z0-9!$%&'()*+,\-./:;=@_~]*+)?"
    r"(?:\?([A-Za-z0-9!$%&()*+,\-./:;=?@_~]*+))?"
    r"(?:#([A-Za-z0-9!$%&'()*+,\-./:;=?@_~]*+))?"
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")  # RFC 3986 §3.1
_TWO_SLASHES = ("//", "/\\", "\\/", "\\\\")

# RFC 3986, appendix B, without the scheme, and with the authority taken apart later.
_COMPONENTS = re.compile(
    r"(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)

# What no host may hold (WHATWG «forbidden domain code points»), besides controls.
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")

# Few URLs come to these, so `re` compiles them for the first that does.
_QUERY_OR_FRAGMENT = r"[?#]"
_ZERO_GROUPS = r"(?:^|:)0(?::0)+(?:$|:)"
# A bare `%` followed by two hexadecimal digits would be an escape to one reader and a zone to another.
_ZONE = r"(?:25|(?![0-9A-Fa-f]{2}))([A-Za-z0-9._~-]+)"


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
        shown_host = _bracketed(host) if ":" in host else host
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


def parse(text: str) -> Parts:
    """Return the parts of `text`.

    Raises `InvalidURL` for text that is not a URL reference (RFC 3986 §4.1), is longer than 65,536 characters, or
    holds control characters or a host that parsers disagree about.
    """
    return _parse_once(text) if len(text) <= LONGEST_CACHED else parse_anew(text)


def parse_anew(text: str) -> Parts:
    """Do what `parse` does, without a look into the cache."""
    _refuse_long(text)
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        scheme, host, port, path, query, fragment = plain.groups()
        path = path or ""
        # What would still have to be rewritten or refused: dot segments, plain or escaped, and `0x…` as an address.
        if "/." not in path and "/%2" not in path and "0x" not in host and len(host) <= MAX_HOST_LENGTH:
            if port is None:
                return Parts(scheme, True, "", host, None, path, query, fragment, text)
            return Parts(scheme, True, "", host, _port(port, scheme, text), path, query, fragment)
    return _assemble(text, **split(text))


_parse_once = functools.lru_cache(maxsize=1024)(parse_anew)


def split(text: str) -> dict[str, typing.Any]:
    """Return the raw components of `text`, as `_assemble` takes them."""
    _refuse_controls(text)
    _refuse_outer_spaces(text)
    match = _SCHEME.match(text)
    if match is None:
        return {"scheme": "", **_split_reference(text)}
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme in SPECIAL:
        rest = "//" + _with_slashes(rest).lstrip("/")
    return {"scheme": scheme, **_split_reference(rest)}


def _split_reference(text: str) -> dict[str, typing.Any]:
    """Return the raw components of `text`, which has no scheme (RFC 3986 §4.2)."""
    match = _COMPONENTS.fullmatch(text)
    if match is None:  # the pattern accepts every text; only a change to it could end here
        raise InvalidURL(f"{_shown(text)} is not a URL")
    authority, path, query, fragment = match.group("authority", "path", "query", "fragment")
    components: dict[str, typing.Any] = {
        "has_authority": authority is not None,
        "userinfo": "",
        "host": "",
        "port": None,
        "path": path,
        "query": query,
        "fragment": fragment,
    }
    if authority:
        components["userinfo"], _, hostport = authority.rpartition("@")
        components["host"], components["port"] = split_hostport(hostport, text)
    return components


def _with_slashes(text: str) -> str:
    """Return text of a special scheme with each backslash that separates turned into a slash (WHATWG URL §4.4).

    Reading it otherwise is how `http://good\\@evil` means one host to a filter and another to the client.
    """
    if "\\" not in text:
        return text
    cut = min((i for i in (text.find("?"), text.find("#")) if i >= 0), default=len(text))
    return text[:cut].replace("\\", "/") + text[cut:]


def resolve(base: Parts, text: str) -> Parts:
    """Return the target of `text` as a reference found at `base` (RFC 3986 §5.2.2; WHATWG URL §4.4 for http)."""
    _refuse_long(text)
    _refuse_controls(text)
    _refuse_outer_spaces(text)
    is_special = base.scheme in SPECIAL
    match = _SCHEME.match(text)
    if match is not None:
        rest = text[match.end() :]
        # `http:x` within http is relative, and so is `http:/x`: what pages of the last century hold (RFC 3986 §5.2.2,
        # «backward compatibility»), and what every browser still does.
        if not is_special or match[1].lower() != base.scheme or rest[:2] in _TWO_SLASHES:
            return parse(text)
        text = rest
    if is_special:
        if text[:2] in _TWO_SLASHES:
            return parse(f"{base.scheme}:{text}")
        text = _with_slashes(text)

    reference: dict[str, typing.Any] = {"scheme": base.scheme, **_split_reference(text)}
    if reference["has_authority"]:
        return _assemble(text, **reference)
    reference |= {
        "has_authority": base.has_authority,
        "userinfo": base.userinfo,
        "host": _bracketed(base.host),
        "port": base.port,
    }
    path = reference["path"]
    if not path:
        reference["path"] = base.path
        if reference["query"] is None:
            reference["query"] = base.query
    else:
        if not path.startswith("/"):
            path = _merged(base, path)
        reference["path"] = _resolved(path)
    return _assemble(text, **reference)


def _merged(base: Parts, path: str) -> str:
    """Return a relative path below the base's directory (RFC 3986 §5.2.3)."""
    if base.has_authority or "/" in base.path:
        return f"{base.path.rpartition('/')[0]}/{path}"
    return path


def _resolved(path: str) -> str:
    """Return a path without dot segments; one without a root stays so."""
    if path.startswith("/"):
        return remove_dot_segments(path)
    rootless = remove_dot_segments("/" + path)[1:]
    # A first segment that is empty or reads like a scheme would make another kind of reference of it.
    return f"./{rootless}" if rootless.startswith("/") or _SCHEME.match(rootless) else rootless


def split_hostport(hostport: str, shown: str) -> tuple[str, str | None]:
    """Return host and port text of an authority without its userinfo; IPv6 brackets stay on the host."""
    if hostport.startswith("["):
        host, bracket, rest = hostport.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidURL(f"{_shown(shown)} has an IPv6 address without its closing bracket")
        return host + "]", rest[1:] if rest else None
    host, colon, port = hostport.partition(":")
    return host, port if colon else None


def append(base: Parts, segments: str) -> Parts:
    """Return `base` with literal segments appended to its path, and without its query and fragment."""
    if not segments or segments.startswith("/"):
        raise InvalidURL(f"what is appended to a URL's path must not be empty or begin with '/': {segments[:80]!r}")
    if any(segment in (".", "..") for segment in segments.split("/")):
        raise InvalidURL(f"what is appended to a URL's path must not hold '.' or '..' as a segment: {segments[:80]!r}")
    if base.scheme and not base.has_authority and not base.path.startswith("/"):
        raise InvalidURL(f"{_shown(base.text)} has no segments that others could be appended to")
    _refuse_long(segments)
    _refuse_controls(segments)
    quoted = quote(segments, "segments")
    path = base.path if base.path.endswith("/") or not (base.path or base.has_authority) else f"{base.path}/"
    return _assemble(
        base.text,
        base.scheme,
        base.has_authority,
        base.userinfo,
        _bracketed(base.host),
        base.port,
        path + quoted,
        None,
        None,
    )


def assemble(**components: typing.Any) -> Parts:
    """Return normalised parts from raw components, as `split` gives them or a caller changed them."""
    shown = f"{components['scheme']}://{components['host']}"
    for value in components.values():
        if isinstance(value, str):
            _refuse_long(value)
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
    if userinfo == ":":
        userinfo = ""
    normal_host = _host(host, shown) if host else ""
    if normal_host:
        has_authority = True
    elif scheme in SPECIAL:
        raise InvalidURL(f"{_shown(shown)} has no host, which {scheme} needs")
    elif userinfo or (port is not None and port != ""):
        raise InvalidURL(f"{_shown(shown)} has {'userinfo' if userinfo else 'a port'} but no host")
    if scheme in SPECIAL:
        path = path.replace("\\", "/")
    path = quote(path, "path")
    if has_authority:
        if path and not path.startswith("/"):
            raise InvalidURL(f"{_shown(shown)} has a host, so its path must be empty or begin with '/'")
    elif scheme and not path.startswith("/"):
        pass  # an opaque path (mailto:…) has no segments
    elif path.startswith("//"):
        raise InvalidURL(f"{_shown(shown)} has no host, so its path must not begin with '//'")
    elif not scheme and _SCHEME.match(path) is not None:
        raise InvalidURL(f"{_shown(shown)} would read the path's first segment as a scheme; write './' before it")
    if (has_authority or scheme) and path.startswith("/"):
        path = remove_dot_segments(path)
        if not has_authority and path.startswith("//"):
            path = "/." + path  # RFC 3986 §3.3: without a host «//» would begin one
    parts = Parts(
        scheme,
        has_authority,
        _userinfo(userinfo),
        normal_host,
        _port(port, scheme, shown),
        path,
        None if query is None else quote(query, "special-query" if scheme in SPECIAL else "query"),
        None if fragment is None else quote(fragment, "fragment"),
    )
    _refuse_long(parts.text)  # escaping makes it longer, and it must be readable again
    return parts


def quote(text: str, component: str) -> str:
    """Percent-encode what `component` may not hold, as UTF-8; escapes that are there already stay (RFC 3986 §2.1)."""
    return _unsafe(component).sub(_escape, text)


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
    """Return the userinfo escaped, without a `:` that no password follows (WHATWG URL §4.5)."""
    if not userinfo:
        return ""
    username, _, password = userinfo.partition(":")
    username = quote(username, "userinfo")
    return f"{username}:{quote(password, 'userinfo')}" if password else username


def _port(port: str | int | None, scheme: str, shown: str) -> int | None:
    """Return the port, or None where it is absent or the scheme's default."""
    if port is None or port == "":
        return None
    if isinstance(port, str):
        # Six digits tell enough, and Python refuses to convert thousands of them, be they all zeros.
        number = int(port.lstrip("0")[:6] or "0") if port.isascii() and port.isdigit() else -1
    else:
        number = port
    if not 0 <= number <= 65535:
        given = "an impossible port"
        if isinstance(port, str) and f":{port}" not in shown.rpartition("@")[0]:  # or it may be part of a password
            given = f"port {port[:20]!r}"
        raise InvalidURL(f"{_shown(shown)} has {given}; a port is a number from 0 to 65535")
    return None if DEFAULT_PORTS.get(scheme) == number else number


def _host(host: str, shown: str) -> str:
    """Return the host as it goes on the wire: lower case, A-labels, canonical IPv4, IPv6 without brackets."""
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1], shown)
    if ":" in host:
        return _ipv6(host, shown)
    if "%" in host:
        host = _unquote_host(host, shown)
    _refuse_long_host(host)
    if host.isascii():
        host = host.lower()
    else:
        host = _a_labels(host, shown)
        _refuse_long_host(host)
    if not host:
        raise InvalidURL(f"{_shown(shown)} has a host of nothing but characters that are ignored in hosts")
    if _FORBIDDEN_IN_HOST.search(host) is not None:
        raise InvalidURL(f"{_shown(shown)} has a host with a character that no host may hold: {host[:80]!r}")
    last_label = host.rstrip(".").rpartition(".")[2]
    if last_label[:1].isdigit() and _NUMBER.fullmatch(last_label) is not None:
        return _ipv4(host, shown)
    return host


def _refuse_long_host(host: str) -> None:
    length = len(host) - host.endswith(".")
    if length > MAX_HOST_LENGTH:
        raise InvalidURL(f"host of {length} characters is longer than the {MAX_HOST_LENGTH} allowed")


def _unquote_host(host: str, shown: str) -> str:
    import urllib.parse

    try:
        return urllib.parse.unquote(host, errors="strict")
    except UnicodeDecodeError:
        raise InvalidURL(f"{_shown(shown)} has a host whose escapes are not UTF-8") from None


def _a_labels(host: str, shown: str) -> str:
    from . import _idna

    try:
        return _idna.to_ascii(host)
    except ValueError as error:  # idna's own errors are ValueErrors, and so are those of the Unicode database
        raise InvalidURL(f"{_shown(shown)} has a host that is not a valid domain name: {error}") from error


def u_labels(host: str) -> str:
    """Return the host for people: every A-label that decodes shown as Unicode (RFC 5890 §2.3.2.1)."""
    from . import _idna

    return _idna.to_unicode(host)


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
        read = re.fullmatch(_ZONE, zone)
        if read is None:
            raise InvalidURL(f"{_shown(shown)} has an invalid IPv6 zone; a zone is introduced by '%25' (RFC 6874)")
        zone = read[1]
    try:
        groups = ipaddress.IPv6Address(address).packed.hex(":", 2).split(":")
    except ValueError as error:
        raise InvalidURL(f"{_shown(shown)} has an invalid IPv6 address: {error}") from None
    # Written here because `ipaddress` prints IPv4-mapped addresses differently from Python 3.13 on.
    normal = ":".join(group.lstrip("0") or "0" for group in groups)
    zeros: str = max(re.findall(_ZERO_GROUPS, normal), key=lambda run: run.count("0"), default="")
    if zeros:
        head, _, tail = normal.partition(zeros)
        normal = f"{head}::{tail}"
    return f"{normal}%{zone}" if percent else normal


def _bracketed(host: str) -> str:
    return f"[{escape_zone(host)}]" if ":" in host else host


def escape_zone(host: str) -> str:
    """Return the host with its zone as a URL holds it (RFC 6874 §2), so that reading it again gives the same zone."""
    return host.replace("%", "%25", 1)


def _refuse_long(text: str) -> None:
    if len(text) > MAX_URL_LENGTH:
        raise InvalidURL(f"URL of {len(text)} characters is longer than the {MAX_URL_LENGTH} allowed")


def _refuse_controls(text: str) -> None:
    found = _CONTROL.search(text)
    if found is not None:
        raise InvalidURL(f"URL has a control character, {found[0]!r}, at position {found.start()}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidURL("URL has a lone surrogate, which no encoding can carry") from None


def _refuse_outer_spaces(text: str) -> None:
    if text[:1] == " " or text[-1:] == " ":
        raise InvalidURL(f"URL has a space at its {'start' if text[:1] == ' ' else 'end'}; strip it first")


def _shown(text: str) -> str:
    """Return text of a URL for a message: shortened, without its query, and without whatever an `@` may end."""
    visible = re.split(_QUERY_OR_FRAGMENT, text, maxsplit=1)[0]
    if "@" in text[len(visible) :]:  # of a query, or of userinfo with a password that was not escaped
        return "URL"
    head, at, tail = visible.rpartition("@")
    if at:
        scheme, slashes, _ = head.partition("//")
        visible = f"{scheme if slashes else ''}{slashes}…@{tail}"
    return repr(visible if len(visible) <= 80 else visible[:80] + "…")
