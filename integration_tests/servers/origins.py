"""Every origin there is, on one port: a proxy that serves itself whatever it is asked to lead to.

    with Origins(authority, trail) as origins:
        client = courser.Client(proxy=origins.socks, verify=authority.client_context(), follow_redirects=True)
        client.get("https://home.example/")
    assert [visit.origin for visit in origins.visits] == ["https://home.example:443", …]

It speaks SOCKS 5, and HTTP with CONNECT, on the same port. On the ports 443 and 8443 it goes on with TLS, under a
certificate for the very name that the client asks for, so that names, schemes and default ports are real and nobody
looks them up. The n-th request is answered with a redirect to the n-th URL of the trail; where that is None, and after
the trail, with 401 and every challenge there is. Each answer sets a cookie.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from ..sweeps.peer import serving
from .certificates import Authority

TLS_PORTS = (443, 8443)
TEMPTATIONS = (
    'WWW-Authenticate: Basic realm="x"\r\nWWW-Authenticate: Digest realm="x", nonce="y", qop="auth", algorithm=SHA-256'
)


@dataclass(frozen=True)
class Visit:
    """One request as it arrived: at which origin, under which name TLS was asked for, head and body."""

    origin: str
    server_name: str | None
    head: bytes
    body: bytes

    @property
    def text(self) -> str:
        return self.head.decode("latin-1")

    def field(self, name: str) -> list[str]:
        """Return the values of a field, each line's."""
        lines = self.text.split("\r\n")[1:]
        pairs = [line.partition(":") for line in lines]
        return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]


class Origins:
    """The server, while its block lasts.

    `status` is that of the redirects, `body` what they carry. `strangers` are the hosts that `stranger` certifies.
    `visits` are the requests at origins, `asked` the heads that were meant for the proxy.
    """

    def __init__(
        self,
        authority: Authority,
        trail: Sequence[str | None] = (),
        *,
        status: int = 302,
        stranger: Authority | None = None,
        strangers: Sequence[str] = (),
    ) -> None:
        self.visits: list[Visit] = []
        self.asked: list[bytes] = []
        self._authority = authority
        self._trail = list(trail)
        self._status = status
        self._stranger = stranger
        self._strangers = strangers
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._names: dict[Any, str | None] = {}
        self._held = contextlib.ExitStack()
        self._port = 0

    @property
    def socks(self) -> str:
        return f"socks5h://ada:{SOCKS_PASSWORD}@127.0.0.1:{self._port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._port = self._held.enter_context(serving(self._talk))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.close()

    def _talk(self, connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x05":
            self._serve(connection, *_socks(connection))
            return
        head = _head(connection, b"")[0]
        with self._lock:
            self.asked.append(head)
        method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
        if method != "CONNECT":
            self._answer(connection, target.rpartition("/")[0], None, head, b"")
            return
        host, _, port = target.rpartition(":")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self._serve(connection, host, int(port))

    def _serve(self, connection: socket.socket, host: str, port: int) -> None:
        if port not in TLS_PORTS:
            self._converse(connection, f"http://{host}:{port}", None)
            return
        with self._context(host).wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            secured.do_handshake()
            self._converse(secured, f"https://{host}:{port}", self._names.get(secured))

    def _context(self, name: str) -> ssl.SSLContext:
        """Return a context with the certificate of a name, or of that which the client asks for."""
        authority = self._stranger if self._stranger is not None and name in self._strangers else self._authority
        with self._lock:
            if name not in self._contexts:
                self._contexts[name] = authority.server_context(name)
                self._contexts[name].sni_callback = self._choose
            return self._contexts[name]

    def _choose(self, chosen: Any, name: str | None, _: ssl.SSLContext) -> None:
        self._names[chosen] = name
        if name is not None:
            chosen.context = self._context(name)

    def _converse(self, connection: Any, origin: str, server_name: str | None) -> None:
        rest = b""
        while True:
            head, rest = _head(connection, rest)
            if not head:
                return
            rest = self._answer(connection, origin, server_name, head, rest)

    def _answer(self, connection: Any, origin: str, server_name: str | None, head: bytes, rest: bytes) -> bytes:
        visit = Visit(origin, server_name, head, b"")
        length = int((visit.field("content-length") or ["0"])[0])
        while len(rest) < length:
            rest += connection.recv(65536)
        with self._lock:
            number = len(self.visits)
            self.visits.append(Visit(origin, server_name, head, rest[:length]))
        cookie = f"Set-Cookie: visit{number}=1; Path=/\r\n"
        location = self._trail[number] if number < len(self._trail) else None
        if location is None:
            fields = f"HTTP/1.1 401 No\r\n{TEMPTATIONS}\r\n"
        else:
            fields = f"HTTP/1.1 {self._status} Moved\r\nLocation: {location}\r\n"
        connection.sendall(f"{fields}{cookie}Content-Length: 0\r\n\r\n".encode())
        return rest[length:]


SOCKS_PASSWORD = "socks-secret"


def _head(connection: Any, received: bytes) -> tuple[bytes, bytes]:
    """Return the next head, empty at the end, and what came after it."""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return b"", b""
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def _socks(connection: socket.socket) -> tuple[str, int]:
    """Be a SOCKS 5 server until the client has said where it wants to go (RFC 1928, RFC 1929)."""
    reader = connection.makefile("rb")
    methods = reader.read(reader.read(2)[1])
    chosen = 2 if 2 in methods else 0
    connection.sendall(bytes([5, chosen]))
    if chosen == 2:
        reader.read(reader.read(2)[1])
        reader.read(reader.read(1)[0])
        connection.sendall(b"\x01\x00")
    kind = reader.read(4)[3]
    assert kind == 3, "only names are asked for here"
    host = reader.read(reader.read(1)[0]).decode("ascii")
    port = int.from_bytes(reader.read(2), "big")
    connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    return host, port
