"""`Cookies`: what servers asked to be told again, and what a program wants told (RFC 6265).

The one idea: a small store of our own, by domain, whose records are `Cookie` values; nothing of urllib and no email
message is made to read a response or to write a request. Two methods are the whole policy, and a subclass with more of
it overrides them: `keep` decides whether a received cookie is stored, `cookies_for` which cookies go with a request.

`jar` hands the cookies out as a `http.cookiejar.CookieJar`. From then on that jar is the truth: it is read before every
use and written after every change, so that it may be changed, saved or replaced by a jar of the program's own.
"""

from __future__ import annotations

import re
import sys
import time
import typing
from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from ._exceptions import CookieConflict, InvalidHeader, InvalidURL
from ._types import CookieTypes
from ._urls import URL

if typing.TYPE_CHECKING:
    import http.cookiejar

    from ._request import Request
    from ._response import Response

# By domain, then by path and name: the order of creation, and the cookie.
_Store = dict[str, dict[tuple[str, str], tuple[int, "Cookie"]]]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# All but what is allowed: to name all that is not, up to the last of Unicode, takes `re` ten milliseconds of an import.
# They are compiled by the first program that sets a cookie.
_NOT_IN_NAME = r"[^\x20-:<>-~]|^\s|\s$|^$"
_NOT_IN_VALUE = r"[^\t\x20-:<-~]"
_FOREVER = 253402300799.0  # the last second of the year 9999
_LONGEST_ATTRIBUTE = 1024  # RFC 6265bis §5.6: what is longer is passed over
_SAME_SITE = ("strict", "lax", "none")


class Cookie(typing.NamedTuple):
    """One cookie, as a store keeps it (RFC 6265 §5.3)."""

    name: str
    value: str
    domain: str = ""
    """The host it goes to and, unless `is_host_only`, every host below it; `""` is every host, for a program's own."""
    path: str = "/"
    expires: float | None = None
    """When it ends, in seconds since 1970; None ends it with the session."""
    is_host_only: bool = False
    is_secure: bool = False
    is_http_only: bool = False
    has_path: bool = False
    """Whether the server named the path, and did not leave it to the URL."""
    same_site: str = ""
    """What the server said of requests from other sites: `"strict"`, `"lax"`, `"none"`, or nothing."""

    @classmethod
    def read(cls, line: bytes, url: URL) -> Cookie | None:
        """Read the value of a `Set-Cookie` field that came from `url` (RFC 6265 §5.2, §5.3).

        None is a cookie that is not to be kept: malformed, for another domain, or one that could not be sent back,
        because its name or value holds control characters or bytes outside ASCII. A cookie that has expired is
        returned all the same: it removes the one it replaces.
        """
        text = line.decode("latin-1")
        host = url.raw_host.decode("ascii")
        pair, _, rest = text.partition(";")
        name, equals, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not name or not host or _CONTROL.search(text) or not (name + value).isascii():
            return None
        domain = path = ""
        expires = max_age = None
        is_secure = is_http_only = False
        same_site = ""
        for attribute in rest.split(";") if rest else ():
            key, _, given = attribute.partition("=")
            key, given = key.strip(" \t").lower(), given.strip(" \t")
            if len(given) > _LONGEST_ATTRIBUTE:
                continue
            if key == "domain":
                domain = given.removeprefix(".").lower() or domain
            elif key == "path":
                path = given
            elif key == "expires":
                from ._cookie_dates import read_date  # most cookies say Max-Age, or no time at all

                date = read_date(given)
                expires = expires if date is None else date
            elif key == "max-age" and given.isascii() and given.removeprefix("-").isdigit():
                # Ten digits are 300 years; Python refuses to read thousands of them.
                max_age = float(given[:11])
            elif key == "secure":
                is_secure = True
            elif key == "httponly":
                is_http_only = True
            elif key == "samesite":
                same_site = given.lower() if given.lower() in _SAME_SITE else ""
        if domain and (domain != host or "." not in domain or _is_address(host)):
            # A domain of one label is a public suffix, or an intranet's own host.
            if domain == host:
                domain = ""
            elif "." not in domain or not _is_below(host, domain):
                return None
        if max_age is not None:
            expires = 0.0 if max_age <= 0 else min(time.time() + max_age, _FOREVER)
        has_path = path.startswith("/")
        return cls(
            name,
            value,
            domain or host,
            path if has_path else _default_path(url),
            expires,
            is_host_only=not domain,
            is_secure=is_secure,
            is_http_only=is_http_only,
            has_path=has_path,
            same_site=same_site,
        )

    @property
    def is_expired(self) -> bool:
        """Whether its time has passed."""
        return self.expires is not None and self.expires <= time.time()

    def goes_to(self, url: URL) -> bool:
        """Return whether it belongs into a request for `url` (RFC 6265 §5.4, step 1)."""
        if self.is_secure and url.scheme not in ("https", "wss"):
            return False
        if self.domain:
            host = url.raw_host.decode("ascii")
            if host != self.domain and (self.is_host_only or not _is_below(host, self.domain)):
                return False
        path = _path(url)
        return path == self.path or (
            path.startswith(self.path) and (self.path.endswith("/") or path[len(self.path)] == "/")
        )

    def __repr__(self) -> str:
        where = (self.domain or "every host") + (self.path if self.path != "/" else "")
        return f"<Cookie {self.name}=[secure] for {where} />"


class Cookies(MutableMapping[str, str]):
    """Cookies by name, each with a domain and a path.

    Takes a mapping or list of names and values, another `Cookies`, or a `http.cookiejar.CookieJar`, which is then
    used and kept up to date itself. A cookie that a program sets without a domain goes to every host. Reading a name
    that several cookies have raises `CookieConflict`.

    Setting raises `InvalidHeader`, a `ValueError`, for what would not stay one cookie: control characters, characters
    outside ASCII, `;`, and `=` in a name. Received cookies with such content are dropped, and fail nothing later.

    >>> cookies = Cookies({"theme": "dark"})
    >>> cookies.set("session", "1234", domain="example.org")
    >>> sorted(cookies)
    ['session', 'theme']
    """

    def __init__(self, cookies: CookieTypes | None = None) -> None:
        self._kept: _Store = {}
        self._created = 0
        self._jar: http.cookiejar.CookieJar | None = None
        if _is_jar(cookies):
            self._jar = cookies
        else:
            self.update(cookies)

    # What is kept, and what goes where: the two methods that a subclass overrides, and those that serve them

    def keep(self, cookie: Cookie, url: URL) -> None:
        """Store a cookie that came from `url`, or remove the one it replaces if it has expired (RFC 6265 §5.3)."""
        if cookie.is_expired:
            self.discard(cookie)
        elif self._jar is None or _policy_allows(self._jar, cookie, url):
            self.put(cookie)

    def cookies_for(self, url: URL) -> list[Cookie]:
        """Return the cookies that go with a request for `url`: long paths first, then old before new."""
        store = self._store()
        if not store:
            return []
        found: list[tuple[int, int, Cookie]] = []
        for domain in ("", *_domains(url.raw_host.decode("ascii"))):
            # Copied at once: another thread may store a cookie meanwhile.
            for created, cookie in list(store.get(domain, {}).values()):
                if cookie.is_expired:
                    self.discard(cookie)
                elif cookie.goes_to(url):
                    found.append((-len(cookie.path), created, cookie))
        found.sort(key=lambda entry: entry[:2])
        return [cookie for _, _, cookie in found]

    def put(self, cookie: Cookie) -> None:
        """Store a cookie in the place of one with the same name, domain and path."""
        store = self._store()
        if self._jar is not None:
            self._remove_from_jar(cookie)
            self._jar.set_cookie(_to_jar(cookie))
        same_domain = store.setdefault(cookie.domain, {})
        key = (cookie.path, cookie.name)
        # A replaced cookie keeps its place (RFC 6265 §5.3, step 11.3).
        replaced = same_domain.get(key)
        self._created += 1
        same_domain[key] = (self._created if replaced is None else replaced[0], cookie)

    def discard(self, cookie: Cookie) -> None:
        """Remove the cookie with this one's name, domain and path, if there is one."""
        store = self._store()
        if self._jar is not None:
            self._remove_from_jar(cookie)
        # What is empty now stays: another thread may be about to store there.
        store.get(cookie.domain, {}).pop((cookie.path, cookie.name), None)

    def kept(self) -> list[Cookie]:
        """Return all cookies that have not expired, the oldest first."""
        entries = [entry for same_domain in list(self._store().values()) for entry in list(same_domain.values())]
        entries.sort(key=lambda entry: entry[0])
        return [cookie for _, cookie in entries if not cookie.is_expired]

    # Messages

    def extract_cookies(self, response: Response) -> None:
        """Keep the cookies that `response` sets. Raises `RuntimeError` for a response without its request."""
        url = response.request.url
        for _, lower, value in response.headers.fields:
            if lower == b"set-cookie":
                cookie = Cookie.read(value, url)
                if cookie is not None:
                    self.keep(cookie, url)

    def set_cookie_header(self, request: Request) -> None:
        """Add the `Cookie` field with the cookies that belong into `request`; one that is there already stays."""
        cookies = self.cookies_for(request.url)
        if cookies and request.headers.find(b"cookie") is None:
            request.headers["Cookie"] = "; ".join([f"{cookie.name}={cookie.value}" for cookie in cookies])

    # The mapping

    def set(self, name: str, value: str, domain: str = "", path: str = "/") -> None:
        """Set a cookie; with a `domain` it goes to that host and those below it, without one to every host."""
        for what in (domain, path):
            if _CONTROL.search(what) is not None:
                raise InvalidHeader(f"domain and path of cookie {name!r} may hold no control characters")
        self.put(
            Cookie(_checked_name(name), _checked_value(name, value), _canonical(domain), path or "/", has_path=True)
        )

    def get(  # type: ignore[override]  # HTTPX's signature
        self, name: str, default: str | None = None, domain: str | None = None, path: str | None = None
    ) -> str | None:
        """Return the value of a cookie, or `default`.

        Raises `CookieConflict` where several cookies have this name (and this domain and path, where they are given).
        """
        found = list(self._matching(name, domain, path))
        if len(found) > 1:
            places = ", ".join(f"{cookie.domain or 'every host'}{cookie.path}" for cookie in found)
            raise CookieConflict(f"several cookies are named {name!r} ({places}); say which domain= or path= is meant")
        return found[0].value if found else default

    def delete(self, name: str, domain: str | None = None, path: str | None = None) -> None:
        """Remove the cookies of this name, of this domain and path where they are given."""
        for cookie in self._matching(name, domain, path):
            self.discard(cookie)

    def clear(self, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies, or those of a domain, of a path, or of both."""
        for cookie in self._matching(None, domain, path):
            self.discard(cookie)
        if domain is None and path is None:
            self._kept = {}

    def update(self, cookies: CookieTypes | None = None) -> None:  # type: ignore[override]  # HTTPX's signature
        """Set all of these; domains and paths come along from a `Cookies` or a jar."""
        if cookies is None:
            return
        if isinstance(cookies, Cookies):
            for cookie in cookies.kept():
                self.put(cookie)
        elif _is_jar(cookies):
            for cookie in _read_jar(cookies):
                self.put(cookie)
        else:
            self._set_all(cookies)

    def _set_all(self, cookies: typing.Any) -> None:
        if isinstance(cookies, (str, bytes)) or not isinstance(cookies, Iterable):
            raise TypeError(f"cookies are a mapping, a list of pairs, or a jar, not {type(cookies).__name__}")
        for name, value in list(cookies.items() if isinstance(cookies, Mapping) else cookies):
            self.set(name, value)

    def _matching(self, name: str | None, domain: str | None, path: str | None) -> list[Cookie]:
        if domain is not None:
            domain = _canonical(domain)
        return [
            cookie
            for cookie in self.kept()
            if (name is None or cookie.name == name)
            and (domain is None or cookie.domain == domain)
            and (path is None or cookie.path == path)
        ]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        self.delete(name)

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self.kept())

    def __iter__(self) -> Iterator[str]:
        return iter([cookie.name for cookie in self.kept()])

    def __len__(self) -> int:
        return len(self.kept())

    def __bool__(self) -> bool:
        return bool(self._store()) and bool(self.kept())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Cookies):
            pairs = [(cookie.name, cookie.value) for cookie in other.kept()]
        elif isinstance(other, Mapping):
            pairs = list(other.items())
        else:
            return NotImplemented
        mine = [(cookie.name, cookie.value) for cookie in self.kept()]
        return len(mine) == len(pairs) and all(mine.count(pair) == pairs.count(pair) for pair in mine)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"<{type(self).__name__}[{', '.join(map(repr, self.kept()))}]>"

    # The jar

    @property
    def jar(self) -> http.cookiejar.CookieJar:
        """The cookies as a `http.cookiejar.CookieJar`: changes to either are seen by the other."""
        if self._jar is None:
            from http.cookiejar import CookieJar

            jar = CookieJar()
            for cookie in self.kept():
                jar.set_cookie(_to_jar(cookie))
            self._jar = jar
        return self._jar

    @jar.setter
    def jar(self, jar: http.cookiejar.CookieJar) -> None:
        self._jar = jar

    def _store(self) -> _Store:
        """Return what is kept, read anew from the jar where there is one."""
        if self._jar is not None:
            store: _Store = {}
            for place, cookie in enumerate(_read_jar(self._jar)):
                store.setdefault(cookie.domain, {})[cookie.path, cookie.name] = (place, cookie)
                self._created = place
            self._kept = store
        return self._kept

    def _remove_from_jar(self, cookie: Cookie) -> None:
        """Remove what is the same cookie to us; a jar may have it under the domain with and without a dot."""
        assert self._jar is not None
        for old in list(self._jar):
            if (old.name, _canonical(old.domain), old.path or "/") == (cookie.name, cookie.domain, cookie.path):
                self._jar.clear(old.domain, old.path, old.name)

    def __getstate__(self) -> dict[str, typing.Any]:
        kept = {domain: dict(same_domain) for domain, same_domain in self._store().items()}
        return {**self.__dict__, "_kept": kept, "_jar": None}


# Domains and paths


def _is_below(host: str, domain: str) -> bool:
    """Return whether `host` is `domain` or a host below it (RFC 6265 §5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def _is_address(host: str) -> bool:
    return ":" in host or (host != "" and not host.strip("0123456789."))


def _domains(host: str) -> list[str]:
    """Return `host` and the domains above it."""
    domains = [host]
    if not _is_address(host):
        while "." in host:
            host = host.partition(".")[2]
            domains.append(host)
    return domains


def _path(url: URL) -> str:
    return url.raw_path.partition(b"?")[0].decode("ascii")


def _default_path(url: URL) -> str:
    """Return the path of a cookie that names none: that of the URL, without its last segment (RFC 6265 §5.1.4)."""
    path = _path(url)
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


# What a program may set


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name of cookie must be str, not {type(name).__name__}")
    if re.search(_NOT_IN_NAME, name) is not None:
        raise InvalidHeader(
            f"name of cookie {name!r} is empty, holds `;`, `=`, a control character or one outside ASCII, "
            "or begins or ends with a space"
        )
    return name


def _checked_value(name: str, value: typing.Any) -> str:
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"value of cookie {name!r} must be str, not {type(value).__name__}")
    if re.search(_NOT_IN_VALUE, value) is not None:
        # The value itself is not shown: it may be a credential.
        raise InvalidHeader(f"value of cookie {name!r} holds `;`, a control character, or one outside ASCII")
    return value


def _canonical(domain: str) -> str:
    domain = domain.removeprefix(".").lower()
    if domain.isascii():
        return domain
    try:
        return URL(scheme="http", host=domain).raw_host.decode("ascii")
    except InvalidURL:
        return domain  # which no host has


# http.cookiejar, which imports half the network, is never imported for its own sake


def _is_jar(cookies: object) -> typing.TypeGuard[http.cookiejar.CookieJar]:
    module = sys.modules.get("http.cookiejar")
    return module is not None and isinstance(cookies, module.CookieJar)


def _read_jar(jar: http.cookiejar.CookieJar) -> Iterator[Cookie]:
    """Give the cookies of a jar, without those that could not be sent."""
    for cookie in list(jar):
        try:
            name, value = _checked_name(cookie.name), _checked_value(cookie.name, cookie.value or "")
        except (InvalidHeader, TypeError):
            continue
        is_host_only = bool(cookie.domain) and not (cookie.domain_specified or cookie.domain.startswith("."))
        yield Cookie(
            name,
            value,
            _canonical(cookie.domain),
            cookie.path or "/",
            cookie.expires,
            is_host_only=is_host_only,
            is_secure=cookie.secure,
            # As servers write it, and as http.cookiejar does when it loads a file.
            is_http_only=any(map(cookie.has_nonstandard_attr, ("HttpOnly", "HTTPOnly", "httponly"))),
            has_path=cookie.path_specified,
        )


def _to_jar(cookie: Cookie) -> http.cookiejar.Cookie:
    from http.cookiejar import Cookie as JarCookie

    reaches_below = bool(cookie.domain) and not cookie.is_host_only
    is_dotted = reaches_below and not _is_address(cookie.domain)
    return JarCookie(
        version=0,
        name=cookie.name,
        value=cookie.value,
        port=None,
        port_specified=False,
        domain=f".{cookie.domain}" if is_dotted else cookie.domain,
        domain_specified=reaches_below,
        domain_initial_dot=is_dotted,
        path=cookie.path,
        path_specified=cookie.has_path,
        secure=cookie.is_secure,
        expires=None if cookie.expires is None else int(cookie.expires),
        discard=cookie.expires is None,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": ""} if cookie.is_http_only else {},
        rfc2109=False,
    )


def _policy_allows(jar: http.cookiejar.CookieJar, cookie: Cookie, url: URL) -> bool:
    """Ask the jar's own policy, which may be there to refuse all cookies or those of some domains."""
    policy = getattr(jar, "_policy", None)
    return policy is None or bool(policy.set_ok(_to_jar(cookie), _JarRequest(url)))


class _JarRequest:
    """As much of urllib's request as a cookie policy looks at."""

    unverifiable = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self.type = url.scheme
        self.host = self.origin_req_host = url.host

    def get_full_url(self) -> str:
        return str(self._url)

    def get_header(self, name: str, default: str | None = None) -> str | None:
        return default
