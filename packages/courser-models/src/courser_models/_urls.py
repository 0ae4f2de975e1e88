"""`URL`: one reference, normalised when it is made, immutable and hashable afterwards."""

from __future__ import annotations

import typing

from . import _urlparse
from ._exceptions import InvalidURL
from ._origin import Origin
from ._query import QueryParams
from ._types import QueryParamTypes

if typing.TYPE_CHECKING:
    from ._raw_url import RawURL


_COMPONENT_TYPES: dict[str, type] = {
    "scheme": str,
    "username": str,
    "password": str,
    "userinfo": bytes,
    "host": str,
    "port": int,
    "netloc": bytes,
    "path": str,
    "query": bytes,
    "raw_path": bytes,
    "fragment": str,
    "params": object,
}


class URL:
    """A URL reference (RFC 3986 §4.1), absolute or relative.

    Takes a text, another `URL`, or components by keyword: `scheme`, `username`, `password`, `userinfo` (bytes),
    `host`, `port`, `netloc` (bytes), `path`, `raw_path` (bytes), `query` (bytes), `params`, `fragment`. Keywords
    replace that component of the text given. `username`, `password` and the zone of an IPv6 `host` are taken
    literally; in all other components an escape that is already there keeps its meaning, and what may not stand there
    is escaped (RFC 3986 §2). Escapes are never undone, dot segments are resolved, and http, https, ws and wss are
    read as browsers do (WHATWG URL §4.4).

    Raises `InvalidURL` where the text or a component is not valid, is longer than 65,536 characters, or holds a
    control character; `TypeError` for a wrong type or name of an argument.

    >>> url = URL("https://user:secret@Example.ORG:443/a/../b c?x=1#top")
    >>> str(url.copy_with(username="", password=""))
    'https://example.org/b%20c?x=1#top'
    >>> url.origin
    Origin(scheme='https', host='example.org', port=443)
    """

    __slots__ = ("_parts",)

    def __init__(self, url: URL | str = "", **kwargs: typing.Any) -> None:
        if type(url) is str:
            self._parts = _urlparse.parse(url)
        elif isinstance(url, str):  # members of an Enum and the like: what counts is their text
            self._parts = _urlparse.parse(str.__str__(url))
        elif isinstance(url, URL):
            self._parts = url._parts
        else:
            raise TypeError(f"a URL is made of a str or a URL, not {type(url).__name__}: {url!r}")
        if kwargs:
            self._parts = _replace(self._parts, kwargs)

    @classmethod
    def _adopt(cls, parts: _urlparse.Parts) -> URL:
        url = cls.__new__(cls)
        url._parts = parts
        return url

    @property
    def scheme(self) -> str:
        """The scheme in lower case: `"https"`, or `""` for a relative reference."""
        return self._parts.scheme

    @property
    def raw_scheme(self) -> bytes:
        """The scheme as bytes."""
        return self._parts.scheme.encode("ascii")

    @property
    def origin(self) -> Origin | None:
        """Scheme, host and port with the scheme's default filled in; None where one of them is unknown."""
        return self._parts.origin

    @property
    def userinfo(self) -> bytes:
        """Username and password as they stand in the URL, escaped: `b"user:secret"`."""
        return self._parts.userinfo.encode("ascii")

    @property
    def username(self) -> str:
        """The username, unescaped."""
        return _unescaped(self._parts.userinfo.partition(":")[0])

    @property
    def password(self) -> str:
        """The password, unescaped."""
        return _unescaped(self._parts.userinfo.partition(":")[2])

    @property
    def host(self) -> str:
        """The host for people: lower case, internationalised labels decoded, IPv6 without brackets."""
        host = self._parts.host
        return _urlparse.u_labels(host) if "xn--" in host else host

    @property
    def raw_host(self) -> bytes:
        """The host as it goes on the wire: lower case, A-labels (RFC 5890), IPv6 without brackets."""
        return self._parts.host.encode("ascii")

    @property
    def port(self) -> int | None:
        """The port, or None where the URL has none or its scheme's default."""
        return self._parts.port

    @property
    def netloc(self) -> bytes:
        """Host and port, without userinfo: the value of a `Host` field (RFC 9110 §7.2)."""
        return self._parts.netloc

    @property
    def path(self) -> str:
        """The path, unescaped; `"/"` where it is empty."""
        return _unescaped(self._parts.path or "/")

    @property
    def query(self) -> bytes:
        """The query as it stands in the URL, escaped and without the `?`."""
        return (self._parts.query or "").encode("ascii")

    @property
    def params(self) -> QueryParams:
        """The query, parsed."""
        return QueryParams(self._parts.query)

    @property
    def raw_path(self) -> bytes:
        """Path and query as they go on the wire: the request target in origin form (RFC 9112 §3.2.1)."""
        return self._parts.target

    @property
    def fragment(self) -> str:
        """The fragment, unescaped and without the `#`; it is never sent."""
        return _unescaped(self._parts.fragment or "")

    @property
    def host_field(self) -> tuple[bytes, bytes, bytes]:
        """The `Host` field for a request to this URL, as `Headers` keeps fields: `(name, lower name, value)`."""
        return self._parts.host_field

    @property
    def is_absolute_url(self) -> bool:
        """Whether scheme and host are both there."""
        return bool(self._parts.scheme and self._parts.host)

    @property
    def is_relative_url(self) -> bool:
        """Whether scheme or host is missing."""
        parts = self._parts
        return not (parts.scheme and parts.host)

    def copy_with(self, **kwargs: typing.Any) -> URL:
        """Return a copy with the components given replaced; the keywords are those of the constructor.

        `query=None` and `fragment=None` remove the component with its delimiter.
        """
        return type(self)._adopt(_replace(self._parts, kwargs))

    def copy_set_param(self, key: str, value: typing.Any = None) -> URL:
        """Return a copy whose query has this value alone for `key`."""
        return self.copy_with(params=self.params.set(key, value))

    def copy_add_param(self, key: str, value: typing.Any = None) -> URL:
        """Return a copy whose query has one more value for `key`."""
        return self.copy_with(params=self.params.add(key, value))

    def copy_remove_param(self, key: str) -> URL:
        """Return a copy whose query has no `key`."""
        return self.copy_with(params=self.params.remove(key))

    def copy_merge_params(self, params: QueryParamTypes) -> URL:
        """Return a copy whose query has the names of `params` replaced by what `params` says of them."""
        return self.copy_with(params=self.params.merge(params))

    def join(self, url: URL | str) -> URL:
        """Return the target of `url` as a reference found at this URL (RFC 3986 §5.2; WHATWG URL §4.4 for http).

        Raises `InvalidURL` where the reference or its target is not valid, `TypeError` for what is no URL.

        >>> str(URL("https://example.org/a/b?x=1").join("../c?y=2"))
        'https://example.org/c?y=2'
        """
        if isinstance(url, URL):
            text = url._parts.text
        elif isinstance(url, str):
            text = str.__str__(url)
        else:
            raise TypeError(f"a reference is a str or a URL, not {type(url).__name__}: {url!r}")
        return type(self)._adopt(_urlparse.resolve(self._parts, text))

    def __truediv__(self, segments: str) -> URL:
        """Return the URL of what lies below this one's path: `url / "users" / name`.

        A slash separates segments, one at the end stays; everything else is data and is escaped, `%`, `?`, `#` and
        backslash included. Query and fragment belong to the old path and are dropped. However hostile `segments` is,
        the result has this URL's origin, and its path begins with this URL's path.

        Raises `InvalidURL` for segments that are not below: an empty text, one that begins with a slash, `.` and
        `..`; also for control characters.

        >>> str(URL("https://example.org/api?x=1") / "users/a b?")
        'https://example.org/api/users/a%20b%3F'
        """
        if not isinstance(segments, str):
            return NotImplemented
        return type(self)._adopt(_urlparse.append(self._parts, str.__str__(segments)))

    @property
    def raw(self) -> RawURL:
        """Scheme, host, port and request target as bytes; deprecated in HTTPX, kept for programs that use it."""
        from ._raw_url import RawURL

        return RawURL(self.raw_scheme, self.raw_host, self.port, self.raw_path)

    @property
    def masked(self) -> str:
        """The URL for logs and errors: no userinfo, no query values, no fragment."""
        parts = self._parts
        text = f"{parts.scheme}:" if parts.scheme else ""
        text += f"//{parts.netloc.decode('ascii')}" if parts.has_authority else ""
        text += parts.path
        if parts.query:
            names = (pair.partition("=") for pair in parts.query.split("&"))
            text += "?" + "&".join(f"{name}=…" if equals else name for name, equals, _ in names)
        return text

    def __hash__(self) -> int:
        return hash(self._parts.text)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, URL):
            return self._parts is other._parts or self._parts.text == other._parts.text
        if isinstance(other, str):
            try:
                return self._parts.text == _urlparse.parse(other).text
            except InvalidURL:
                return False
        return False

    def __str__(self) -> str:
        return self._parts.text

    def __repr__(self) -> str:
        parts = self._parts
        text = parts.text
        if ":" in parts.userinfo:
            username = parts.userinfo.partition(":")[0]
            text = text.replace(f"//{parts.userinfo}@", f"//{username}:[secure]@", 1)
        return f"{type(self).__name__}({text!r})"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self._parts.text,)


def _replace(parts: _urlparse.Parts, changes: dict[str, typing.Any]) -> _urlparse.Parts:
    """Return parts with some components replaced; each is checked and normalised like text that was parsed."""
    for name, value in changes.items():
        expected = _COMPONENT_TYPES.get(name)
        if expected is None:
            raise TypeError(f"{name!r} is not a component of a URL; there are {', '.join(_COMPONENT_TYPES)}")
        is_wrong = not isinstance(value, expected) or (expected is int and isinstance(value, bool))
        if value is not None and is_wrong:
            raise TypeError(f"{name} of a URL must be {expected.__name__}, not {type(value).__name__}")

    components: dict[str, typing.Any] = {
        "scheme": parts.scheme,
        "has_authority": parts.has_authority,
        "userinfo": parts.userinfo,
        "host": _urlparse.escape_zone(parts.host),
        "port": parts.port,
        "path": parts.path,
        "query": parts.query,
        "fragment": parts.fragment,
    }
    changes = dict(changes)
    if "netloc" in changes:
        netloc = _ascii("netloc", changes.pop("netloc") or b"")
        components["host"], components["port"] = _urlparse.split_hostport(netloc, netloc)
    if "userinfo" in changes:
        components["userinfo"] = _ascii("userinfo", changes.pop("userinfo") or b"")
    if "username" in changes or "password" in changes:
        username, _, password = components["userinfo"].partition(":")
        if "username" in changes:
            username = _quote_credential(changes.pop("username") or "")
        if "password" in changes:
            password = _quote_credential(changes.pop("password") or "")
        components["userinfo"] = f"{username}:{password}" if password else username
    if "raw_path" in changes:
        path, question, query = _ascii("raw_path", changes.pop("raw_path") or b"").partition("?")
        components["path"], components["query"] = path, query if question else None
    if "params" in changes:
        params = changes.pop("params")
        components["query"] = None if params is None else str(QueryParams(params)) or None
    if "query" in changes:
        query_bytes = changes.pop("query")
        components["query"] = None if query_bytes is None else _ascii("query", query_bytes)
    if "host" in changes:
        host = changes.pop("host") or ""
        components["host"] = host if host.startswith("[") else _urlparse.escape_zone(host) if ":" in host else host
    for name in ("scheme", "path"):
        if name in changes:
            components[name] = changes.pop(name) or ""
    components.update(changes)

    # A component that holds the next one's delimiter would become two when the URL is read again.
    if "?" in components["path"] or "#" in components["path"]:
        raise InvalidURL("path of a URL must not hold '?' or '#'; escape them, or give raw_path")
    if "#" in (components["query"] or ""):
        raise InvalidURL("query of a URL must not hold '#'; escape it")
    if components["scheme"] and not _is_scheme(components["scheme"]):
        raise InvalidURL(f"{components['scheme'][:80]!r} is not a URL scheme")
    if parts.host and not components["host"]:
        components["has_authority"] = False
    return _urlparse.assemble(**components)


def _ascii(component: str, value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidURL(f"{component} of a URL must be ASCII; escape the other bytes") from None


def _unescaped(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def _quote_credential(text: str) -> str:
    try:
        from urllib.parse import quote

        return quote(text, safe="")
    except UnicodeEncodeError:
        raise InvalidURL("userinfo of a URL has a lone surrogate, which no encoding can carry") from None


def _is_scheme(text: str) -> bool:
    return text[0].isalpha() and text.isascii() and all(c.isalnum() or c in "+-." for c in text)
