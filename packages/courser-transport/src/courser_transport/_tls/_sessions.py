"""Sessions: what a server lets us begin with next time, so that the next handshake is shorter (RFC 8446 §2.2).

With TLS 1.3 the tickets for it come after the handshake, with the first answers. To get at one costs as much as it
saves, because `ssl` copies the session with the certificate in it. So what is kept is the TLS object, which gives its
session only when another handshake wants one; a program that connects once pays nothing.

A resumed handshake checks no certificate again. So a session is resumed only where nothing could have come out
otherwise: under the same context, which nobody else can change; by the same name, to the same peer; with pins, which
are compared with what the session says about the peer; not after the certificate has expired, and not more than an
hour after it was checked. A session of TLS 1.3 is used once, so that nobody can tell by it which connections are of
the same client (§C.4).
"""

from __future__ import annotations

import collections
import ssl
import threading
import time
import typing

_AT_MOST = 64
_LONGEST = 3600.0

Key = tuple[str, str, str]


class Resumable:
    """A session, and until when on `time.monotonic()` it may be resumed, and those that come of it."""

    __slots__ = ("session", "until")

    def __init__(self, session: ssl.SSLSession, until: float) -> None:
        self.session = session
        self.until = until


class _Kept:
    __slots__ = ("source", "until", "used")

    def __init__(
        self, until: float, source: ssl.SSLSession | tuple[ssl.SSLObject, threading.Lock], used: bytes | None = None
    ) -> None:
        self.until = until
        self.source = source
        self.used = used


class Sessions:
    """The sessions of one context, by server name and peer; those of the 64 peers that were met last."""

    def __init__(self) -> None:
        # Each call of its methods is one step for other threads, and no more than that is needed.
        self._kept: collections.OrderedDict[Key, _Kept] = collections.OrderedDict()

    def keep(self, key: Key, tls: ssl.SSLObject, guard: threading.Lock, offered: Resumable | None) -> None:
        """Note a connection that is proven, and was `offered` a session; whoever holds `guard` may use `tls`."""
        until = time.monotonic() + _LONGEST
        if offered is not None and tls.session_reused:
            if key in self._kept:
                return  # TLS 1.2: the same session once more, or a newer one
            until = offered.until
        self._put(key, _Kept(until, (tls, guard), None if offered is None else offered.session.id))

    def take(self, key: Key) -> Resumable | None:
        """Return a session to resume; None where there is none that may be."""
        kept = self._kept.pop(key, None)
        if kept is None or time.monotonic() > kept.until:
            return None
        if isinstance(kept.source, ssl.SSLSession):
            self._put(key, kept)
            return Resumable(kept.source, kept.until)
        tls, guard = kept.source
        if not guard.acquire(blocking=False):  # somebody reads from it this very moment
            return None
        try:
            session, is_single_use = tls.session, tls.version() == "TLSv1.3"
            certificate = tls.getpeercert() or {}
        except ValueError:  # it has been shut down in disorder
            return None
        finally:
            guard.release()
        if session is None or not (session.has_ticket or (session.id and not is_single_use)):
            return None
        if is_single_use and session.id == kept.used:  # no other ticket has come since
            return None
        left = min(_seconds_left(session), _validity_left(certificate))
        if left <= 0:
            return None
        until = min(kept.until, time.monotonic() + left)
        if not is_single_use:
            self._put(key, _Kept(until, session))
        return Resumable(session, until)

    def _put(self, key: Key, kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        if len(self._kept) > _AT_MOST:
            self._kept.popitem(last=False)


def _seconds_left(session: ssl.SSLSession) -> float:
    lifetime = min(session.timeout, session.ticket_lifetime_hint or session.timeout)
    return session.time + lifetime - time.time()


def _validity_left(certificate: typing.Any) -> float:
    """Return for how many seconds the certificate holds; where none was checked there is nothing to expire."""
    end = certificate.get("notAfter")
    return _LONGEST if end is None else ssl.cert_time_to_seconds(end) - time.time()
