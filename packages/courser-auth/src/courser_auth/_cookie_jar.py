"""The view of a `CookieStore` that programs get which expect a `http.cookiejar.CookieJar`.

The one idea: all methods of a `CookieJar` go by way of `_cookies`, its nested mapping, and of the few that change it.
Here `_cookies` is made of the store when it is asked for, and the changes are the store's. `http.cookiejar`, which
imports half the network, is imported by the first who wants the view.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator

from courser_models import Cookie, Cookies

if typing.TYPE_CHECKING:
    from http.cookiejar import Cookie as JarCookie
    from http.cookiejar import CookieJar

    from ._cookie_store import CookieStore


def jar_of(store: CookieStore) -> CookieJar:
    """Return a view of `store`."""
    return typing.cast("CookieJar", _jar_class()(store))  # mypy cannot see a class that is made at run time


@functools.cache
def _jar_class() -> type[typing.Any]:
    from http.cookiejar import CookieJar

    class StoreJar(CookieJar):
        """A `http.cookiejar.CookieJar` over a `CookieStore`."""

        def __init__(self, store: CookieStore) -> None:
            self._store = store
            super().__init__()

        @property
        def _cookies(self) -> dict[str, dict[str, dict[str, JarCookie]]]:
            nested: dict[str, dict[str, dict[str, JarCookie]]] = {}
            for cookie in self:
                nested.setdefault(cookie.domain, {}).setdefault(cookie.path, {})[cookie.name] = cookie
            return nested

        @_cookies.setter
        def _cookies(self, cookies: object) -> None:
            """Leave out what `CookieJar` begins with."""

        def __iter__(self) -> Iterator[JarCookie]:
            return (one for cookie in self._store.kept() for one in _in_jar(cookie))

        def __len__(self) -> int:
            return len(self._store)

        def set_cookie(self, cookie: JarCookie) -> None:
            # One at a time, as everywhere here: two that differ in reach alone are one to `Cookies`.
            jar = CookieJar()
            jar.set_cookie(cookie)
            for read in Cookies(jar).kept():
                self._store.put(read)

        def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
            if domain is None and path is None and name is None:
                self._store.clear()
                return
            is_found = False
            for cookie in self._store.kept():
                for one in _in_jar(cookie):
                    if one.domain == domain and path in (None, one.path) and name in (None, one.name):
                        is_found = True
                        self._store.discard(cookie)
            if not is_found:
                raise KeyError(domain if name is None else name)

        def clear_session_cookies(self) -> None:
            self._store.clear_session()

        def clear_expired_cookies(self) -> None:
            """Leave it to the store, which gives none that has ended."""

        def __reduce__(self) -> tuple[typing.Any, ...]:
            return jar_of, (self._store,)

    return StoreJar


def _in_jar(cookie: Cookie) -> CookieJar:
    """Return a jar with this one cookie; `Cookies` knows how it looks there."""
    cookies = Cookies()
    cookies.put(cookie)
    return cookies.jar
