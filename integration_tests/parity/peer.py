"""What programs about exchanges talk to: a raw server whose paths say what it does, and that keeps what arrives.

`/echo` answers with the request as it came, but for the order of its fields and what a library says of itself.
"""

import gzip
import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from ..sweeps.peer import abort, serving

# Who somebody is and what he can decode differ by design; so does what Digest makes up.
_OWN = [
    (re.compile(r"(?i)(user-agent: )python-\S+"), r"\1python-x"),
    (re.compile(r"(?i)(accept-encoding: )gzip, deflate[^\r]*"), r"\1gzip, deflate"),
    (re.compile(r'(cnonce|response)="[0-9a-f]+"'), r'\1="x"'),
]


class Peer:
    """A server while its block lasts; `url` has no slash at its end, `wire` is what arrived since `forget`."""

    def __init__(self) -> None:
        self.url = ""
        self._arrived: list[str] = []
        self._programs = 0
        self._lock = threading.Lock()

    def wire(self) -> list[str]:
        """Return every request that arrived, head and body, what is between them included."""
        with self._lock:
            return list(self._arrived)

    def forget(self) -> None:
        """Begin anew; what a program left behind on connections of its own comes too late."""
        with self._lock:
            self._programs += 1
            self._arrived.clear()

    def talk(self, connection: socket.socket) -> None:
        """Answer each request on a connection."""
        program = self._programs
        reader = connection.makefile("rb")
        if reader.peek(1)[:1] == b"\x16":
            return  # that is TLS
        while (line := reader.readline()) not in (b"", b"\r\n"):
            head = line
            while (line := reader.readline()) not in (b"", b"\r\n"):
                head += line
            first, *fields = head.decode("latin-1").splitlines()
            # Fields of different names have no order (RFC 9110 §5.3); those of one name keep theirs.
            fields.sort(key=lambda field: field.partition(":")[0].lower())
            request = "\r\n".join([first, *fields, "", _body(reader, head.decode("latin-1").lower())])
            for pattern, replacement in _OWN:
                request = pattern.sub(replacement, request)
            with self._lock:
                if program == self._programs:
                    self._arrived.append(request)
            method, target, _ = head.decode("latin-1").split(" ", 2)
            kind, _, rest = target.removeprefix("/").partition("/")
            answer = _ANSWERS.get(kind.partition("?")[0], _echo)(request, unquote(rest))
            if answer is None:
                abort(connection)
                return
            data, keeps = answer
            if method == "HEAD":
                data = data[: data.index(b"\r\n\r\n") + 4]
            connection.sendall(data)
            if keeps == _WAITS:
                connection.recv(1)
            if keeps != _KEEPS:
                return


_KEEPS, _CLOSES, _WAITS = range(3)
Answer = tuple[bytes, int] | None


def _body(reader: io.BufferedReader, head: str) -> str:
    if "\r\ntransfer-encoding: chunked\r\n" in head:
        framed = b""
        while not framed.endswith(b"\r\n0\r\n\r\n") and framed != b"0\r\n\r\n":
            framed += reader.readline()
        return framed.decode("latin-1")
    length = re.search(r"\r\ncontent-length: (\d+)\r\n", head)
    return reader.read(int(length[1])).decode("latin-1") if length else ""


def _whole(status: str, body: bytes, *fields: str) -> Answer:
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body, _KEEPS


def _echo(request: str, rest: str) -> Answer:
    return _whole("200 OK", request.encode("latin-1"), "Content-Type: text/plain; charset=latin-1")


def _status(request: str, rest: str) -> Answer:
    return _whole(rest, b"" if rest[:3] in ("204", "304") else b"said " + rest.encode("latin-1"))


def _to(request: str, rest: str) -> Answer:
    status, _, location = rest.partition("/")
    return _whole(f"{status} Moved", b"moved", f"Location: {location}")


def _loop(request: str, rest: str) -> Answer:
    return _whole("302 Found", b"again", "Location: /loop")


def _cookie(request: str, rest: str) -> Answer:
    return _whole("200 OK", b"set", *(f"Set-Cookie: {line}" for line in rest.split("&")))


def _cookie_to(request: str, rest: str) -> Answer:
    line, _, location = rest.partition("/")
    return _whole("302 Found", b"set", f"Set-Cookie: {line}", f"Location: /{location}")


def _basic(request: str, rest: str) -> Answer:
    if "\r\nAuthorization: Basic YWRhOnNlY3JldA==\r\n" in request:
        return _whole("200 OK", b"welcome")
    return _whole("401 Unauthorized", b"who?", 'WWW-Authenticate: Basic realm="here"')


def _digest(request: str, rest: str) -> Answer:
    if "\r\nAuthorization: Digest " in request:
        return _echo(request, rest)
    challenge = f'Digest realm="here", nonce="n", opaque="o"{rest}'
    return _whole("401 Unauthorized", b"who?", f"WWW-Authenticate: {challenge}")


def _raw(data: str, keeps: int) -> Callable[[str, str], Answer]:
    return lambda request, rest: (data.encode("latin-1"), keeps)


_CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
_GZIPPED = gzip.compress(b"hello " * 100, mtime=0).decode("latin-1")
_ANSWERS: dict[str, Callable[[str, str], Answer]] = {
    "echo": _echo,
    "status": _status,
    "to": _to,
    "loop": _loop,
    "cookie": _cookie,
    "cookie-to": _cookie_to,
    "basic": _basic,
    "digest": _digest,
    "chunked": _raw(_CHUNKED, _KEEPS),
    "trailers": _raw(_CHUNKED[:-2] + "X-Sum: 11\r\n\r\n", _KEEPS),
    "gzip": _raw(
        f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(_GZIPPED)}\r\n\r\n{_GZIPPED}", _KEEPS
    ),
    "damaged": _raw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", _KEEPS),
    "large": _raw("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + "0123456789" * 10_000, _KEEPS),
    "json": _raw(
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"a": [1, null]}', _KEEPS
    ),
    "interim": _raw(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", _KEEPS
    ),
    "http10": _raw("HTTP/1.0 200 Fine\r\n\r\nuntil the end", _CLOSES),
    "to-the-end": _raw("HTTP/1.1 200 OK\r\n\r\nuntil the end", _CLOSES),
    "says-close": _raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", _CLOSES),
    "no-phrase": _raw("HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", _KEEPS),
    "fields": _raw(
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:2 \r\nX-Empty:\r\nX-Latin: \xfc\r\nContent-Length: 2\r\n\r\nok", _KEEPS
    ),
    "lines": _raw("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\none\ntwo\r\n\r\nx", _KEEPS),
    "silent": _raw("", _WAITS),
    "slow": _raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", _WAITS),
    "close": _raw("", _CLOSES),
    "half": _raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", _CLOSES),
    "half-chunked": _raw(_CHUNKED[:-7], _CLOSES),
    "nonsense": _raw("nonsense\r\n\r\n", _CLOSES),
    "bad-length": _raw("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", _CLOSES),
    "bad-chunk": _raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", _CLOSES),
    "reset": lambda request, rest: None,
}


@contextmanager
def run_peer() -> Iterator[Peer]:
    """Run a peer until the block ends."""
    peer = Peer()
    with serving(peer.talk) as port:
        peer.url = f"http://127.0.0.1:{port}"
        yield peer
