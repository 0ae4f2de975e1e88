"""Cookies in files: JSON, which keeps everything, and the `cookies.txt` that Netscape began.

Cookies are credentials: a file is private to its owner, is replaced as a whole, and no error shows what it holds.
"""

from __future__ import annotations

import json
import os
import re
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from courser_models import Cookie

from ._exceptions import CredentialsFileError

_VERSION = 1
_FIRST_LINE = "# Netscape HTTP Cookie File"
_HTTP_ONLY = "#HttpOnly_"
_UNSENDABLE = re.compile(r"[^\t\x20-:<-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]*)?")
_OF_TYPE: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "value": (str,),
    "domain": (str,),
    "path": (str,),
    "expires": (int, float, type(None)),
    "is_host_only": (bool,),
    "is_secure": (bool,),
    "is_http_only": (bool,),
    "has_path": (bool,),
    "same_site": (str,),
}


def write_file(
    file: str | os.PathLike[str], format: typing.Literal["json", "netscape"] | None, cookies: Sequence[Cookie]
) -> None:
    """Write `cookies` in a new file, and put it in the place of `file` once it is whole."""
    # A link stays one: what it leads to is replaced.
    path = Path(os.path.realpath(file))
    if (format or _format_of(path)) == "json":
        text = json.dumps({"version": _VERSION, "cookies": [cookie._asdict() for cookie in cookies]}, indent=1) + "\n"
    else:
        text = "".join(f"{line}\n" for line in [_FIRST_LINE, *_netscape_lines(cookies)])
    import tempfile  # loads much, and few programs save cookies

    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # which only its owner can read
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def read_file(file: str | os.PathLike[str]) -> list[Cookie]:
    """Return the cookies of a file in either format; raises `CredentialsFileError` where it is neither."""
    try:
        text = Path(file).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise CredentialsFileError(f"{os.fspath(file)} is not UTF-8") from None
    read = _read_json if text.lstrip().startswith("{") else _read_netscape
    cookies = []
    for place, cookie in read(text, os.fspath(file)):
        # What no server could have set, a file may not bring: it would make requests fail later.
        is_whole = cookie.name and "=" not in cookie.name and not _UNSENDABLE.search(cookie.name + cookie.value)
        if not is_whole or _CONTROL.search(cookie.domain + cookie.path):
            raise CredentialsFileError(f"{os.fspath(file)}, {place}: this cookie could not be sent")
        cookies.append(cookie)
    return cookies


def _format_of(path: Path) -> str:
    formats = {".json": "json", ".txt": "netscape"}
    if path.suffix.lower() not in formats:
        raise ValueError(f"{path.name!r} does not tell its format; name it .json or .txt, or give format=")
    return formats[path.suffix.lower()]


def _read_json(text: str, file: str) -> Iterator[tuple[str, Cookie]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsFileError(f"{file} begins like JSON and is none") from None
    if content.get("version") != _VERSION or not isinstance(content.get("cookies"), list):
        raise CredentialsFileError(f"{file} is JSON, and not the cookies of a CookieStore")
    for number, given in enumerate(content["cookies"], start=1):
        place = f"cookie {number}"
        if not isinstance(given, dict) or not {"name", "value", "domain", "path"} <= given.keys() <= _OF_TYPE.keys():
            raise CredentialsFileError(f"{file}, {place}: a part is missing or unknown")
        for part, value in given.items():
            if not isinstance(value, _OF_TYPE[part]) or (part == "expires" and not _is_time(value)):
                raise CredentialsFileError(f"{file}, {place}: {part} is not what it should be")
        yield place, Cookie(**given)


def _is_time(value: object) -> bool:
    # Infinity and NaN are numbers in Python's JSON, and true is an int.
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12)


def _netscape_lines(cookies: Sequence[Cookie]) -> Iterator[str]:
    for cookie in cookies:
        if not cookie.domain or "\t" in cookie.name + cookie.path:
            continue  # the format has no place for it
        prefix = _HTTP_ONLY if cookie.is_http_only else ""
        domain = cookie.domain if cookie.is_host_only else f".{cookie.domain}"
        flags = ["FALSE" if cookie.is_host_only else "TRUE", cookie.path, "TRUE" if cookie.is_secure else "FALSE"]
        # The end of a session is written as the time zero.
        end = "0" if cookie.expires is None else str(max(int(cookie.expires), 1))
        yield "\t".join([prefix + domain, *flags, end, cookie.name, cookie.value])


def _read_netscape(text: str, file: str) -> Iterator[tuple[str, Cookie]]:
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        is_http_only = line.startswith(_HTTP_ONLY)
        line = line.removeprefix(_HTTP_ONLY)
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t", 6)
        place = f"line {number}"
        if len(parts) == 6:
            parts.append("")  # an empty value, whose tab an editor took away
        if len(parts) != 7 or not _NUMBER.fullmatch(parts[4] or "0"):
            raise CredentialsFileError(f"{file}, {place}: these are not the seven parts of a cookie")
        domain, reaches_below, path, is_secure, end, name, value = parts
        yield (
            place,
            Cookie(
                name,
                value,
                domain.removeprefix(".").lower(),
                path or "/",
                float(end or 0) or None,
                is_host_only=reaches_below.upper() != "TRUE",
                is_secure=is_secure.upper() == "TRUE",
                is_http_only=is_http_only,
                has_path=True,
            ),
        )
