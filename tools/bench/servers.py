"""nginx, as the server all clients meet: one worker on one core, loopback only, everything in a temporary directory.

It answers `/small` from memory and `/large` from a file, in clear text and over TLS with a certificate made for the
run. HTTP/2 has a port of its own, and `/sink` takes what is sent to it. `/moved` leads to `/small`, and `/guarded` is
`/small` for those who send a cookie and credentials.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pwd
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cores

SMALL_BODY = b'{"hello": "world"}'
LARGE_BYTES = 100_000_000


class ServerUnavailable(Exception):
    """The server cannot be started; the message says what to do about it."""


@dataclass(frozen=True)
class Endpoints:
    """Where the clients find the server; passed to their processes as JSON."""

    http: str
    https: str
    http2: str
    certificate_authority: str
    server: str
    process_group: int = 0


@contextmanager
def running_nginx(core: int | None) -> Iterator[Endpoints]:
    """Run nginx pinned to `core` for the length of the block.

    Raises ServerUnavailable when nginx or trustme is missing, or when nginx does not come up.
    """
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        raise ServerUnavailable("nginx is not installed; on Debian or Ubuntu: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(prefix="courser-bench-") as name:
        directory = Path(name)
        endpoints = _prepare(directory, nginx)
        with (directory / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                [nginx, "-p", name, "-c", "nginx.conf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Its own session: Ctrl-C at the terminal is ours to handle, nginx is stopped below.
                start_new_session=True,
                preexec_fn=functools.partial(cores.pin, core),
            )
        try:
            _wait_until_it_accepts(process, [endpoints.http, endpoints.https, endpoints.http2], directory)
            yield dataclasses.replace(endpoints, process_group=process.pid)
        finally:
            process.terminate()
            process.wait()


def _prepare(directory: Path, nginx: str) -> Endpoints:
    try:
        import trustme
    except ImportError:
        raise ServerUnavailable("trustme is not installed; pip install -r tools/bench/requirements.txt") from None

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
        str(directory / "server.pem")
    )
    # A hole of the right size: nginx sends it like any file in the page cache, and the disk is left in peace.
    with (directory / "large").open("wb") as large:
        large.truncate(LARGE_BYTES)

    version = subprocess.run([nginx, "-V"], capture_output=True, text=True, check=False).stderr
    http, https, http2 = _free_ports(3)
    configuration = _CONFIGURATION.format(
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        files=min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536),
        temporary_paths="\n".join(
            f"    {module}_temp_path {module};"
            for module in ("proxy", "fastcgi", "uwsgi", "scgi")
            if f"--without-http_{module}_module" not in version
        ),
        small=SMALL_BODY.decode(),
        http=http,
        https=https,
        http2=http2,
    )
    (directory / "nginx.conf").write_text(configuration, encoding="utf-8")
    return Endpoints(
        http=f"http://127.0.0.1:{http}",
        https=f"https://127.0.0.1:{https}",
        http2=f"https://127.0.0.1:{http2}",
        certificate_authority=str(directory / "authority.pem"),
        server=version.partition("\n")[0].removeprefix("nginx version: "),
    )


def _free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now; somebody else could still take one before nginx does, which it would say."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _wait_until_it_accepts(process: subprocess.Popen[bytes], addresses: list[str], directory: Path) -> None:
    deadline = time.monotonic() + 10
    for address in addresses:
        port = int(address.rpartition(":")[2])
        while True:
            if process.poll() is not None:
                output = "\n".join(
                    (directory / name).read_text(encoding="utf-8", errors="replace")
                    for name in ("output.txt", "error.log")
                    if (directory / name).exists()
                )
                raise ServerUnavailable(f"nginx ended with status {process.returncode}: {output.strip()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ServerUnavailable(f"nginx does not accept on port {port} after 10 s") from None
                time.sleep(0.01)


# Relative paths are below the directory given with -p. keepalive_requests is out of reach, so no client is measured
# while it reconnects; the backlog holds 1,000 clients that connect at once.
_CONFIGURATION = """\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid nginx.pid;
error_log error.log warn;

events {{
    worker_connections 4096;
}}

http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 10000000;
    keepalive_timeout 600s;
    client_body_temp_path body;
{temporary_paths}

    server {{
        listen 127.0.0.1:{http} backlog=4096;
        listen 127.0.0.1:{https} ssl backlog=4096;
        listen 127.0.0.1:{http2} ssl http2 backlog=4096;
        http2_max_concurrent_streams 1000;
        ssl_certificate server.pem;
        ssl_certificate_key server.pem;
        ssl_protocols TLSv1.2 TLSv1.3;

        location = /small {{
            default_type application/json;
            return 200 '{small}';
        }}
        location = /moved {{
            return 302 /small;
        }}
        location = /guarded {{
            default_type application/json;
            if ($http_cookie = "") {{ return 400; }}
            if ($http_authorization = "") {{ return 401; }}
            return 200 '{small}';
        }}
        location = /large {{
            default_type application/octet-stream;
            alias large;
        }}
        location = /sink {{
            client_max_body_size 200m;
            client_body_buffer_size 16m;
            proxy_pass http://127.0.0.1:{http}/swallowed;
        }}
        location = /swallowed {{
            client_max_body_size 200m;
            return 200;
        }}
    }}
}}
"""
