"""A request as HTTP/2's field list, and a response out of one (RFC 9113 §8), each checked as a whole by one pattern.

Names are lower case; what HTTP/1.1 says about a connection, HTTP/2 says in frames, so those fields do not travel; what
stood in the first line of HTTP/1.1 stands in pseudo-fields, whose names begin with a colon.
"""

from __future__ import annotations

import re

from courser_models import Field, LocalProtocolError, Request

from .._http1._head import joined

_NAME = rb"[!#$%&'*+\-.^_`|~0-9a-z]++"
_VALUE = rb"(?:[\x21-\x7e\x80-\xff]++(?:[\t ]++[\x21-\x7e\x80-\xff]++)*+)?+"
_FIELDS = re.compile(rb"(?:%b:%b\n)*+" % (_NAME, _VALUE))
_FIELD = re.compile(rb"%b:%b" % (_NAME, _VALUE))
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_TARGET = re.compile(rb"[\x21-\x7e]++")
_STATUS = re.compile(rb"[1-9][0-9][0-9]")
_LENGTH = re.compile(rb"[0-9]{1,18}")

# About the connection, and not about the message (RFC 9113 §8.2.2): another protocol's words for what frames say.
_OF_CONNECTION = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding"}
_NOT_IN_RESPONSES = {*_OF_CONNECTION, b"upgrade"}
# What is meant for a proxy goes to nobody else.
_OF_PROXY = b"proxy-authorization"
_SPECIAL = {*_OF_CONNECTION, _OF_PROXY, b"upgrade", b"te", b"host", b"cookie", b"content-length"}
_SECRET = {b"authorization", b"cookie"}

# name, value, and whether nobody may remember it
FieldList = list[tuple[bytes, bytes, bool]]
# status, fields, value by name (repeats joined)
Head = tuple[int, list[Field], dict[bytes, bytes]]


class Malformed(Exception):
    """A field list that RFC 9113 does not allow; its message goes on after the peer's name."""


def request_fields(request: Request) -> tuple[FieldList, int | None]:
    """Return the field list of a request, and the length that it announces for its body.

    `Host` becomes `:authority`, fields about the connection are left out, and cookies leave one by one, which
    compresses better (RFC 9113 §8.2.3).

    Raises `LocalProtocolError` for a request that RFC 9113 does not allow to be sent.
    """
    method = request.method.encode("ascii", "replace")
    if _METHOD.fullmatch(method) is None or not request.method.isascii():
        raise LocalProtocolError(f"method {request.method!r} is not a token (RFC 9110 §5.6.2)")
    if method == b"CONNECT":
        raise LocalProtocolError("CONNECT is not sent over HTTP/2; use a transport with http2=False for tunnels")
    url = request.url
    target = request.extensions.get("target")
    if target is None:
        target = url.raw_path
    if _TARGET.fullmatch(target) is None:
        raise LocalProtocolError("a request's target is neither empty nor holds spaces or control characters")
    host: bytes | None = None
    length: int | None = None
    fields: FieldList = []
    for _, name, value in request.headers.fields:
        if name not in _SPECIAL:
            fields.append((name, value, name in _SECRET))
        elif name == b"host":
            if host is not None:
                raise LocalProtocolError("host is given 2 times; once is all HTTP allows")
            host = value
        elif name == b"cookie":
            fields += [(name, crumb, True) for crumb in value.split(b"; ")]
        elif name == b"content-length":
            if length is not None or _LENGTH.fullmatch(value) is None:
                raise LocalProtocolError(f"Content-Length is {value[:30]!r}, which is no number of bytes, or not alone")
            length = int(value)
            fields.append((name, value, False))
        elif name == b"te":
            if value.lower() != b"trailers":
                raise LocalProtocolError("TE may only say «trailers» over HTTP/2 (RFC 9113 §8.2.2)")
            fields.append((name, b"trailers", False))
        elif name == b"upgrade":
            raise LocalProtocolError("HTTP/2 has no Upgrade (RFC 9113 §8.6); use a client with http2=False for this")
    authority = url.netloc if host is None else host
    if _TARGET.fullmatch(authority) is None:
        raise LocalProtocolError("a request needs a host without spaces and control characters (RFC 9113 §8.3.1)")
    check(fields)
    return [
        (b":method", method, False),
        (b":scheme", url.raw_scheme, False),
        (b":authority", authority, False),
        (b":path", target, False),
        *fields,
    ], length


def check(fields: FieldList) -> None:
    """Raise `LocalProtocolError` for a field that may not be sent; its value is not shown, it may be a credential."""
    lines = b"".join([b"%b:%b\n" % (name, value) for name, value, _ in fields])
    # As many lines as there are fields: a value with a line break of its own would match too, as two fields.
    if _FIELDS.fullmatch(lines) is None or lines.count(b"\n") != len(fields):
        for name, value, _ in fields:
            if _FIELD.fullmatch(b"%b:%b" % (name, value)) is None:
                raise LocalProtocolError(
                    f"field {name.decode('latin-1')!r} may not be sent: its name is no token, or its value holds a "
                    "control character or begins or ends with a space (RFC 9110 §5.5)"
                )


def response_head(fields: list[tuple[bytes, bytes]]) -> Head:
    """Return what a field list says; raises `Malformed`."""
    if not fields or fields[0][0] != b":status":
        raise Malformed("sent a response without a status")
    status = fields[0][1]
    if _STATUS.fullmatch(status) is None:
        raise Malformed(f"sent a response whose status is {bytes(status[:20])!r}")
    if status == b"101":
        raise Malformed("switches protocols (101), which HTTP/2 does not know (RFC 9113 §8.6)")
    checked = response_fields(fields[1:])
    index = {name: value for _, name, value in checked}
    if len(index) < len(checked):
        index = joined(checked)
    return int(status), checked, index


def response_fields(pairs: list[tuple[bytes, bytes]]) -> list[Field]:
    """Return fields as `Headers` keeps them; raises `Malformed`."""
    fields = [(name, name, value) for name, value in pairs]
    lines = b"".join([b"%b:%b\n" % pair for pair in pairs])
    if _FIELDS.fullmatch(lines) is None or lines.count(b"\n") != len(pairs):
        for name, value in pairs:
            if name.startswith(b":"):
                raise Malformed(f"sent the pseudo-field {bytes(name[:40])!r} where it does not belong")
            if _FIELD.fullmatch(b"%b:%b" % (name, value)) is None:
                raise Malformed(f"sent the field {bytes(name[:40])!r} with a name or value that HTTP/2 does not allow")
    for name, _ in pairs:
        if name in _NOT_IN_RESPONSES:
            raise Malformed(f"sent the field {bytes(name)!r}, which HTTP/2 does not allow (RFC 9113 §8.2.2)")
    return fields


def content_length(method: str, status: int, index: dict[bytes, bytes]) -> int | None:
    """Return how many bytes a response's body must have, None where it does not say; raises `Malformed`."""
    if method == "HEAD" or status in (204, 304):
        return 0
    value = index.get(b"content-length")
    if value is None:
        return None
    if _LENGTH.fullmatch(value) is None:
        values = {one.strip() for one in value.split(b",")}
        value = values.pop()
        if values or _LENGTH.fullmatch(value) is None:  # the same said twice is said (RFC 9110 §8.6)
            raise Malformed(f"sent a response whose Content-Length is {bytes(value[:30])!r}")
    return int(value)
