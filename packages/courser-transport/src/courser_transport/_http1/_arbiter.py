"""h11 as the arbiter: whatever our fast readers decline is replayed into it, and its word is final.

So the odd cases of HTTP/1.1, old line folding, bare line feeds, chunk extensions, are judged by a library that
thought about them, and cost only those who send them. Two of our rules are stricter than h11's: a response with both
Content-Length and Transfer-Encoding is refused (RFC 9112 §6.3 lets a client do so, and it is how responses are
smuggled), and so is any major version but 1. This is the only file that knows h11.
"""

from __future__ import annotations

import re

import h11

from courser_models import Field

from .._exceptions import RemoteProtocolError
from ._head import ResponseHead, joined

# h11 keeps a head that is not complete; this bounds it. Heads are bounded before they come here.
_LONGEST_HEAD = 65536
_LONGEST_REASON = 80
_MOST_FRAMING = 65536

_BARE_HEADER = re.compile(rb"[0-9a-fA-F]{1,20}[\t ]*+(?:;[^\r\n]*+)?\n")


def arbitrate_head(head: bytes, method: str, peer: str) -> ResponseHead | None:
    """Return what a complete `head` of `peer` that answers `method` says; None where h11 does not see its end yet.

    Raises `RemoteProtocolError` for a head that is not HTTP/1.x.
    """
    connection = _connection(method, max(len(head), _LONGEST_HEAD))
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(f"{peer} sent a response head that is not HTTP: {_lower(error)}") from None
    if not isinstance(event, (h11.Response, h11.InformationalResponse)):
        return None
    fields: list[Field] = [(raw, raw.lower(), value) for raw, value in event.headers.raw_items()]
    index = joined(fields)
    if b"transfer-encoding" in index and b"content-length" in index:
        raise RemoteProtocolError(f"{peer} sent both Content-Length and Transfer-Encoding; one of them lies")
    if not event.http_version.startswith(b"1."):
        raise RemoteProtocolError(f"{peer} answered in HTTP/{event.http_version.decode('ascii')}, not in HTTP/1.x")
    return event.status_code, b"HTTP/" + event.http_version, bytes(event.reason), fields, index


def _connection(method: str, limit: int) -> h11.Connection:
    """Return an h11 client that has sent a request, and waits for what we replay into it."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limit)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "-")]))
    connection.send(h11.EndOfMessage())
    return connection


class ChunkArbiter:
    """Reads the rest of a chunked body, from the beginning of a chunk; trailers have the two limits of a head."""

    def __init__(self, max_trailer_size: int, max_trailers: int) -> None:
        self.is_done = False
        self.excess = b""
        self.trailers: list[Field] = []
        self._received = 0
        self._content = 0
        self._max_trailers = max_trailers
        self._max_trailer_size = max_trailer_size
        self._connection = _connection("GET", max_trailer_size)
        self._connection.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._connection.next_event()

    def feed(self, data: bytes) -> bytes:
        """Return the content in `data`; raises `RemoteProtocolError` for what are no chunks."""
        pieces = []
        try:
            self._connection.receive_data(data)
            while not self.is_done:
                event = self._connection.next_event()
                if isinstance(event, h11.Data):
                    pieces.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self.is_done = True
                    self.excess = self._connection.trailing_data[0]
                    self.trailers = [(raw, raw.lower(), value) for raw, value in event.headers.raw_items()]
                    self._check_trailers()
                else:
                    break
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(f"the response's chunks are not HTTP: {_lower(error)}") from None
        # Looked for where an LF has come: a peer that sends its header byte by byte would have it read anew each time.
        if not self.is_done and b"\n" in data and _BARE_HEADER.match(self._connection.trailing_data[0]):
            # h11 goes on looking for the CRLF that ends the line, and would wait for it.
            raise RemoteProtocolError("the response's chunks are not HTTP: a chunk's header ends with a bare LF")
        content = b"".join(pieces)
        self._received += len(data)
        self._content += len(content)
        # Chunk extensions carry nothing that anybody reads, and a peer may send them without end.
        if self._received - self._content > max(_MOST_FRAMING, 16 * self._content):
            raise RemoteProtocolError(
                f"the response's chunks have {self._received - self._content} bytes of framing around "
                f"{self._content} bytes of content"
            )
        return content

    def _check_trailers(self) -> None:
        count, size = len(self.trailers), sum([len(name) + len(value) for name, _, value in self.trailers])
        if count > self._max_trailers:
            raise RemoteProtocolError(f"the response has {count} trailer fields; {self._max_trailers} is the limit")
        if size > self._max_trailer_size:
            raise RemoteProtocolError(
                f"the response has trailers of {size} bytes; {self._max_trailer_size} is the limit"
            )


def _lower(error: Exception) -> str:
    """Return h11's reason in our form, and no more than its beginning: the rest quotes the peer, cookies and all.

    For the same reason h11's error is not the cause of ours: a traceback would show it.
    """
    text = str(error).partition(":")[0].replace("bytearray(b", "(b")[:_LONGEST_REASON]
    return text[:1].lower() + text[1:] if text else "it breaks the grammar of RFC 9112"
