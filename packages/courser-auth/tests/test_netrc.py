"""`NetRCAuth`: which file, which entry, and files that are no netrc."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from courser_auth import CredentialsFileError, NetRCAuth
from courser_models import Request

FILE = """\
# two machines and everybody else
machine example.org login ada password secret   # the one for work

machine Other.Example.org
    login "user \\"two\\""
    account none
    password pass#\\ word
macdef init
machine evil.example login mallory password stolen
cd /pub

machine without-password login ada
machine bücher.example login é password ü
default login anonymous password guest@
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    return tmp_path


def written(path: Path, text: str | bytes = FILE, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def credentials(auth: NetRCAuth, host: str, **options: Any) -> str | None:
    """Return `username:password` as they go to a host, or None."""
    request = next(auth.sync_auth_flow(Request("GET", f"https://{host}/", **options)))
    field = request.headers.get("Authorization")
    return None if field is None else base64.b64decode(field.removeprefix("Basic ")).decode()


def test_each_host_gets_what_its_entry_says(tmp_path: Path) -> None:
    auth = NetRCAuth(written(tmp_path / "any"))

    hosts = [
        "example.org",
        "EXAMPLE.org:8443",
        "other.example.org",
        "www.example.org",
        "evil.example",
        "without-password",
    ]
    assert [credentials(auth, host) for host in hosts] == [
        *["ada:secret"] * 2,
        'user "two":pass# word',
        *["anonymous:guest@"] * 2,
        None,
    ]
    assert credentials(auth, "bücher.example") == credentials(auth, "xn--bcher-kva.example") == "é:ü"


def test_the_host_of_the_url_decides_whatever_else_is_said(tmp_path: Path) -> None:
    auth = NetRCAuth(str(written(tmp_path / "any", "machine example.org login a password b")))

    assert credentials(auth, "evil.example", headers={"Host": "example.org"}) is None
    assert credentials(auth, "example.org:x@evil.example") is None
    assert credentials(auth, "example.org.evil.example") is None


def test_the_last_entry_of_a_host_counts(tmp_path: Path) -> None:
    text = "machine h login a password b\nmachine h login c password d machine g login e"

    assert credentials(NetRCAuth(written(tmp_path / "any", text)), "h") == "c:d"


@pytest.mark.parametrize(
    "text",
    [
        "machine h login a password b",
        "machine\nh\nlogin\na\r\npassword\r\nb\r\n",
        "\ufeffmachine h user a password b",
        'machine "h" login "a" password "b"',
        "macdef init\r\nmachine h login evil password evil\r\n\r\nmachine h login a password b",
        "machine h login a password b macdef last\nlogin evil",
        "machine h login a password b\nmacdef last",
        "#comment machine\nmachine h password b login a # machine g",
        "machine h login a password b #",
    ],
)
def test_the_same_in_many_forms(text: str, tmp_path: Path) -> None:
    assert credentials(NetRCAuth(written(tmp_path / "any", text)), "h") == "a:b"


def test_without_a_file_the_environment_or_the_home_has_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        NetRCAuth()
    written(home / "_netrc", "machine h login second password s")
    assert credentials(NetRCAuth(), "h") == "second:s"
    written(home / ".netrc", "machine h login first password f")
    assert credentials(NetRCAuth(), "h") == "first:f"
    written(home / "elsewhere", "machine h login named password n")
    monkeypatch.setenv("NETRC", "~/elsewhere")
    assert credentials(NetRCAuth(), "h") == "named:n"
    assert credentials(NetRCAuth(home / ".netrc"), "h") == "first:f"


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_the_file_of_the_home_must_be_private_and_one_that_was_named_need_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home / ".netrc", mode=0o644)

    with pytest.raises(CredentialsFileError, match="can be read by other users; make it private: chmod 600"):
        NetRCAuth()
    assert credentials(NetRCAuth(home / ".netrc"), "example.org") == "ada:secret"
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    assert credentials(NetRCAuth(), "example.org") == "ada:secret"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("machine", "line 1: nothing follows machine"),
        ("machine h\nlogin", "line 2: nothing follows login"),
        ("machine h login a\n\npassword", "line 3: nothing follows password"),
        ("machine h login a password b\nsecret", "line 2: this is none of machine, default, login, password"),
        ("login secret", "line 1: this is none of machine"),
        ("machine h password two secret", "line 1: this is none of machine"),
        ("\nmachine h login se:cret password secret", "line 2: a username with a colon cannot be sent"),
        (b"machine h\nlogin a password secret\xff", "line 2: this is not UTF-8"),
    ],
)
def test_a_file_of_something_else_is_refused_and_not_shown(text: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsFileError, match=message) as caught:
        NetRCAuth(written(tmp_path / "any", text))

    assert "secret" not in str(caught.value)


def test_repr_shows_no_secret(tmp_path: Path) -> None:
    assert "secret" not in repr(NetRCAuth(written(tmp_path / "any")))
