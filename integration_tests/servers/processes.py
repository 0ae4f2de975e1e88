"""A server in a process of its own, on a port that is open before it starts.

The listening socket is made here and handed down, so no port is guessed, none is lost to somebody else, and nobody
polls for «is it up yet»: a connection made too early waits in the backlog.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 10.0


def listener(backlog: int = 1024) -> socket.socket:
    """Return a socket that listens on a free port of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0), backlog=backlog)


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


@contextmanager
def free_port() -> Iterator[int]:
    """Give a free port of 127.0.0.1, held until the block ends, for a server that cannot be given its socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield port_of(listening)


def wait_for(port: int) -> None:
    """Wait until such a server listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


class ServerIsMissing(Exception):
    """A server is not on this machine; the message says what to install."""


def program(name: str, package: str) -> str:
    """Return where a server's program is; raises `ServerIsMissing` with the Debian package that has it."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise ServerIsMissing(f"{name} was not found; install it, for instance with: apt-get install {package}")
    return found


class ServerProcess:
    """A child process that owns the given listening sockets until the `with` block ends."""

    def __init__(
        self,
        command: Sequence[str],
        listeners: Sequence[socket.socket],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[listening.fileno() for listening in listeners],
                env={**os.environ, **(environment or {})},
            )
        # From here on only the child holds the ports: when it dies, its clients notice.
        for listening in listeners:
            listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def require_answer(self, port: int) -> None:
        """Raise with the server's own words unless it answers a first request."""
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                answer = connection.recv(5)
        except OSError as error:
            answer = repr(error).encode()
        if answer != b"HTTP/":
            log = self._log.read_text(errors="replace")
            raise RuntimeError(f"{self._process.args!r} does not serve: {answer!r}\n{log}")
