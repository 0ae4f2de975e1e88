"""`CookieStore`: the cookies of a client, kept and sent as RFC 6265bis says.

The one idea: cookies stand in an index by domain, and a host has only a few domains above it, so that what a request
costs does not depend on how many cookies others have. Three orders are kept beside the index, each for one question:

    by use       which cookie has waited longest        when there are too many of them
    by end       which cookie ends first                the same; what has ended goes before what has not
    by secret    which secure cookies have this name    when a page without TLS sets a cookie

A `http.cookiejar.CookieJar` that a program brings rules as it does in `Cookies`: it is what is kept, read anew before
each use, and none of this is used.
"""

from __future__ import annotations

import functools
import heapq
import re
import threading
import time
import typing
from collections import OrderedDict

from courser_models import URL, Cookie, Cookies, CookieTypes, Request, Response

from ._public_suffixes import is_public_suffix

if typing.TYPE_CHECKING:
    import http.cookiejar
    import os

_LONGEST_LIFE = 400 * 24 * 3600.0  # RFC 6265bis §5.5
_LARGEST = 4096  # name and value, RFC 6265bis §5.6
_MOST_RECEIVED = 50  # by one response
_MOST_SENT = 150  # with one request
_LONGEST_FIELD = 8190  # of one request; servers commonly refuse what is longer
_IPV4 = re.compile(r"[0-9.]+")


class _Entry:
    """A cookie in its place; what is removed says so, for those orders that forget it later."""

    __slots__ = ("cookie", "created", "is_removed", "used")

    def __init__(self, cookie: Cookie, created: int) -> None:
        self.cookie = cookie
        self.created = self.used = created
        self.is_removed = False


_Key = tuple[str, str, bool]  # path, name, whether it is host-only: what replaces each other within a domain


class CookieStore(Cookies):
    """The cookies of a client (RFC 6265bis): `Cookies` with the rules for what servers may set; safe among threads.

    Beyond what `Cookies` does: a cookie for a public suffix is refused, or kept for that host alone where it is the
    suffix itself; `Secure` cookies are neither set nor replaced without TLS, where only loopback counts as safe;
    `__Secure-` and `__Host-` names, in any case, need what they promise, and `SameSite=None` needs `Secure`; name and
    value have at most 4,096 bytes together; none lives longer than 400 days. Cookies without a name are not kept.

    Where a domain has more than `max_per_domain` cookies, or the store more than `max_cookies`, some go: those that
    have ended first, then, within a domain, those that are not `Secure`, and always those unused for longest. Cookies
    that a program set for every host count in all only. Of one response 50 `Set-Cookie` fields are read, and with one
    request at most 150 cookies and 8,190 bytes are sent, those of the longest paths first.

    `jar` is a view: it behaves as a `http.cookiejar.CookieJar`, and what it is told, the store keeps.

    >>> from courser_models import URL, Cookie
    >>> store = CookieStore()
    >>> store.keep(Cookie("session", "1234", "example.org", is_host_only=True), URL("https://example.org/"))
    >>> [cookie.name for cookie in store.cookies_for(URL("https://example.org/news"))]
    ['session']
    """

    def __init__(
        self, cookies: CookieTypes | None = None, *, max_cookies: int = 3000, max_per_domain: int = 180
    ) -> None:
        self._max_cookies = max_cookies
        self._max_per_domain = max_per_domain
        # Held for the time of one operation in memory, by the same thread more than once.
        self._lock = threading.RLock()
        self._view: http.cookiejar.CookieJar | None = None
        self._forget_all()
        super().__init__(cookies)

    def _forget_all(self) -> None:
        self._domains: dict[str, dict[_Key, _Entry]] = {}
        self._by_use: OrderedDict[_Entry, None] = OrderedDict()
        self._by_end: list[tuple[float, int, _Entry]] = []
        self._by_secret: dict[tuple[str, str], set[_Entry]] = {}
        self._clock = 0

    # What is kept

    def keep(self, cookie: Cookie, url: URL) -> None:
        """Store a cookie that came from `url`, if it may be kept (RFC 6265bis §5.7).

        The steps below have the order of that section; those that `Cookie.read` has done are not repeated.
        """
        if len(cookie.name) + len(cookie.value) > _LARGEST:
            return
        now = time.time()
        if cookie.expires is not None and cookie.expires > now + _LONGEST_LIFE:
            cookie = cookie._replace(expires=now + _LONGEST_LIFE)
        if not cookie.is_host_only and is_public_suffix(cookie.domain):
            if cookie.domain != url.raw_host.decode("ascii"):
                return
            cookie = cookie._replace(is_host_only=True)
        is_safe = _is_safe(url)
        if cookie.is_secure and not is_safe:
            return
        if cookie.same_site == "none" and not cookie.is_secure:
            return
        if cookie.name.startswith("__") and not _keeps_promise(cookie):
            return
        with self._lock:
            if not is_safe and self._hides_a_secret(cookie):
                return
            if self._jar is not None:
                super().keep(cookie, url)
            elif _has_ended(cookie, now):
                self.discard(cookie)
            else:
                self.put(cookie)

    def put(self, cookie: Cookie) -> None:
        """Store a cookie in the place of one with the same name, domain, path and reach, whoever set it."""
        with self._lock:
            if self._jar is not None:
                super().put(cookie)
                return
            self._clock += 1
            entry = _Entry(cookie, self._clock)
            replaced = self._domains.get(cookie.domain, {}).get(_key(cookie))
            if replaced is not None:
                # A replaced cookie keeps its place (step 23.3).
                entry.created = replaced.created
                self._remove(replaced)
            same_domain = self._domains.setdefault(cookie.domain, {})
            same_domain[_key(cookie)] = entry
            self._by_use[entry] = None
            if cookie.expires is not None:
                heapq.heappush(self._by_end, (cookie.expires, self._clock, entry))
            if cookie.is_secure:
                self._by_secret.setdefault(_secret(cookie), set()).add(entry)
            if len(same_domain) > self._max_per_domain or len(self._by_use) > self._max_cookies:
                self._make_room(same_domain, cookie.domain)

    def discard(self, cookie: Cookie) -> None:
        """Remove the cookie with this one's name, domain, path and reach, if there is one."""
        with self._lock:
            if self._jar is not None:
                super().discard(cookie)
            elif entry := self._domains.get(cookie.domain, {}).get(_key(cookie)):
                self._remove(entry)

    def kept(self) -> list[Cookie]:
        """Return all cookies that have not ended, the oldest first."""
        with self._lock:
            if self._jar is not None:
                return super().kept()
            now = time.time()
            entries = sorted(self._by_use, key=lambda entry: entry.created)
            return [entry.cookie for entry in entries if not _has_ended(entry.cookie, now)]

    def clear(self, domain: str | None = None, path: str | None = None) -> None:
        """Remove all cookies, or those of a domain, of a path, or of both."""
        with self._lock:
            super().clear(domain, path)
            if domain is None and path is None:
                self._forget_all()

    def clear_session(self) -> None:
        """Remove the cookies that end with the session: those without a date."""
        for cookie in self.kept():
            if cookie.expires is None:
                self.discard(cookie)

    def __bool__(self) -> bool:
        if self._jar is not None:
            return bool(self.kept())
        if not self._by_use:
            return False
        # Asked before each request: the first one says it, unless it has ended.
        with self._lock:
            now = time.time()
            return any(not _has_ended(entry.cookie, now) for entry in self._by_use)

    def _remove(self, entry: _Entry) -> None:
        cookie = entry.cookie
        same_domain = self._domains[cookie.domain]
        del same_domain[_key(cookie)]
        if not same_domain:
            del self._domains[cookie.domain]
        del self._by_use[entry]
        entry.is_removed = True
        if cookie.is_secure:
            secrets = self._by_secret[_secret(cookie)]
            secrets.discard(entry)
            if not secrets:
                del self._by_secret[_secret(cookie)]
        # What was removed stays in the heap until most of it is such; then it is made anew.
        if len(self._by_end) > 2 * len(self._by_use) + 64:
            self._by_end = [end for end in self._by_end if not end[2].is_removed]
            heapq.heapify(self._by_end)

    def _make_room(self, same_domain: dict[_Key, _Entry], domain: str) -> None:
        """Remove cookies until the limits are kept, in the order of RFC 6265bis §5.7."""
        now = time.time()
        while domain and len(same_domain) > self._max_per_domain:
            self._remove(min(same_domain.values(), key=lambda entry: _worth(entry, now)))
        while len(self._by_use) > self._max_cookies:
            while self._by_end and self._by_end[0][2].is_removed:
                heapq.heappop(self._by_end)
            if self._by_end and self._by_end[0][0] <= now:
                self._remove(heapq.heappop(self._by_end)[2])
            else:
                self._remove(next(iter(self._by_use)))

    def _hides_a_secret(self, cookie: Cookie) -> bool:
        """Return whether this would stand in front of a `Secure` cookie, which a page without TLS may not (step 16)."""
        if self._jar is not None:
            return any(_is_hidden(kept, cookie) for kept in super().kept())
        return any(_is_hidden(entry.cookie, cookie) for entry in self._by_secret.get(_secret(cookie), ()))

    # What goes where

    def cookies_for(self, url: URL) -> list[Cookie]:
        """Return the cookies that go with a request for `url`: long paths first, then old before new (§5.8.3)."""
        with self._lock:
            if self._jar is not None:
                return super().cookies_for(url)
            if not self._by_use:
                return []
            host = url.raw_host.decode("ascii")
            domains = _domains_of(host)
            if self._domains.keys().isdisjoint(domains):  # mostly they are for somebody else
                return []
            now = time.time()
            is_safe = _is_safe(url)
            path = url.raw_path.partition(b"?")[0].decode("ascii")
            found: list[_Entry] = []
            ended: list[_Entry] = []
            for domain in domains:
                for entry in self._domains.get(domain, {}).values():
                    cookie = entry.cookie
                    if _has_ended(cookie, now):
                        ended.append(entry)
                    elif (
                        (domain == host or not cookie.is_host_only)
                        and (is_safe or not cookie.is_secure)
                        and _is_below(path, cookie.path)
                    ):
                        found.append(entry)
            for entry in ended:
                self._remove(entry)
            found.sort(key=lambda entry: (-len(entry.cookie.path), entry.created))
            for entry in found:
                self._clock += 1
                entry.used = self._clock
                self._by_use.move_to_end(entry)
            return [entry.cookie for entry in found]

    def extract_cookies(self, response: Response) -> None:
        """Keep the cookies that `response` sets. Raises `RuntimeError` for a response without its request."""
        url = response.request.url
        lines = [value for _, lower, value in response.headers.fields if lower == b"set-cookie"]
        for line in lines[:_MOST_RECEIVED]:
            cookie = Cookie.read(line, url)
            if cookie is not None:
                self.keep(cookie, url)

    def set_cookie_header(self, request: Request) -> None:
        """Add the `Cookie` field with the cookies that belong into `request`; one that is there already stays."""
        cookies = self.cookies_for(request.url)
        if not cookies or request.headers.find(b"cookie") is not None:
            return
        pairs: list[str] = []
        room = _LONGEST_FIELD + 2
        for cookie in cookies[:_MOST_SENT]:
            pair = f"{cookie.name}={cookie.value}"
            if len(pair) + 2 <= room:
                room -= len(pair) + 2
                pairs.append(pair)
        if pairs:
            request.headers["Cookie"] = "; ".join(pairs)

    # Files

    def save(
        self,
        file: str | os.PathLike[str],
        *,
        format: typing.Literal["json", "netscape"] | None = None,
        session: bool = False,
    ) -> None:
        """Write the cookies to a file, which is replaced as a whole or not at all, and which only its owner can read.

        `format` is `"json"`, which keeps everything, or `"netscape"`, the `cookies.txt` of curl and others, which has
        no place for `SameSite`, for fractions of a second, and for cookies that a program set for every host; those are
        left out. Without it the name decides: `.json`, or `.txt`. With `session=True` cookies that end with the session
        are written too.

        Raises `ValueError` where the name decides nothing, and `OSError`.
        """
        from ._cookie_files import write_file  # which few programs do

        write_file(file, format, [cookie for cookie in self.kept() if session or cookie.expires is not None])

    def load(self, file: str | os.PathLike[str]) -> None:
        """Add the cookies of a file in either format; what has ended is left out.

        Raises `OSError`, and `CredentialsFileError`, a `ValueError`, for a file that holds something else; nothing of
        it is kept then.
        """
        from ._cookie_files import read_file

        cookies = read_file(file)
        now = time.time()
        for cookie in cookies:
            if not _has_ended(cookie, now):
                self.put(cookie)

    # The jar, and copies

    @property
    def jar(self) -> http.cookiejar.CookieJar:
        """The cookies as a `http.cookiejar.CookieJar`: changes to either are seen by the other."""
        if self._jar is not None:
            return self._jar
        if self._view is None:
            from ._cookie_jar import jar_of

            self._view = jar_of(self)
        return self._view

    @jar.setter
    def jar(self, jar: http.cookiejar.CookieJar) -> None:
        with self._lock:
            if self._jar is None:
                self._forget_all()
            self._jar = jar

    def __getstate__(self) -> dict[str, typing.Any]:
        own = {name: value for name, value in self.__dict__.items() if name not in _MADE_ANEW}
        return {**own, "cookies": self.kept()}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        CookieStore.__init__(self)
        self.__dict__.update({name: value for name, value in state.items() if name != "cookies"})
        for cookie in state["cookies"]:
            self.put(cookie)


# What a copy does not take along: the lock, the view, and the orders, which its own cookies make.
_MADE_ANEW = {"_lock", "_view", "_domains", "_by_use", "_by_end", "_by_secret", "_clock", "_kept", "_created", "_jar"}


def _key(cookie: Cookie) -> _Key:
    return cookie.path, cookie.name, cookie.is_host_only


def _secret(cookie: Cookie) -> tuple[str, str]:
    """Return name and last two labels: whatever cookie may hide another has the same (or is on loopback)."""
    return cookie.name, ".".join(cookie.domain.rsplit(".", 2)[-2:])


def _is_hidden(secret: Cookie, cookie: Cookie) -> bool:
    if not secret.is_secure or secret.name != cookie.name:
        return False
    one, other = secret.domain, cookie.domain
    reaches = one == other or (
        (one.endswith(f".{other}") or other.endswith(f".{one}")) and not (_is_address(one) or _is_address(other))
    )
    return reaches and _is_below(cookie.path, secret.path)


def _keeps_promise(cookie: Cookie) -> bool:
    """Return whether a cookie is what its name claims, in whatever case (steps 20 and 21)."""
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.is_secure and cookie.is_host_only and cookie.has_path and cookie.path == "/"
    return cookie.is_secure or not name.startswith("__secure-")


def _worth(entry: _Entry, now: float) -> tuple[bool, bool, int]:
    """Return what orders the cookies of a domain: those to remove first are least."""
    return not _has_ended(entry.cookie, now), entry.cookie.is_secure, entry.used


def _has_ended(cookie: Cookie, now: float) -> bool:
    return cookie.expires is not None and cookie.expires <= now


def _is_below(path: str, top: str) -> bool:
    """Return whether `path` path-matches `top` (RFC 6265bis §5.1.4)."""
    return path == top or (path.startswith(top) and (top.endswith("/") or path[len(top)] == "/"))


def _is_address(host: str) -> bool:
    return ":" in host or _IPV4.fullmatch(host) is not None


@functools.lru_cache(maxsize=256)
def _domains_of(host: str) -> tuple[str, ...]:
    """Return the domains whose cookies may go to `host`: itself, those above it, and the program's own for every host.

    An address has no domains above it.
    """
    domains = [host]
    if not _is_address(host):
        while domains[-1]:
            domains.append(domains[-1].partition(".")[2])
    return (*domains, "") if domains[-1] else tuple(domains)


def _is_safe(url: URL) -> bool:
    """Return whether `Secure` cookies may travel to `url`: over TLS, or without leaving this machine."""
    if url.scheme in ("https", "wss"):
        return True
    host = url.raw_host.decode("ascii")
    return (
        host in ("localhost", "::1") or host.endswith(".localhost") or (host.startswith("127.") and _is_address(host))
    )
