"""`DigestAuth`: proving a password without sending it (RFC 7616, and RFC 2617 and 2069 for old servers).

The one idea: a challenge begins a *session*, which is its nonce, how often that was used, and the key made of it. The
first request to an origin goes out bare and learns the challenge; the following ones are answered from the session at
once, each with its own nonce count, until the server refuses the nonce or gives another.

    no session ── 401 ──▶ session ── 401, stale or a new nonce ──▶ new session, and the request once more
                             │
                             ├── 401 of the same nonce: the credentials are wrong, the response is the caller's
                             └── Authentication-Info: rspauth is checked, nextnonce begins the next session

Sessions belong to an origin. A challenge that a redirect to another origin brought is not answered, since the answer
would be a hash of the password with a nonce that a stranger chose.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
import typing
import unicodedata
import urllib.parse
from collections.abc import Generator

from courser_models import URL, InvalidURL, Origin, ProtocolError, Request, Response

from ._basic import credential
from ._challenge import Challenge, read_auth_parameters, read_challenges
from ._exceptions import AuthError
from ._steps import Effect, ReadBody, ReadRaw, SteppedAuth, Steps, comes_from_elsewhere

# By the name in a challenge: that of hashlib; the strongest last.
_HASHES = {"md5": "md5", "sha": "sha1", "sha-256": "sha256", "sha-512-256": "sha512_256", "sha-512": "sha512"}
_STRENGTH = {name: place for place, name in enumerate(_HASHES.values())}
_MOST_SESSIONS = 256


class DigestAuth(SteppedAuth):
    """Username and password, proved with a hash (RFC 7616); one instance may be used by many exchanges at once.

    Knows MD5, SHA-256, SHA-512-256, SHA-512 and the SHA of RFC 2617's time, each also as `-sess`; `auth`, `auth-int`
    (which reads the request's body into memory) and neither; `userhash`, `charset` and `opaque`. Of several challenges
    the strongest is answered, of several qops `auth`. Text is encoded as UTF-8. With `for_proxy=True` it answers a
    proxy: 407, `Proxy-Authenticate` and their kin.

    Raises `ValueError` for control characters in username or password. The flow raises `ProtocolError` where there are
    digest challenges and none that can be answered, and `AuthError` where the server's proof (`rspauth`) is false.
    Without a digest challenge the response is returned as it came.

    A body that can be read once only cannot be sent again after a challenge; give bytes, or read the request first.

    >>> from courser_models import Request, Response
    >>> flow = DigestAuth("Mufasa", "Circle of Life").auth_flow(Request("GET", "https://example.org/"))
    >>> "authorization" in next(flow).headers
    False
    >>> answer = flow.send(Response(401, headers={"WWW-Authenticate": 'Digest realm="a", nonce="b", qop="auth"'}))
    >>> answer.headers["authorization"].partition(", response")[0]
    'Digest username="Mufasa", realm="a", nonce="b", uri="/"'
    """

    def __init__(self, username: str | bytes, password: str | bytes, *, for_proxy: bool = False) -> None:
        for text in (username, password):
            credential(text)  # raises where it may not be sent
        self._username, self._password = username, password
        self._is_for_proxy = for_proxy
        # Guards the sessions and their counts; held for a few lines, never while a flow waits.
        self._lock = threading.Lock()
        self._sessions: dict[Origin | None, _Session] = {}

    @property
    def _role(self) -> _Role:
        return _PROXY if self._is_for_proxy else _SERVER

    def _steps(self, request: Request) -> Steps:
        place = None if self._is_for_proxy else request.url.origin
        session = self._sessions.get(place)
        if session is not None and session.protects(request.url):
            response = yield from self._send(request, session, place)
        else:
            session = None
            response = yield request
        for is_second in (False, True):
            if response.status_code != self._role.refusal or self._is_elsewhere(request, response):
                return
            terms = self._best_terms(request, response)
            if terms is None:
                return
            if session is not None and not terms.is_stale and (is_second or terms.nonce == session.terms.nonce):
                break
            session = self._begin(place, terms)
            response = yield from self._send(request, session, place)
        if response.status_code == self._role.refusal:
            self._end(place, session)

    def _send(
        self, request: Request, session: _Session, place: Origin | None
    ) -> Generator[Request | Effect, typing.Any, Response]:
        """Send `request` with an answer of `session`, and look at what the server says of it (RFC 7616 §3.5)."""
        body = b""
        if session.terms.qop == b"auth-int":
            yield ReadBody(request)
            body = request.content
        uri = self._uri(request)
        with self._lock:
            session.count += 1
            count = session.count
        proof = session.proof(request.method.encode("ascii"), uri, count, body)
        value = session.field_value(self._username, uri, count, proof)
        request.headers.update([(self._role.answer, value)])
        response: Response = yield request

        field = response.headers.get(self._role.info)
        if field is None or response.status_code == self._role.refusal or self._is_elsewhere(request, response):
            return response
        info = read_auth_parameters(field)
        if "rspauth" in info and session.terms.qop:
            content: bytes | None = b""
            if session.terms.qop == b"auth-int":
                content = yield ReadRaw(response)
            expected = None if content is None else session.proof(b"", uri, count, content)
            if expected and not hmac.compare_digest(expected, info["rspauth"].lower().encode("utf-8")):
                raise AuthError(
                    f"{self._role.peer(request)} did not prove that it knows the password: its rspauth is wrong",
                    request=request,
                )
        if info.get("nextnonce"):
            following = session.continued(info["nextnonce"].encode(response.headers.encoding))
            with self._lock:
                if self._sessions.get(place) is session:
                    self._sessions[place] = following
        return response

    def _is_elsewhere(self, request: Request, response: Response) -> bool:
        return not self._is_for_proxy and comes_from_elsewhere(request, response)

    def _best_terms(self, request: Request, response: Response) -> _Terms | None:
        """Return the strongest challenge that can be answered, the first of its strength; None without a challenge."""
        challenges = read_challenges(response.headers.get_list(self._role.challenge))
        offers: list[_Terms] = []
        reason = ""
        for challenge in challenges:
            if challenge.scheme != "digest":
                continue
            try:
                offers.append(_read_terms(challenge, response.headers.encoding, request.url))
            except _Unanswerable as error:
                reason = reason or str(error)
        if offers:
            return max(offers, key=lambda terms: _STRENGTH[terms.hash_name])
        if reason:
            peer = self._role.peer(request)
            raise ProtocolError(f"the digest challenge of {peer} cannot be answered: {reason}", request=request)
        return None

    def _begin(self, place: Origin | None, terms: _Terms) -> _Session:
        """Begin a session, or go on with the one of this nonce, whose count must not begin anew."""
        terms = terms._replace(is_stale=False)
        session = _Session.of(terms, self._username, self._password)
        with self._lock:
            current = self._sessions.get(place)
            if current is not None and current.terms == terms:
                return current
            if len(self._sessions) >= _MOST_SESSIONS and place not in self._sessions:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[place] = session
        return session

    def _end(self, place: Origin | None, session: _Session | None) -> None:
        with self._lock:
            if self._sessions.get(place) is session:
                self._sessions.pop(place, None)

    def _uri(self, request: Request) -> bytes:
        """Return the request target as this peer sees it (RFC 7616 §3.4, RFC 9112 §3.2)."""
        target = request.extensions.get("target")
        if target is not None:
            return target if isinstance(target, bytes) else str(target).encode("ascii")
        url = request.url
        if not self._is_for_proxy:
            return url.raw_path
        if request.method == "CONNECT":
            return url.origin.authority.encode("ascii") if url.origin is not None else url.netloc
        return b"%b://%b%b" % (url.raw_scheme, url.netloc, url.raw_path)

    def __getstate__(self) -> dict[str, typing.Any]:
        # Sessions stay behind: two owners of one nonce would both count from here.
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_sessions")}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._sessions = {}


class _Role(typing.NamedTuple):
    """How servers and proxies differ (RFC 9110 §11.6, §11.7)."""

    refusal: int
    challenge: str
    answer: bytes
    info: str

    def peer(self, request: Request) -> str:
        return "the proxy" if self is _PROXY else request.url.host


_SERVER = _Role(401, "www-authenticate", b"Authorization", "authentication-info")
_PROXY = _Role(407, "proxy-authenticate", b"Proxy-Authorization", "proxy-authentication-info")


class _Unanswerable(Exception):
    """Why a challenge cannot be answered."""


class _Terms(typing.NamedTuple):
    """What a challenge asks for, read and found answerable; bytes are as the server wrote them."""

    realm: bytes
    nonce: bytes
    opaque: bytes | None
    algorithm: str | None
    hash_name: str
    is_session_keyed: bool
    qop: bytes | None
    has_user_hash: bool
    is_utf8: bool
    is_stale: bool
    domain: tuple[str, ...]


def _read_terms(challenge: Challenge, encoding: str, url: URL) -> _Terms:
    """Read a digest challenge (RFC 7616 §3.3); raises `_Unanswerable` for one that lacks something or is not known."""
    given = challenge.parameters
    for name in ("realm", "nonce"):
        if name not in given:
            raise _Unanswerable(f"it has no {name}")
    algorithm = given.get("algorithm")
    plain = (algorithm or "MD5").lower().removesuffix("-sess")
    hash_name = _HASHES.get(plain)
    if hash_name is None:
        raise _Unanswerable(f"algorithm {algorithm!r} is not known")
    try:
        _digest(hash_name, b"")
    except ValueError:
        raise _Unanswerable(f"algorithm {algorithm or 'MD5'!r} is not available in this Python") from None
    qops = given.get("qop", "").lower().replace(",", " ").split()
    qop = next((qop for qop in ("auth", "auth-int") if qop in qops), None)
    if qops and qop is None:
        raise _Unanswerable(f"qop {given['qop']!r} is not known")
    return _Terms(
        given["realm"].encode(encoding),
        given["nonce"].encode(encoding),
        given["opaque"].encode(encoding) if "opaque" in given else None,
        algorithm,
        hash_name,
        is_session_keyed=algorithm is not None and algorithm.lower().endswith("-sess"),
        qop=None if qop is None else qop.encode("ascii"),
        has_user_hash=given.get("userhash", "").lower() == "true",
        is_utf8=given.get("charset", "").lower() == "utf-8",
        is_stale=given.get("stale", "").lower() == "true",
        domain=_protected(given.get("domain", ""), url),
    )


def _protected(domain: str, url: URL) -> tuple[str, ...]:
    """Return what the URLs of a protection space begin with; all of the origin where the challenge does not say."""
    beginnings = []
    for reference in domain.split():
        try:
            beginnings.append(_plain(url.join(reference)))
        except InvalidURL:
            continue
    return tuple(beginnings)


def _plain(url: URL) -> str:
    return f"{url.origin}{url.raw_path.decode('ascii')}"


class _Session:
    """A nonce, how often it was used, and the key that goes with it."""

    def __init__(self, terms: _Terms, client_nonce: bytes, key: bytes, user_hash: bytes) -> None:
        self.terms = terms
        self.client_nonce = client_nonce
        self.count = 0
        self._key = key  # H(A1), which stays the same in a session even where the nonce changes (RFC 7616 §3.4.2)
        self._user_hash = user_hash

    @classmethod
    def of(cls, terms: _Terms, username: str | bytes, password: str | bytes) -> _Session:
        user, secret = _encoded(username, terms.is_utf8), _encoded(password, terms.is_utf8)
        client_nonce = _client_nonce()
        key = _digest(terms.hash_name, b"%b:%b:%b" % (user, terms.realm, secret))
        if terms.is_session_keyed:
            key = _digest(terms.hash_name, b"%b:%b:%b" % (key, terms.nonce, client_nonce))
        return cls(terms, client_nonce, key, _digest(terms.hash_name, b"%b:%b" % (user, terms.realm)))

    def continued(self, nonce: bytes) -> _Session:
        """Return the session that a server goes on to with `nextnonce`."""
        return _Session(self.terms._replace(nonce=nonce), self.client_nonce, self._key, self._user_hash)

    def protects(self, url: URL) -> bool:
        """Return whether a request for `url` may be answered before it is challenged."""
        return not self.terms.domain or _plain(url).startswith(self.terms.domain)

    def proof(self, method: bytes, uri: bytes, count: int, body: bytes) -> bytes:
        """Return the response of RFC 7616 §3.4.1; with an empty method it is the server's `rspauth`."""
        terms = self.terms
        request = b"%b:%b" % (method, uri)
        if terms.qop == b"auth-int":
            request += b":" + _digest(terms.hash_name, body)
        request = _digest(terms.hash_name, request)
        if terms.qop is None:
            return _digest(terms.hash_name, b"%b:%b:%b" % (self._key, terms.nonce, request))
        middle = b"%b:%08x:%b:%b" % (terms.nonce, count, self.client_nonce, terms.qop)
        return _digest(terms.hash_name, b"%b:%b:%b" % (self._key, middle, request))

    def field_value(self, username: str | bytes, uri: bytes, count: int, proof: bytes) -> bytes:
        """Return the value of the `Authorization` field (RFC 7616 §3.4)."""
        terms = self.terms
        user = _encoded(username, terms.is_utf8)
        if terms.has_user_hash:
            parameters = [b'username="%b"' % self._user_hash]
        elif terms.is_utf8 and not user.isascii():
            parameters = [b"username*=UTF-8''%b" % urllib.parse.quote_from_bytes(user, safe="").encode("ascii")]
        else:
            parameters = [b"username=" + _quoted(user)]
        parameters += [b"realm=" + _quoted(terms.realm), b"nonce=" + _quoted(terms.nonce), b"uri=" + _quoted(uri)]
        parameters.append(b'response="%b"' % proof)
        if terms.algorithm is not None:
            parameters.append(b"algorithm=" + terms.algorithm.encode("ascii"))
        if terms.opaque is not None:
            parameters.append(b"opaque=" + _quoted(terms.opaque))
        if terms.qop is not None:
            parameters += [b"qop=" + terms.qop, b"nc=%08x" % count]
        if terms.qop is not None or terms.is_session_keyed:
            parameters.append(b'cnonce="%b"' % self.client_nonce)
        if terms.has_user_hash:
            parameters.append(b"userhash=true")
        return b"Digest " + b", ".join(parameters)


def _digest(hash_name: str, data: bytes) -> bytes:
    # «Not for security» lets a Python that forbids MD5 elsewhere use it where a server insists on it.
    return hashlib.new(hash_name, data, usedforsecurity=False).hexdigest().encode("ascii")


def _encoded(text: str | bytes, is_utf8: bool) -> bytes:
    # A server that names its charset compares in the composed form (RFC 7616 §4).
    return credential(unicodedata.normalize("NFC", text) if is_utf8 and isinstance(text, str) else text)


def _client_nonce() -> bytes:
    return os.urandom(16).hex().encode("ascii")


def _quoted(value: bytes) -> bytes:
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
