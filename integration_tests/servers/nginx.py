"""nginx with a configuration of ours: plain and TLS, small, large, compressed, empty and failing answers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .certificates import Authority
from .processes import ServerProcess, listener, port_of

SMALL = b'{"greeting":"hi"}\n'
MEDIUM = bytes(range(256)) * 4096
LARGE = MEDIUM * 20
REPETITIVE = b"all work and no play\n" * 2000


class NginxIsMissing(Exception):
    """There is no nginx on this machine."""

    def __init__(self) -> None:
        super().__init__("nginx was not found; install it, for instance with: apt-get install nginx-light")


@dataclass(frozen=True)
class Nginx:
    """Where nginx listens.

    Every answer names its connection in `X-Connection`, so that a test sees what was reused.
    """

    http: str
    https: str
    http2: str
    short_lived: str
    """HTTP/2 too; connections end after three requests."""


@contextmanager
def run_nginx(directory: Path, authority: Authority) -> Iterator[Nginx]:
    """Run nginx from files under the directory; `NginxIsMissing` where there is none."""
    binary = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if binary is None:
        raise NginxIsMissing
    files = directory / "files"
    (files / "gzip").mkdir(parents=True)
    (files / "small.json").write_bytes(SMALL)
    (files / "medium.bin").write_bytes(MEDIUM)
    (files / "large.bin").write_bytes(LARGE)
    (files / "gzip" / "repetitive.txt").write_bytes(REPETITIVE)

    # In plain text: it is loopback, and nobody else reads this file.
    (directory / "passwords").write_text("ada:{PLAIN}secret ö\n", "utf-8")

    plain, tls, http2, short = listener(), listener(), listener(), listener()
    certificate, key = authority.write_server_certificate()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            # Workers that give up root could not read what pytest keeps in directories of mode 0700.
            user="user root root;" if os.geteuid() == 0 else "",
            directory=directory,
            files=files,
            temporary_paths=_temporary_paths(binary, directory),
            plain=port_of(plain),
            tls=port_of(tls),
            http2=port_of(http2),
            short=port_of(short),
            certificate=certificate,
            key=key,
        )
    )
    command = [binary, "-p", str(directory), "-c", str(configuration), "-e", str(directory / "error.log")]
    # `NGINX` is how a running nginx hands its listening sockets to its successor.
    inherited = {"NGINX": f"{plain.fileno()};{tls.fileno()};{http2.fileno()};{short.fileno()};"}
    where = Nginx(
        http=f"http://127.0.0.1:{port_of(plain)}",
        https=f"https://127.0.0.1:{port_of(tls)}",
        http2=f"https://127.0.0.1:{port_of(http2)}",
        short_lived=f"https://127.0.0.1:{port_of(short)}",
    )
    port = port_of(plain)
    with ServerProcess(command, [plain, tls, http2, short], directory / "output.log", inherited) as process:
        process.require_answer(port)
        yield where


def _temporary_paths(binary: str, directory: Path) -> str:
    """Keep every temporary file here: the compiled-in places belong to the system's own nginx."""
    built = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stderr
    modules = [name for name in ("proxy", "fastcgi", "uwsgi", "scgi") if f"--without-http_{name}_module" not in built]
    lines = [f"{name}_temp_path {directory / name};" for name in modules]
    return "\n    ".join([f"client_body_temp_path {directory / 'bodies'};", *lines])


CONFIGURATION = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;

events {{ worker_connections 2048; }}

http {{
    {temporary_paths}
    access_log off;
    types {{ application/json json; text/plain txt; }}
    default_type application/octet-stream;
    add_header X-Connection $connection always;

    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{http2} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {files};

        location /gzip/ {{ gzip on; gzip_min_length 0; gzip_types text/plain; }}
        location = /204 {{ return 204; }}
        location = /500 {{ return 500 "broken on purpose"; }}
        location = /closing {{ keepalive_timeout 0; return 200 "goodbye"; }}
        location = /three-a-connection {{ keepalive_requests 3; return 200 "ok"; }}
        location = /slow.bin {{ alias {files}/large.bin; limit_rate 200k; }}
        location = /guarded {{
            auth_basic "staff only";
            auth_basic_user_file {directory}/passwords;
            try_files /small.json =404;
        }}
        location = /elsewhere {{ return 302 /small.json; }}
        location = /upload {{ client_max_body_size 1m; return 200 "accepted"; }}
        location = /sink {{
            client_max_body_size 200m;
            client_body_buffer_size 1m;
            proxy_pass http://127.0.0.1:{plain}/emptied;
        }}
        location = /emptied {{ client_max_body_size 200m; return 204; }}
    }}

    server {{
        listen 127.0.0.1:{short} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        keepalive_requests 3;
        location / {{ return 200 "ok"; }}
    }}
}}
"""
