"""A request to the bytes of its head, every one of them checked by a pattern (RFC 9112 §3, §5).

Whatever the patterns refuse never leaves: no control character, no space in a target, no second `Host`. A client says
much the same in every request, so the fields of the last one are kept, checked and joined, and compared instead.
"""

from __future__ import annotations

import re
import typing

from courser_models import Field, LocalProtocolError, Request

if typing.TYPE_CHECKING:
    from .._proxy._settings import Proxy

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE = rb"(?:[\x21-\x7e\x80-\xff]++(?:[\t ]++[\x21-\x7e\x80-\xff]++)*+)?+"
_REQUEST_LINE = re.compile(rb"%b [\x21-\x7e]++ HTTP/1\.1\r\n" % _TOKEN)
_LINES = re.compile(rb"(?:%b: %b\r\n)++\r\n" % (_TOKEN, _VALUE))


class CheckedFields:
    """The fields of a request as they go on the wire."""

    __slots__ = ("fields", "keeps", "length", "lines")

    def __init__(self, fields: list[Field], lines: bytes, length: int | None, keeps: bool) -> None:
        self.fields = fields
        # The fields and the empty line after them.
        self.lines = lines
        # How long they say that the body is; None for chunks.
        self.length = length
        # Whether they leave the connection to the next request.
        self.keeps = keeps


def request_head(
    request: Request, known: CheckedFields | None = None, forwarder: Proxy | None = None
) -> tuple[bytes, CheckedFields]:
    """Return the bytes of the head, and what its fields say; `known` is that of a request before, or nothing.

    The target is the URL's path and query, for CONNECT its authority, or what the extension `target` says (bytes). A
    `forwarder`, which sends the request on, is told the whole URL (RFC 9112 §3.2.2), and the fields that are for it.
    Those that are for a proxy go to nobody else.

    Raises `LocalProtocolError` for a request that RFC 9112 does not allow to be sent.
    """
    target = request.extensions.get("target")
    if target is None:
        target = request.url.netloc if request.method == "CONNECT" else request.url.raw_path
    if forwarder is not None and request.method != "CONNECT" and target.startswith(b"/"):
        target = b"%b://%b%b" % (request.url.raw_scheme, request.url.netloc, target)
    line = b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii", "replace"), target)
    if _REQUEST_LINE.fullmatch(line) is None:
        raise _complaint_of_line(request.method)
    fields = request.headers.fields
    if known is None or known.fields != fields:
        known = _checked(fields.copy(), forwarder, request.method)
    return line + known.lines, known


def _checked(given: list[Field], forwarder: Proxy | None, method: str) -> CheckedFields:
    fields = given
    if forwarder is not None:
        own = [(name, name.lower(), value) for name, value in forwarder.fields]
        names = {lower for _, lower, _ in own} - {lower for _, lower, _ in given}
        fields = [*given, *[field for field in own if field[1] in names]]
    elif method != "CONNECT":
        fields = [field for field in given if field[1] != b"proxy-authorization"]
    if fields and fields[0][1] != b"host":
        # First, wherever the program has put it (RFC 9110 §7.2); a sort leaves the others as they are.
        fields = sorted(fields, key=lambda field: field[1] != b"host")
    lines = b"".join([b"%b: %b\r\n" % (name, value) for name, _, value in fields]) + b"\r\n"
    values = {lower: value for _, lower, value in fields}
    # As many lines as there are fields: a value with a line break of its own would match too, as two fields.
    if _LINES.fullmatch(lines) is None or lines.count(b"\n") != len(fields) + 1 or b"host" not in values:
        raise _complaint_of_fields(fields)
    if len(values) < len(fields):
        _refuse_repeats(fields)
    connection = values.get(b"connection")
    keeps = connection is None or connection == b"keep-alive" or b"close" not in tokens(connection)
    if b"transfer-encoding" in values:
        if values[b"transfer-encoding"].lower() != b"chunked":
            raise LocalProtocolError("the only transfer coding that can be sent is chunked (RFC 9112 §7)")
        if b"content-length" in values:
            raise LocalProtocolError("a request has either Content-Length or Transfer-Encoding, never both")
        return CheckedFields(given, lines, None, keeps)
    length = values.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 18:
        raise LocalProtocolError(f"Content-Length is {length[:30]!r}, which is no number of bytes")
    return CheckedFields(given, lines, int(length), keeps)


def tokens(value: bytes) -> list[bytes]:
    """Return the elements of a comma-separated value in lower case (RFC 9110 §5.6.1)."""
    return [element.strip(b" \t") for element in value.lower().split(b",")]


def _refuse_repeats(fields: list[Field]) -> None:
    names = [lower for _, lower, _ in fields]
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if names.count(name) > 1:
            raise LocalProtocolError(f"{name.decode()} is given {names.count(name)} times; once is all HTTP allows")


def _complaint_of_line(method: str) -> LocalProtocolError:
    if not method.isascii() or re.fullmatch(_TOKEN, method.encode()) is None:
        return LocalProtocolError(f"method {method!r} is not a token (RFC 9110 §5.6.2)")
    return LocalProtocolError(
        "the request's target is empty, or holds a space, a control character or one beyond ASCII"
    )


def _complaint_of_fields(fields: list[Field]) -> LocalProtocolError:
    """Return what is wrong with fields that were refused; values are not shown, they may be credentials."""
    for name, _, value in fields:
        if re.fullmatch(rb"%b: %b" % (_TOKEN, _VALUE), b"%b: %b" % (name, value)) is None:
            return LocalProtocolError(
                f"field {name.decode('latin-1')!r} may not be sent: its name is no token, or its value holds a "
                "control character or begins or ends with a space (RFC 9110 §5.5)"
            )
    return LocalProtocolError("a request needs a Host field (RFC 9112 §3.2)")
