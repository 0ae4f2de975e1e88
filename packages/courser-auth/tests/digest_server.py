"""A server that asks for digest authentication, written from RFC 7616 and sharing nothing with what it tests."""

from __future__ import annotations

import hashlib
import threading
from urllib.parse import unquote_to_bytes

from courser_auth import read_challenges
from courser_models import Request, Response

HASHES = {"MD5": "md5", "SHA": "sha1", "SHA-256": "sha256", "SHA-512-256": "sha512_256", "SHA-512": "sha512"}


class DigestServer:
    """Knows one user. Keeps every request that it saw, and every pair of nonce and count, none of which comes twice."""

    def __init__(
        self,
        username: str = "Mufasa",
        password: str = "Circle of Life",
        *,
        realm: str = "a realm",
        algorithm: str | None = "SHA-256",
        qop: str | None = "auth",
        userhash: bool = False,
        extra: str = "",
        rspauth: str | None = "right",
        uses_of_a_nonce: int = 1000,
        next_nonce_after: int = 1000,
        is_proxy: bool = False,
    ) -> None:
        self.username, self.password, self.realm = username.encode(), password.encode(), realm.encode()
        self.algorithm, self.qop, self.userhash, self.extra, self.rspauth = algorithm, qop, userhash, extra, rspauth
        self.uses_of_a_nonce, self.next_nonce_after = uses_of_a_nonce, next_nonce_after
        self.is_proxy = is_proxy
        self.requests: list[Request] = []
        self.statuses: list[int] = []
        self.answers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self._nonces = 0
        self._counts: dict[str, int] = {}  # how often each nonce was used
        self._keys: dict[str, bytes] = {}  # H(A1) of -sess, by its nonce

    def new_nonce(self) -> str:
        self._nonces += 1
        nonce = f"nonce/{self._nonces}=="
        self._counts[nonce] = 0
        return nonce

    def __call__(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            response = self._respond(request)
            self.statuses.append(response.status_code)
            return response

    def _respond(self, request: Request) -> Response:
        field = request.headers.get("proxy-authorization" if self.is_proxy else "authorization")
        if field is None:
            return self._challenge()
        [given] = read_challenges(field)
        answer = given.parameters
        assert given.scheme == "digest"
        self.answers.append(answer)
        nonce = answer["nonce"]
        if nonce not in self._counts or self._counts[nonce] >= self.uses_of_a_nonce:
            return self._challenge(is_stale=True)
        self._counts[nonce] += 1
        if self.qop is not None:
            assert answer["qop"] in self.qop.split(",")
            assert answer["nc"] == f"{self._counts[nonce]:08x}", "each count of a nonce comes once"
        assert answer.get("algorithm") == self.algorithm
        if answer["response"].encode() != self._proof(answer, request.method.encode(), request.content):
            return self._challenge()
        return self._welcome(answer)

    def _hash(self, *parts: bytes) -> bytes:
        name = HASHES[(self.algorithm or "MD5").removesuffix("-sess")]
        return hashlib.new(name, b":".join(parts)).hexdigest().encode()

    def _user(self, answer: dict[str, str]) -> bytes:
        if self.userhash:
            assert answer["userhash"] == "true"
            assert answer["username"].encode() == self._hash(self.username, self.realm)
            return self.username
        if "username*" in answer:
            return unquote_to_bytes(answer["username*"].removeprefix("UTF-8''"))
        return answer["username"].encode()

    def _proof(self, answer: dict[str, str], method: bytes, body: bytes) -> bytes:
        nonce, cnonce = answer["nonce"].encode(), answer.get("cnonce", "").encode()
        key = self._hash(self._user(answer), self.realm, self.password)
        if (self.algorithm or "").endswith("-sess"):
            key = self._keys.setdefault(answer["nonce"], self._hash(key, nonce, cnonce))
        request = [method, answer["uri"].encode()]
        if answer.get("qop") == "auth-int":
            request.append(self._hash(body))
        if "qop" not in answer:
            return self._hash(key, nonce, self._hash(*request))
        return self._hash(key, nonce, answer["nc"].encode(), cnonce, answer["qop"].encode(), self._hash(*request))

    def _challenge(self, is_stale: bool = False) -> Response:
        parameters = [f'realm="{self.realm.decode()}"', f'nonce="{self.new_nonce()}"', 'opaque="an \\"opaque\\" thing"']
        if self.qop is not None:
            parameters.append(f'qop="{self.qop}"')
        if self.algorithm is not None:
            parameters.append(f"algorithm={self.algorithm}")
        if self.userhash:
            parameters.append("userhash=true")
        if is_stale:
            parameters.append("stale=TRUE")
        name = "Proxy-Authenticate" if self.is_proxy else "WWW-Authenticate"
        value = "Digest " + ", ".join(parameters) + self.extra
        return Response(407 if self.is_proxy else 401, headers=[(name.encode(), value.encode())])

    def _welcome(self, answer: dict[str, str]) -> Response:
        info = []
        if self.rspauth == "right" and "qop" in answer:
            info.append(f'rspauth="{self._proof(answer, b"", b"welcome").decode()}"')
        elif self.rspauth == "wrong":
            info.append('rspauth="00"')
        if self._counts[answer["nonce"]] >= self.next_nonce_after:
            following = self.new_nonce()
            if answer["nonce"] in self._keys:
                self._keys[following] = self._keys[answer["nonce"]]
            info.append(f'nextnonce="{following}"')
        name = "Proxy-Authentication-Info" if self.is_proxy else "Authentication-Info"
        return Response(200, headers={name: ", ".join(info)} if info else {}, content=b"welcome")
