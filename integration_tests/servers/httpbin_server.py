"""httpbin under waitress, in a process of its own: their warnings and threads are not ours."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import ServerProcess, listener, port_of


class HttpbinIsMissing(Exception):
    """httpbin or waitress cannot be imported."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install -r integration_tests/requirements.txt"
        )


@contextmanager
def run_httpbin(directory: Path) -> Iterator[str]:
    """Run httpbin and yield its URL; `HttpbinIsMissing` where it is not installed."""
    for package in ("httpbin", "waitress"):
        if importlib.util.find_spec(package) is None:
            raise HttpbinIsMissing(package)
    listening = listener()
    port = port_of(listening)
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(listening.fileno())]
    with ServerProcess(command, [listening], directory / "output.log", {"PYTHONWARNINGS": "ignore"}) as process:
        process.require_answer(port)
        yield f"http://127.0.0.1:{port}"


PROGRAM = """
import socket, sys
from httpbin import app
from waitress.server import create_server

create_server(app, sockets=[socket.socket(fileno=int(sys.argv[1]))], threads=8).run()
"""
