"""Servers that speak HTTP/2 over TLS: nghttpd, hypercorn, and node's; each serves `/small` and takes posts to it."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .certificates import Authority
from .processes import ServerIsMissing, ServerProcess, free_port, listener, port_of, program, wait_for

SMALL = b"hello"
LARGE_SIZE = 100_000_000


@contextmanager
def run_nghttpd(directory: Path, authority: Authority) -> Iterator[str]:
    """Run nghttpd and yield its URL; it serves files, and reads what is posted to them to the end."""
    binary = program("nghttpd", "nghttp2-server")
    files = directory / "files"
    files.mkdir()
    (files / "small").write_bytes(SMALL)
    with (files / "large").open("wb") as large:
        large.truncate(LARGE_SIZE)
    certificate, key = authority.write_server_certificate()
    with free_port() as port:
        pass
    command = [binary, "-a", "127.0.0.1", "-d", str(files), str(port), str(key), str(certificate)]
    with ServerProcess(command, [], directory / "output.log"):
        wait_for(port)
        yield f"https://127.0.0.1:{port}"


@contextmanager
def run_hypercorn(directory: Path, authority: Authority) -> Iterator[str]:
    """Run an ASGI program under hypercorn and yield its URL."""
    if importlib.util.find_spec("hypercorn") is None:
        raise ServerIsMissing("hypercorn is not installed; pip install -r integration_tests/requirements.txt")
    certificate, key = authority.write_server_certificate()
    (directory / "program.py").write_text(_ASGI)
    listening = listener()
    port = port_of(listening)
    command = [sys.executable, "-W", "ignore", "-m", "hypercorn", "-b", f"fd://{listening.fileno()}"]
    command += ["--certfile", str(certificate), "--keyfile", str(key), "--log-level", "error", "program:app"]
    environment = {"PYTHONPATH": str(directory), "PYTHONWARNINGS": "ignore"}
    with ServerProcess(command, [listening], directory / "output.log", environment):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def run_node(directory: Path, authority: Authority, is_patient: bool = True) -> Iterator[str]:
    """Run a program on node's http2 module and yield its URL.

    One that closes streams early looks like an attack to it, unless it `is_patient`.
    """
    binary = program("node", "nodejs")
    certificate, key = authority.write_server_certificate()
    (directory / "server.js").write_text(_NODE)
    listening = listener()
    port = port_of(listening)
    patience = "1000000" if is_patient else "1000"  # the latter is node's own
    command = [binary, str(directory / "server.js"), str(listening.fileno()), str(key), str(certificate), patience]
    with ServerProcess(command, [listening], directory / "output.log"):
        yield f"https://127.0.0.1:{port}"


_ASGI = f"""
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/large":
        for _ in range({LARGE_SIZE} // 100_000):
            await send({{"type": "http.response.body", "body": bytes(100_000), "more_body": True}})
        await send({{"type": "http.response.body", "body": b""}})
    else:
        await send({{"type": "http.response.body", "body": {SMALL!r}}})
"""

_NODE = f"""
const fs = require('fs'), http2 = require('http2');
const [fd, key, cert, burst] = process.argv.slice(2);
const patience = {{ streamResetBurst: Number(burst), maxSessionMemory: 1000 }};
const server = http2.createSecureServer({{ key: fs.readFileSync(key), cert: fs.readFileSync(cert), ...patience }});
const piece = Buffer.alloc(100000);
server.on('stream', (stream, headers) => {{
  stream.on('error', () => {{}});
  stream.resume();
  stream.on('end', () => {{
    if (stream.destroyed) return;
    stream.respond({{ ':status': 200 }});
    if (headers[':path'] !== '/large') return stream.end({SMALL.decode()!r});
    let left = {LARGE_SIZE} / piece.length;
    const go = () => {{
      while (left > 0) {{ left--; if (!stream.write(piece)) return stream.once('drain', go); }}
      stream.end();
    }};
    go();
  }});
}});
server.listen({{ fd: Number(fd) }});
"""
