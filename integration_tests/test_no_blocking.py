"""Nothing that a request does holds up its event loop: there it waits for no file, certificate, name or socket.

While a program runs, whatever blocks is refused in the thread of the loop, and may be done in any other. Python reports
files, names and sleeping by itself (PEP 578); certificates and blocking sockets are watched where they are called.
"""

import asyncio
import ipaddress
import mimetypes
import socket
import ssl
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import courser

from .servers.certificates import Authority
from .servers.nginx import SMALL, Nginx
from .worlds import Asyncio, Trio, World

REPORTED = {"open", "socket.getaddrinfo", "socket.gethostbyname", "time.sleep", "os.listdir", "subprocess.Popen"}
OF_SOCKETS = ("accept", "connect", "recv", "recv_into", "send", "sendall")
OF_CERTIFICATES = ("load_cert_chain", "load_default_certs", "load_verify_locations", "set_default_verify_paths")

_guarded: dict[int, list[str]] = {}  # by thread: what was done in it


def _note(what: str) -> None:
    done = _guarded.get(threading.get_ident())
    if done is not None:
        # Without the lines themselves: whoever formats a traceback opens files.
        frames = [f"{name}:{line}" for name, line in _frames()]
        is_ours = any("/courser_" in frame for frame in frames)
        is_loading_a_module = any(frame.startswith("<frozen importlib") for frame in frames)
        if is_ours and not is_loading_a_module:  # which happens once in a process
            done.append(f"{what}, from " + ", ".join(frames[1:9]))


def _frames() -> Iterator[tuple[str, int]]:
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in REPORTED and _guarded and not (event == "socket.getaddrinfo" and _is_address(arguments[0])):
        _note(f"{event} {arguments!r}")


def _is_address(host: str) -> bool:
    """Return whether nobody has to be asked for this host."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


sys.addaudithook(_hook)  # there is no way to take it back, so it does nothing unless a thread is guarded


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Return what guards the thread that it is entered in."""
    for name in OF_SOCKETS:
        monkeypatch.setattr(socket.socket, name, _noted_if_blocking(getattr(socket.socket, name), name))
    for name in OF_CERTIFICATES:
        monkeypatch.setattr(ssl.SSLContext, name, _noted(getattr(ssl.SSLContext, name), name))

    @contextmanager
    def guarding() -> Iterator[None]:
        done = _guarded[threading.get_ident()] = []
        try:
            yield
        finally:
            del _guarded[threading.get_ident()]
        assert not done, "\n".join(done)

    return guarding


def _noted(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        _note(name)
        return method(self, *arguments, **keywords)

    return call


def _noted_if_blocking(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(self: socket.socket, *arguments: Any, **keywords: Any) -> Any:
        if self.gettimeout() != 0.0:
            _note(f"{name} of a blocking socket")
        return method(self, *arguments, **keywords)

    return call


@pytest.fixture(params=[Asyncio(), Trio()], ids=lambda world: world.name)
def loop(request: pytest.FixtureRequest) -> World:
    chosen: World = request.param
    return chosen


def run(loop: World, guard: Callable[[], Any], program: Callable[[courser.AsyncClient], Any], **settings: Any) -> Any:
    """Run a program; that it makes and closes a client is not part of what is guarded."""

    async def guarded(client: courser.AsyncClient) -> Any:
        with guard():
            return await program(client)

    return loop.run(guarded, **settings)


def test_names_are_looked_up_elsewhere(loop: World, guard: Callable[[], Any], nginx: Nginx) -> None:
    url = nginx.http.replace("127.0.0.1", "localhost")

    async def program(client: courser.AsyncClient) -> bytes:
        return (await client.get(f"{url}/small.json")).content

    assert run(loop, guard, program) == SMALL


@pytest.mark.parametrize("http2", [False, True])
def test_https_is_spoken_without_waiting(
    loop: World, guard: Callable[[], Any], nginx: Nginx, authority: Authority, http2: bool
) -> None:
    async def program(client: courser.AsyncClient) -> bytes:
        return (await client.get(f"{nginx.http2 if http2 else nginx.https}/small.json")).content

    assert run(loop, guard, program, verify=authority.client_context(), http2=http2) == SMALL


def test_the_authorities_of_certifi_are_loaded_elsewhere(loop: World, guard: Callable[[], Any], nginx: Nginx) -> None:
    async def program(client: courser.AsyncClient) -> None:
        with pytest.raises(courser.ConnectError, match="the certificate is not trusted"):
            await client.get(f"{nginx.https}/small.json")

    run(loop, guard, program)


def test_the_authorities_of_the_environment_are_loaded_elsewhere(
    loop: World, guard: Callable[[], Any], nginx: Nginx, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    async def program(client: courser.AsyncClient) -> bytes:
        return (await client.get(f"{nginx.https}/small.json")).content

    assert run(loop, guard, program) == SMALL


def test_the_authorities_of_one_request_are_loaded_elsewhere(
    loop: World, guard: Callable[[], Any], nginx: Nginx, authority: Authority
) -> None:
    async def program(client: courser.AsyncClient) -> bytes:
        extensions = {"verify": str(authority.bundle)}
        return (await client.get(f"{nginx.https}/small.json", extensions=extensions)).content

    assert run(loop, guard, program) == SMALL


@pytest.mark.parametrize("how", ["content", "files"])
def test_files_are_read_elsewhere(
    loop: World, guard: Callable[[], Any], httpbin: str, tmp_path: Path, how: str
) -> None:
    mimetypes.init()  # reads a file, once in a process
    path = tmp_path / "upload"
    path.write_bytes(b"x" * 1_000_000)

    with path.open("rb") as file:

        async def program(client: courser.AsyncClient) -> int:
            arguments: dict[str, Any] = {"content": file} if how == "content" else {"files": {"upload": file}}
            return (await client.post(f"{httpbin}/post", **arguments)).status_code

        assert run(loop, guard, program) == 200


def test_credentials_in_a_file_are_read_elsewhere_or_before(
    loop: World, guard: Callable[[], Any], httpbin: str, tmp_path: Path
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ada password secret\n")
    file.chmod(0o600)

    async def program(client: courser.AsyncClient) -> int:
        return (await client.get(f"{httpbin}/basic-auth/ada/secret")).status_code

    assert run(loop, guard, program, auth=courser.NetRCAuth(file)) == 200


def test_a_client_without_files_is_made_and_used_and_closed_in_a_loop_without_waiting(
    loop: World, guard: Callable[[], Any], nginx: Nginx
) -> None:
    async def program(_: courser.AsyncClient) -> bytes:
        async with courser.AsyncClient(auth=("ada", "secret"), follow_redirects=True) as client:
            return (await client.get(f"{nginx.http}/elsewhere")).content

    assert run(loop, guard, program) == SMALL


def test_the_guard_sees_what_blocks(guard: Callable[[], Any]) -> None:
    def blocking(request: courser.Request) -> courser.Response:
        with Path(__file__).open():
            return courser.Response(200)

    async def program() -> None:
        with guard():
            async with courser.AsyncClient(transport=courser.MockTransport(blocking)) as client:
                await client.get("http://x.example/")

    with pytest.raises(AssertionError, match="open"):
        asyncio.run(program())
