"""Run the Python examples of README.md, packages/*/README.md and docs/, so that none of them can grow false.

Every block fenced as ```python runs, top to bottom; the blocks of one page share their names, as a reader would type
them. `await` and `async with` may stand outside a function, as in `python -m asyncio`. A block that must not run has
the reason on the line above its fence:

    <!-- not run: deletes the reader's files -->

Examples may say `http://` and `https://` with example.org, example.com, example.net (and their subdomains) or
httpbin.org: in the process that runs them these names lead to a small server on loopback, over real TLS. It answers

    /status/<code>   that status, with an empty body          /bytes/<count>   that many bytes
    /delay/<seconds> after that time                          /redirect/<n>    a chain of n redirects
    anything else    a JSON object that tells the request: method, path, args, headers, and body or json

and is a proxy as well, which sends every request to itself.

Usage: python tools/check_examples.py [pages…]
"""

import ast
import asyncio
import contextlib
import inspect
import json
import os
import re
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: .+ -->\s*\Z")
LED_TO_LOOPBACK = re.compile(r"(.+\.)?example\.(org|com|net)|httpbin\.org")
CERTIFIED = [f"{wild}example.{top}" for top in ("org", "com", "net") for wild in ("", "*.")] + ["httpbin.org"]
PORTS = "COURSER_EXAMPLE_PORTS"


def main(arguments: list[str]) -> int:
    if PORTS in os.environ:
        return play(Path(arguments[0]))
    readmes = [*ROOT.glob("README.md"), *sorted(ROOT.glob("packages/*/README.md"))]
    pages = [Path(name).resolve() for name in arguments] or [*readmes, *sorted(ROOT.glob("docs/**/*.md"))]
    counts = {page: len(list(examples(page))) for page in pages}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as environment:
        failed = []
        for page in [page for page in pages if counts[page]]:
            # A process and an empty folder for each page: what its examples import or write stays among them.
            own = tempfile.mkdtemp(dir=folder)
            command = [sys.executable, "-W", "error", __file__, page]
            try:
                played = subprocess.run(command, env=environment, cwd=own, timeout=60, check=False).returncode == 0
            except subprocess.TimeoutExpired:
                played = False
                print("still running after 60 s")
            if not played:
                failed.append(page)
                print(f"FAILED: {os.path.relpath(page, ROOT)}", flush=True)
    print(f"{sum(counts.values())} examples on {len(pages)} pages; {len(failed)} pages failed")
    return 1 if failed else 0


def examples(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the examples of a page, each with the number of its first line."""
    text = page.read_text("utf-8")
    for block in FENCE.finditer(text):
        if block["language"] in {"py", "python3", "pycon"}:
            sys.exit(f"{page}: a block marked {block['language']} would not be run; mark it python, or text")
        if block["language"] == "python" and not NOT_RUN.search(text, 0, block.start()):
            yield text.count("\n", 0, block.start("code")), textwrap.dedent(block["code"])


# In the process of one page.


def play(page: Path) -> int:
    """Run the examples of a page, one after the other, in one namespace and on one event loop."""
    lead_to_loopback()
    namespace: dict[str, object] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for lines_before, code in examples(page):
            # Blank lines in front, so that a traceback names the line of the page.
            program = compile("\n" * lines_before + code, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if program.co_flags & inspect.CO_COROUTINE:
                runner.run(eval(program, namespace))
            else:
                exec(program, namespace)
    return 0


def lead_to_loopback() -> None:
    """Let the names of the examples resolve to loopback, and their ports be those of the server there."""
    look_up, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex
    http, https = map(int, os.environ[PORTS].split(","))
    ports = {80: http, 443: https}

    def redirected(address: object) -> object:
        match address:
            case ("127.0.0.1", int(port)):
                return "127.0.0.1", ports.get(port, port)
        return address

    def getaddrinfo(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        return look_up("127.0.0.1" if name and LED_TO_LOOPBACK.fullmatch(name) else host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = lambda self, address: connect(self, redirected(address))
    socket.socket.connect_ex = lambda self, address: connect_ex(self, redirected(address))


# The server.


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """Serve on loopback, plain and over TLS; yield the environment in which the examples find and trust it."""
    import trustme  # here, because the examples' processes neither need nor should have it

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*CERTIFIED).configure_cert(context)
    servers = SERVERS[:] = [ThreadingHTTPServer(("127.0.0.1", 0), Answers) for _ in range(2)]
    # Handshake when the connection's own thread first reads, not in the thread that accepts.
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True, do_handshake_on_connect=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = ",".join(str(server.server_port) for server in servers)
    proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
    inherited = {name: value for name, value in os.environ.items() if name not in proxies}
    yield inherited | {PORTS: ports, "SSL_CERT_FILE": str(folder / "authority.pem"), "PYTHONUNBUFFERED": "1"}
    for server in servers:
        server.shutdown()
        server.server_close()


# Plain and over TLS, once they serve.
SERVERS: list[ThreadingHTTPServer] = []


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        target = urlsplit(self.path)
        match target.path.strip("/").split("/"):
            case ["status", code]:
                self.reply(int(code), b"")
            case ["bytes", count]:
                self.reply(200, b"*" * int(count), "application/octet-stream")
            case ["redirect", count]:
                left = int(count) - 1
                self.reply(302, b"", location=f"/redirect/{left}" if left else "/")
            case parts:
                if parts[0] == "delay":
                    time.sleep(float(parts[1]))
                self.reply(200, json.dumps(self.told(target, body), indent=2).encode())

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def do_CONNECT(self) -> None:
        """Open a tunnel, as a proxy does; wherever it is to lead, it leads back here."""
        http, https = (server.server_port for server in SERVERS)
        with socket.create_connection(("127.0.0.1", https if self.path.endswith(":443") else http)) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with selectors.DefaultSelector() as ready:
                for here, there in [(self.connection, onward), (onward, self.connection)]:
                    ready.register(here, selectors.EVENT_READ, there)
                while all(self.passed_on(key.fileobj, key.data) for key, _ in ready.select()):
                    pass
        self.close_connection = True

    def passed_on(self, here, there) -> bool:
        """Pass on what has arrived; return whether more may come."""
        try:
            data = here.recv(65536)
            there.sendall(data)
        except OSError:
            return False
        return data != b""

    def told(self, target, body: bytes) -> dict[str, object]:
        """Return what a request says, as the JSON object that tells it back."""
        said = {"method": self.command, "path": target.path, "args": dict(parse_qsl(target.query))}
        said["headers"] = {name.lower(): value for name, value in self.headers.items()}
        if self.headers.get_content_type() == "application/json" and body:
            return said | {"json": json.loads(body)}
        return said | {"body": body.decode("utf-8", "replace")}

    def reply(self, status: int, body: bytes, content_type: str = "application/json", **fields: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing; the examples speak."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
