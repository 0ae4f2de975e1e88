"""Bytes to text, text to lines, and both to pieces of an exact size: each a small incremental machine."""

from __future__ import annotations

import codecs
import re
import sys
import typing
from collections.abc import Callable

from ._fields import parameters

_CHARSET = re.compile(r";\s*charset\s*=\s*([^\s;]+)", re.IGNORECASE)
_LONGEST_NAME = 40  # Python keeps every name it was ever asked for
_NATIVE_ORDER = "-le" if sys.byteorder == "little" else "-be"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")

# Python calls these text encodings, but they are ways to write text inside other text, and reading a body with them
# lets the peer choose what it will mean.
_NOT_CHARSETS = {"unicode-escape", "raw-unicode-escape", "utf-7", "idna", "punycode", "undefined", "mbcs"}


def charset_of(content_type: str | None) -> str | None:
    """Return the `charset` parameter of a `Content-Type` value (RFC 9110 §8.3.2), as it is written there, or None."""
    if not content_type:
        return None
    if '"' in content_type:  # something is quoted, and may hold anything
        return parameters(content_type.partition(";")[2]).get("charset")
    match = _CHARSET.search(content_type)
    return match[1] if match else None


def is_charset(name: str) -> bool:
    """Return whether `name` is an encoding of text that Python knows and a body may be read with."""
    if len(name) > _LONGEST_NAME:
        return False
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(getattr(info, "_is_text_encoding", True)) and info.name.replace("_", "-") not in _NOT_CHARSETS


class TextDecoder:
    """Bytes to text in pieces; a character cut in two waits for its other half. Malformed bytes become U+FFFD."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self._encoding = codecs.lookup(encoding).name
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def decode(self, data: bytes) -> str:
        """Return the text that is complete by now."""
        return self._step(data, False)

    def flush(self) -> str:
        """Return what is left at the end."""
        return self._step(b"", True)

    def _step(self, data: bytes, is_last: bool) -> str:
        try:
            return self._decoder.decode(data, is_last)
        except UnicodeError:
            waiting, state = self._decoder.getstate()
            waiting += data
            if self._encoding not in ("utf-16", "utf-32"):
                # ISO 2022: Python waits for the end of an escape sequence for longer than it can. Then it is none.
                self._decoder.setstate((b"", state))
                return self._decoder.decode(waiting, True)
            # Without a byte order mark bytes.decode() takes this machine's order, and so do we.
            self._decoder = codecs.getincrementaldecoder(self._encoding + _NATIVE_ORDER)(errors="replace")
            return self._decoder.decode(waiting, is_last)


class LineDecoder:
    """Text to lines, without their ends. A line ends with LF, CR or CRLF, and with nothing else.

    U+2028, U+0085, VT and FF are data: JSON may hold them, and splitting there breaks streams of JSON lines.
    """

    def __init__(self) -> None:
        self._unfinished: list[str] = []
        self._skips_lf = False

    def decode(self, text: str) -> list[str]:
        """Return the lines that are complete by now; a CR at the end of `text` completes its line at once."""
        if self._skips_lf and text:
            self._skips_lf = False
            if text[0] == "\n":
                text = text[1:]
        if not text:
            return []
        self._skips_lf = text[-1] == "\r"
        lines = _LINE_BREAK.split(text) if "\r" in text else text.split("\n")
        self._unfinished.append(lines[0])
        if len(lines) == 1:
            return []
        lines[0] = "".join(self._unfinished)
        last = lines.pop()
        self._unfinished = [last] if last else []
        return lines

    def flush(self) -> list[str]:
        """Return the last line, where the text does not end with a line's end."""
        line = "".join(self._unfinished)
        self._unfinished = []
        self._skips_lf = False
        return [line] if line else []


class LineParser:
    """Lines to the values that JSON says they are; `loads` takes bytes, and blank lines are nothing."""

    def __init__(self, loads: Callable[..., typing.Any]) -> None:
        import json

        self._loads = loads
        # Given bytes, `json.loads` guesses their encoding, and here it is known.
        self._takes_text = loads is json.loads
        self._number = 0

    def decode(self, line: str) -> list[typing.Any]:
        """Return the line's value, as the only one of a list; raises `ValueError` with the line's number."""
        self._number += 1
        if self._number == 1:
            line = line.removeprefix("\ufeff")  # a byte order mark, which is no JSON
        if not line.strip(" \t"):
            return []
        try:
            return [self._loads(line if self._takes_text else line.encode("utf-8"))]
        except ValueError as error:
            raise ValueError(f"line {self._number} of the content is not valid JSON: {error}") from error

    def flush(self) -> list[typing.Any]:
        """Return nothing: each line gave its value at once."""
        return []


class ByteChunker:
    """Bytes in pieces of exactly `size`; the last may be shorter."""

    def __init__(self, size: int) -> None:
        self._size = checked_size(size)
        self._buffer = bytearray()

    def decode(self, data: bytes) -> list[bytes]:
        """Return the pieces that are complete by now."""
        self._buffer += data
        whole = len(self._buffer) - len(self._buffer) % self._size
        if not whole:
            return []
        taken = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        return [taken[start : start + self._size] for start in range(0, whole, self._size)]

    def flush(self) -> list[bytes]:
        """Return what is left, as one piece."""
        left = bytes(self._buffer)
        self._buffer.clear()
        return [left] if left else []


class TextChunker:
    """Text in pieces of exactly `size` characters; the last may be shorter."""

    def __init__(self, size: int) -> None:
        self._size = checked_size(size)
        self._buffer = ""

    def decode(self, text: str) -> list[str]:
        """Return the pieces that are complete by now."""
        text = self._buffer + text
        whole = len(text) - len(text) % self._size
        self._buffer = text[whole:]
        return [text[start : start + self._size] for start in range(0, whole, self._size)]

    def flush(self) -> list[str]:
        """Return what is left, as one piece."""
        left, self._buffer = self._buffer, ""
        return [left] if left else []


def checked_size(size: int) -> int:
    if size < 1:
        raise ValueError(f"chunk_size must be at least 1, not {size}")
    return size
