"""A request to the bytes of its head, checked as a whole by one pattern (RFC 9112 §3, §5).

Whatever the pattern refuses never leaves: no control character, no space in a target, no second `Host`.
"""

from __future__ import annotations

import re

from courser_models import Field, LocalProtocolError, Request

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE = rb"(?:[\x21-\x7e\x80-\xff]++(?:[\t ]++[\x21-\x7e\x80-\xff]++)*+)?+"
_HEAD = re.compile(
    rb"%b [\x21-\x7e]++ HTTP/1\.1\r\n(?:%b: %b\r\n)++\r\n" % (_TOKEN, _TOKEN, _VALUE),
)
_FIELD = re.compile(rb"%b: %b" % (_TOKEN, _VALUE))
_METHOD = re.compile(_TOKEN)

# The head, how long the body is (None: in chunks), and whether we want to keep the connection.
RequestHead = tuple[bytes, "int | None", bool]


def request_head(request: Request) -> RequestHead:
    """Return the bytes of the head, the body's length (None for chunks), and whether the connection may be kept.

    The target is the URL's path and query, for CONNECT its authority, or what the extension `target` says (bytes).

    Raises `LocalProtocolError` for a request that RFC 9112 does not allow to be sent.
    """
    fields = request.headers.fields
    target = request.extensions.get("target")
    if target is None:
        target = request.url.netloc if request.method == "CONNECT" else request.url.raw_path
    head = b"%b %b HTTP/1.1\r\n%b\r\n" % (
        request.method.encode("ascii", "replace"),
        target,
        b"".join([b"%b: %b\r\n" % (name, value) for name, _, value in fields]),
    )
    values = {lower: value for _, lower, value in fields}
    # As many lines as there are fields: a value with a line break of its own would match too, as two fields.
    if _HEAD.fullmatch(head) is None or head.count(b"\n") != len(fields) + 2 or b"host" not in values:
        raise _complaint(request, fields)
    if len(values) < len(fields):
        _refuse_repeats(fields)
    connection = values.get(b"connection")
    keeps = connection is None or connection == b"keep-alive" or b"close" not in tokens(connection)
    if b"transfer-encoding" in values:
        if values[b"transfer-encoding"].lower() != b"chunked":
            raise LocalProtocolError("the only transfer coding that can be sent is chunked (RFC 9112 §7)")
        if b"content-length" in values:
            raise LocalProtocolError("a request has either Content-Length or Transfer-Encoding, never both")
        return head, None, keeps
    length = values.get(b"content-length")
    if length is None:
        return head, 0, keeps
    if not length.isdigit() or len(length) > 18:
        raise LocalProtocolError(f"Content-Length is {length[:30]!r}, which is no number of bytes")
    return head, int(length), keeps


def tokens(value: bytes) -> list[bytes]:
    """Return the elements of a comma-separated value in lower case (RFC 9110 §5.6.1)."""
    return [element.strip(b" \t") for element in value.lower().split(b",")]


def _refuse_repeats(fields: list[Field]) -> None:
    names = [lower for _, lower, _ in fields]
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if names.count(name) > 1:
            raise LocalProtocolError(f"{name.decode()} is given {names.count(name)} times; once is all HTTP allows")


def _complaint(request: Request, fields: list[Field]) -> LocalProtocolError:
    """Return what is wrong with a head that was refused; values are not shown, they may be credentials."""
    if not request.method.isascii() or _METHOD.fullmatch(request.method.encode()) is None:
        return LocalProtocolError(f"method {request.method!r} is not a token (RFC 9110 §5.6.2)")
    for name, _, value in fields:
        if _FIELD.fullmatch(b"%b: %b" % (name, value)) is None:
            return LocalProtocolError(
                f"field {name.decode('latin-1')!r} may not be sent: its name is no token, or its value holds a "
                "control character or begins or ends with a space (RFC 9110 §5.5)"
            )
    return LocalProtocolError("a request needs a Host field (RFC 9112 §3.2)")
