"""The fast reader of response heads: accepts the ordinary head, and declines the rest.

One compiled pattern, written from the grammar of RFC 9112, must match *every* byte of the head: status line, field
lines, CRLF only, no line folding, no NUL, no space around a name. What it declines is not refused; it goes to the
arbiter. The claim that makes this safe, and that is fuzzed: what this reader accepts, h11 accepts, and reads the
same.
"""

from __future__ import annotations

import re

from courser_models import Field

# status, version, reason phrase, fields, value by lower name (repeats joined with `, `)
ResponseHead = tuple[int, bytes, bytes, list[Field], dict[bytes, bytes]]

_HEAD = re.compile(
    rb"(HTTP/1\.[01]) ([1-9][0-9][0-9]) ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*+))?+\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)
_FIELD = re.compile(rb"([^:]++):[\t ]*+([^\r]*+)\r\n")


def read_head(head: bytes) -> ResponseHead | None:
    """Return what `head`, which ends with an empty line, says; None declines it."""
    match = _HEAD.fullmatch(head)
    if match is None:
        return None
    version, status, reason, lines = match.groups()
    if b" \r\n" in lines or b"\t\r\n" in lines:  # white space at the end of a value, or no value at all
        return None
    fields = [(name, name.lower(), value) for name, value in _FIELD.findall(lines)]
    index = {lower: value for _, lower, value in fields}
    if len(index) < len(fields):
        index = joined(fields)
    return int(status), version, reason or b"", fields, index


def joined(fields: list[Field]) -> dict[bytes, bytes]:
    """Return the value of each name, repeats joined (RFC 9110 §5.3)."""
    index: dict[bytes, bytes] = {}
    for _, lower, value in fields:
        before = index.get(lower)
        index[lower] = value if before is None else b"%b, %b" % (before, value)
    return index
