"""The command line, beside that of HTTPX 0.28.1: the same arguments, and the same on the screen."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import courser

from .ecosystem.server import Server, run_server
from .servers.certificates import Authority
from .servers.nginx import Nginx


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with run_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process; return its exit code and what it printed."""

    def run(main: Callable[[list[str]], object], *arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out + shown.err

    return run


def without_time(shown: str) -> str:
    return re.sub(r"\d\d:\d\d:\d\d GMT", "now", shown)


# Who asks, and what he understands, is what is meant to differ.
SAME = ["-h", "User-Agent", "somebody", "-h", "Accept-Encoding", "identity"]

ASKED = {
    "get": ["/echo"],
    "a method": ["/echo", "-m", "DELETE"],
    "params": ["/echo", "-p", "a", "1", "--params", "b", "2 3"],
    "content": ["/echo", "-c", "some text"],
    "a form": ["/echo", "-d", "name", "tea", "--data", "size", "big"],
    "json": ["/echo", "-j", '{"name": ["tea", 1.5, null]}'],
    "headers": ["/echo", "-h", "X-One", "1", "--headers", "X-Two", "2"],
    "cookies": ["/echo", "--cookies", "seen", "yes"],
    "credentials": ["/echo", "--auth", "ada", "secret"],
    "no success": ["/nowhere"],
    "a redirect": ["/hub/me/model/resolve/main/w.bin"],
    "a redirect that is followed": ["/hub/me/model/resolve/main/w.bin", "--follow-redirects"],
    "no content": ["/echo", "-m", "HEAD"],
    "verbose": ["/echo", "-v"],
    "verbose, with a body": ["/echo", "--verbose", "-j", "[1]"],
    "a stream": ["/events"],
}


@pytest.mark.parametrize("arguments", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("colours", [False, True], ids=["plain", "colours"])
def test_the_screen_is_the_same(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], colours: bool
) -> None:
    if colours:
        monkeypatch.setenv("FORCE_COLOR", "1")
    path, *options = arguments

    theirs = run(httpx.main, server.url + path, *SAME, *options)
    ours = run(courser.main, server.url + path, *SAME, *options)

    assert ours[0] == theirs[0]
    assert without_time(ours[1]) == without_time(theirs[1])
    assert ours[1]


def test_files_are_sent(server: Server, run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_bytes(b"all well")

    code, _ = run(courser.main, f"{server.url}/echo", "-f", "report", str(tmp_path / "r.txt"), "-d", "to", "me")

    assert code == 0
    assert server.requests[-1].method == "POST"
    assert b'name="report"; filename="r.txt"' in server.requests[-1].body


def test_content_is_downloaded(server: Server, run: Run, tmp_path: Path) -> None:
    files = {main: tmp_path / f"{name}.bin" for name, main in {"theirs": httpx.main, "ours": courser.main}.items()}

    screens = [run(main, f"{server.url}/hub/store/w.bin", "--download", str(file)) for main, file in files.items()]

    contents = {file.read_bytes() for file in files.values()}
    assert contents == {bytes(range(256)) * 4096}
    assert [code for code, _ in screens] == [0, 0]
    assert all("Downloading" in shown and "100%" in shown for _, shown in screens)


def test_the_query_of_the_url_is_kept_where_there_are_no_params(server: Server, run: Run) -> None:
    run(courser.main, f"{server.url}/echo?a=1")

    assert server.requests[-1].args == {"a": "1"}


def test_tls_is_shown(nginx: Nginx, authority: Authority, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    theirs = run(httpx.main, f"{nginx.https}/small.json", *SAME, "-v")
    ours = run(courser.main, f"{nginx.https}/small.json", *SAME, "-v")

    # Which connection it was, and when, nginx says itself.
    changing = re.compile(r"X-Connection: .*|Date: .*|Connected to .*")
    assert "* SSL established using" in ours[1]
    assert "* Server certificate:" in ours[1]
    assert changing.sub("", ours[1]) == changing.sub("", theirs[1])


def test_http2_is_spoken(nginx: Nginx, run: Run) -> None:
    code, shown = run(courser.main, f"{nginx.http2}/small.json", "--http2", "--no-verify", "-v")

    assert code == 0
    assert "* Selected ALPN protocol: 'h2'" in shown
    assert "GET /small.json HTTP/2" in shown
    assert "HTTP/2 200 OK" in shown


def test_nobody_there_is_told_on_the_screen(run: Run) -> None:
    code, shown = run(courser.main, "http://127.0.0.1:9/")

    assert code == 1
    assert shown.startswith("ConnectError: connecting to 127.0.0.1:9 ")


def test_what_is_no_url_is_told_on_the_screen(run: Run) -> None:
    assert run(courser.main, "http://[")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["-j", "{"], "not valid JSON"), (["--proxy", "nonsense"], "such as http://proxy"), (["--timeout", "-1"], "-1")],
    ids=["json", "proxy", "timeout"],
)
def test_what_is_no_value_is_told_on_the_screen(run: Run, arguments: list[str], complaint: str) -> None:
    code, shown = run(courser.main, "http://127.0.0.1:9/", *arguments)

    assert code == 2
    assert complaint in shown


def test_a_proxy_is_asked(server: Server, run: Run) -> None:
    code, _ = run(courser.main, "http://nowhere.invalid/echo", "--proxy", server.url)

    assert code == 0
    assert server.requests[-1].headers["host"] == "nowhere.invalid"


def test_help_names_the_same_options(run: Run) -> None:
    code, ours = run(courser.main, "--help")
    _, theirs = run(httpx.main, "--help")

    options = re.compile(r"^ (-[^ ]+(?:, --[^ ]+)?(?: (?:[A-Z]+|<[A-Z ]+>)(?: \.\.\.)?)?) ", re.MULTILINE)
    assert code == 0
    assert len(options.findall(ours)) == 17
    assert options.findall(ours) == options.findall(theirs)


@pytest.mark.parametrize(
    "command", [[sys.executable, "-m", "courser"], [str(Path(sys.executable).with_name("courser"))]]
)
def test_it_is_a_program(server: Server, command: list[str]) -> None:
    ended = subprocess.run([*command, f"{server.url}/nowhere"], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.startswith("HTTP/1.1 404 Not Found")
