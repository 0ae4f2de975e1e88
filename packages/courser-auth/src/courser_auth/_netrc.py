"""`NetRCAuth`: the password that a `.netrc` file has for the host of a request.

The one idea: the file is a list of words. `machine` and `default` begin an entry, `login`, `password` and `account`
take the word after them, `macdef` runs to the next empty line and is passed over.
"""

from __future__ import annotations

import os
import re
import stat
import typing
from collections.abc import Generator
from pathlib import Path

from courser_models import Request, Response

from ._auth import Auth
from ._basic import BasicAuth
from ._exceptions import CredentialsFileError

# A quoted word, a bare one, or nothing at all; quoted or not, a backslash takes the next character as it is.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|\Z)|((?:[^\s\\]|\\.|\\\Z)+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MACRO = re.compile(r"[^\n]*\n(?:[^\S\n]*\S[^\n]*(?:\n|\Z))*|[^\n]*\Z")
_COMMENT = re.compile(r"[^\n]*")
_ENDS_OF_LINES = re.compile(r"\r\n?")


class NetRCAuth(Auth):
    """Basic authentication with what a netrc file says of the request's host; without an entry nothing is added.

    `file` is the file; without it that of the environment variable `NETRC`, or else `~/.netrc` (`~/_netrc` where only
    that exists). It is read once, here. An entry is found by the host of the URL alone, whatever the `Host` field says,
    and `default` serves hosts without an entry. An entry without a password adds nothing.

    Raises `OSError` where there is no such file, and `CredentialsFileError`, a `ValueError`, for one that is no netrc
    file, or is `~/.netrc` and can be read by other users of a POSIX system.
    """

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        path, is_own = _find(file)
        with path.open("rb") as opened:
            if is_own:
                _check_privacy(path, opened.fileno())
            content = opened.read()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise CredentialsFileError(f"{path}, line {line}: this is not UTF-8") from None
        self._entries = {host: _scheme(entry, path) for host, entry in _read(text, path).items()}

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        url = request.url
        for host in (url.raw_host.decode("ascii"), url.host, ""):
            if host in self._entries:
                scheme = self._entries[host]
                if scheme is not None:
                    yield from scheme.auth_flow(request)
                    return
                break
        yield request


def _find(file: str | os.PathLike[str] | None) -> tuple[Path, bool]:
    """Return the file to read, and whether it is the one of the home folder, which nobody named."""
    named = os.environ.get("NETRC") if file is None else file
    if named:
        return Path(named).expanduser(), False
    usual, other = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    return (other if other.exists() and not usual.exists() else usual), True


def _check_privacy(path: Path, descriptor: int) -> None:
    if os.name == "posix":
        status = os.fstat(descriptor)
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise CredentialsFileError(f"{path} can be read by other users; make it private: chmod 600")


class _Entry(typing.NamedTuple):
    login: str
    password: str
    line: int


def _scheme(entry: _Entry, path: Path) -> BasicAuth | None:
    if not entry.password:
        return None
    try:
        return BasicAuth(entry.login, entry.password)
    except ValueError as error:
        raise CredentialsFileError(f"{path}, line {entry.line}: {error}") from None


def _read(text: str, path: Path) -> dict[str, _Entry]:
    """Return the entries by host, that of `default` by the empty one; of several for a host the last counts.

    Errors name the line and never the word, which may be a password.
    """
    text = _ENDS_OF_LINES.sub("\n", text)
    entries: dict[str, _Entry] = {}
    host: str | None = None
    words = _Words(text, path)
    while (word := words.next()) is not None:
        if word == "machine":
            host = words.value_of(word).lower()
            entries[host] = _Entry("", "", words.line)
        elif word == "default":
            host = ""
            entries[host] = _Entry("", "", words.line)
        elif word == "macdef":
            words.skip(_MACRO)
        elif word.startswith("#"):
            words.skip(_COMMENT)
        elif host is None or word not in ("login", "user", "password", "account"):
            raise words.error("this is none of machine, default, login, password, account and macdef")
        elif word == "password":
            entries[host] = entries[host]._replace(password=words.value_of(word))
        elif word != "account":
            entries[host] = entries[host]._replace(login=words.value_of(word))
        else:
            words.value_of(word)
    return entries


class _Words:
    """The words of a netrc file, one after the other."""

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path = text, path
        self._position = self._start = 0

    @property
    def line(self) -> int:
        return self._text.count("\n", 0, self._start) + 1

    def next(self) -> str | None:
        found = _WORD.search(self._text, self._position)
        if found is None:
            return None
        self._start, self._position = found.start(), found.end()
        return _ESCAPED.sub(r"\1", found[2] if found[1] is None else found[1])

    def value_of(self, keyword: str) -> str:
        value = self.next()
        if value is None:
            raise self.error(f"nothing follows {keyword}")
        return value

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._position)
        self._position = len(self._text) if found is None else found.end()

    def error(self, what: str) -> CredentialsFileError:
        return CredentialsFileError(f"{self._path}, line {self.line}: {what}")
