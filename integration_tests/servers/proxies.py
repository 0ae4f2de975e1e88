"""Proxies that others wrote: squid (HTTP and HTTPS, Basic and Digest), tinyproxy, dante and microsocks (SOCKS)."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .certificates import Authority
from .processes import ServerProcess, free_port, program, wait_for

NAME, PASSWORD = "ada", "secret"
_REALM = "courser"


@dataclass(frozen=True)
class Squid:
    """Where squid listens: plain or with TLS to itself, and `guarded` where it wants to know who asks."""

    http: str
    guarded: str
    https: str
    https_guarded: str


@contextmanager
def run_squid(authority: Authority) -> Iterator[Squid]:
    """Run squid, built with OpenSSL; `ServerIsMissing` where there is none."""
    binary = program("squid", "squid-openssl")
    helpers = Path("/usr/lib/squid")
    with _readable_directory() as directory, ExitStack() as held:
        ports = [held.enter_context(free_port()) for _ in range(4)]
        certificate, key = authority.write_server_certificate()
        for path in (certificate, key):
            shutil.copy(path, directory / path.name).chmod(0o644)
        secret = hashlib.md5(f"{NAME}:{_REALM}:{PASSWORD}".encode()).hexdigest()
        (directory / "digest").write_text(f"{NAME}:{_REALM}:{secret}\n")
        # What `openssl passwd -apr1 -salt courser0` makes of the password.
        (directory / "basic").write_text(f"{NAME}:{_APR1}\n")
        configuration = directory / "squid.conf"
        configuration.write_text(
            _SQUID.format(
                directory=directory,
                helpers=helpers,
                realm=_REALM,
                certificate=directory / certificate.name,
                key=directory / key.name,
                ports=ports,
            )
        )
        held.close()
        command = [binary, "-N", "-f", str(configuration)]
        with ServerProcess(command, [], directory / "output.log"):
            for port in ports:
                wait_for(port)
            urls = [f"{scheme}://127.0.0.1:{port}" for scheme, port in zip(_SCHEMES, ports, strict=True)]
            yield Squid(*urls)


_SCHEMES = ("http", "http", "https", "https")
_APR1 = "$apr1$courser0$RtG/S.2p.2mB.Ws4DVzsx."

_SQUID = """\
http_port 127.0.0.1:{ports[0]} name=open
http_port 127.0.0.1:{ports[1]} name=guarded
https_port 127.0.0.1:{ports[2]} tls-cert={certificate} tls-key={key} name=tls_open
https_port 127.0.0.1:{ports[3]} tls-cert={certificate} tls-key={key} name=tls_guarded
auth_param digest program {helpers}/digest_file_auth -c {directory}/digest
auth_param digest realm {realm}
auth_param digest children 2 startup=1
auth_param basic program {helpers}/basic_ncsa_auth {directory}/basic
auth_param basic realm {realm}
auth_param basic children 2 startup=1
acl is_guarded myportname guarded tls_guarded
acl is_known proxy_auth REQUIRED
http_access deny is_guarded !is_known
http_access allow all
cache deny all
cache_mem 8 MB
memory_pools off
access_log none
cache_log {directory}/cache.log
cache_store_log none
pid_filename none
coredump_dir {directory}
icp_port 0
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.example
forwarded_for delete
via off
"""


@dataclass(frozen=True)
class Tinyproxy:
    """Where tinyproxy listens, without and with credentials."""

    http: str
    guarded: str


@contextmanager
def run_tinyproxy(directory: Path) -> Iterator[Tinyproxy]:
    """Run tinyproxy twice; `ServerIsMissing` where there is none."""
    binary = program("tinyproxy", "tinyproxy-bin")
    with ExitStack() as running:
        urls = []
        for number, guard in enumerate(["", f"BasicAuth {NAME} {PASSWORD}\n"]):
            with free_port() as port:
                pass
            configuration = directory / f"tinyproxy-{number}.conf"
            configuration.write_text(
                f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 30\nMaxClients 100\nLogLevel Error\n{guard}"
            )
            command = [binary, "-d", "-c", str(configuration)]
            running.enter_context(ServerProcess(command, [], directory / f"tinyproxy-{number}.log"))
            wait_for(port)
            urls.append(f"http://127.0.0.1:{port}")
        yield Tinyproxy(*urls)


@contextmanager
def run_dante(directory: Path) -> Iterator[str]:
    """Run dante, which speaks SOCKS 4 and 5 to everybody; yield `127.0.0.1:port`."""
    binary = program("danted", "dante-server")
    with free_port() as port:
        pass
    configuration = directory / "danted.conf"
    configuration.write_text(_DANTE.format(port=port))
    command = [binary, "-f", str(configuration), "-p", str(directory / "danted.pid")]
    with ServerProcess(command, [], directory / "output.log"):
        wait_for(port)
        yield f"127.0.0.1:{port}"


_DANTE = """\
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
user.unprivileged: nobody
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""


@contextmanager
def run_microsocks(directory: Path) -> Iterator[str]:
    """Run microsocks, which speaks SOCKS 5 to those who know the password; yield `127.0.0.1:port`."""
    binary = program("microsocks", "microsocks")
    with free_port() as port:
        pass
    command = [binary, "-i", "127.0.0.1", "-p", str(port), "-u", NAME, "-P", PASSWORD]
    with ServerProcess(command, [], directory / "output.log"):
        wait_for(port)
        yield f"127.0.0.1:{port}"


@contextmanager
def _readable_directory() -> Iterator[Path]:
    """Make a directory that a server which gives up root can read and write."""
    with tempfile.TemporaryDirectory(prefix="courser-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        yield directory
