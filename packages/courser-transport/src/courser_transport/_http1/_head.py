"""The fast reader of response heads: accepts the ordinary head, and declines the rest.

Patterns written from the grammar of RFC 9112 must match *every* byte of the head: status line, field lines, CRLF only,
no line folding, no NUL, no space around a name. What it declines is not refused; it goes to the arbiter. The claim
that makes this safe, and that is fuzzed: what this reader accepts, h11 accepts, and reads the same.

A server says most of its lines again and again, so lines that were read once are remembered, with what they mean:
so many of them, so long at most, and none with a secret.
"""

from __future__ import annotations

import operator
import re
import typing
from collections.abc import Callable

from courser_models import Field

# status, version, reason phrase, fields, value by lower name (repeats joined with `, `)
ResponseHead = tuple[int, bytes, bytes, list[Field], dict[bytes, bytes]]

_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9][0-9]) ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*+))?+")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++):[\t ]*+([\t\x20-\x7e\x80-\xff]++)")

# Of all fields at once, and not in a loop: building the index was the longest step of reading a head.
_lower_name_and_value = typing.cast(Callable[[object], tuple[bytes, bytes]], operator.itemgetter(1, 2))

_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 128
_SECRET = {b"set-cookie", b"authentication-info", b"proxy-authentication-info", b"location"}

_statuses: dict[bytes, tuple[int, bytes, bytes]] = {}
_fields: dict[bytes, Field] = {}


def read_head(head: bytes) -> ResponseHead | None:
    """Return what `head`, which ends with an empty line, says; None declines it."""
    try:
        status_line, *lines, empty, rest = head.split(b"\r\n")
    except ValueError:  # not even three
        return None
    if empty or rest:
        return None
    status = _statuses.get(status_line) or _read_status(status_line)
    if status is None:
        return None
    fields = list(map(_fields.get, lines))
    if not all(fields):
        for number, field in enumerate(fields):
            if field is None:
                fields[number] = field = _read_field(lines[number])
                if field is None:
                    return None
    index = dict(map(_lower_name_and_value, fields))
    if len(index) < len(fields):
        index = joined(fields)  # type: ignore[arg-type]
    return *status, fields, index  # type: ignore[return-value]


def _read_status(line: bytes) -> tuple[int, bytes, bytes] | None:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        return None
    version, code, reason = match.groups()
    status = int(code), version, reason or b""
    if len(line) <= _LONGEST_REMEMBERED:
        if len(_statuses) >= _MOST_REMEMBERED:
            _statuses.clear()
        _statuses[line] = status
    return status


def _read_field(line: bytes) -> Field | None:
    match = _FIELD_LINE.fullmatch(line)
    if match is None or line.endswith((b" ", b"\t")):  # white space at the end of a value, or no value at all
        return None
    name, value = match.groups()
    field = name, name.lower(), value
    if len(line) <= _LONGEST_REMEMBERED and field[1] not in _SECRET:
        if len(_fields) >= _MOST_REMEMBERED:
            _fields.clear()
        _fields[line] = field
    return field


def joined(fields: list[Field]) -> dict[bytes, bytes]:
    """Return the value of each name, repeats joined (RFC 9110 §5.3)."""
    index: dict[bytes, bytes] = {}
    for _, lower, value in fields:
        before = index.get(lower)
        index[lower] = value if before is None else b"%b, %b" % (before, value)
    return index
