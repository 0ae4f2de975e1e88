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

# h11 keeps a line that is not complete; this bounds it. Heads are bounded before they come here.
_LONGEST_LINE = 65536
_MOST_TRAILERS = 256
_LONGEST_REASON = 80
_MOST_FRAMING = 65536

_BARE_HEADER = re.compile(rb"[0-9a-fA-F]{1,20}[\t ]*+(?:;[^\r\n]*+)?\n")


def arbitrate_head(head: bytes, method: str) -> ResponseHead | None:
    """Return what a complete `head` that answers `method` says; None where h11 does not see its end yet.

    Raises `RemoteProtocolError` for a head that is not HTTP/1.x.
    """
    connection = _connection(method, max(len(head), _LONGEST_LINE))
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(f"the head of the response is not HTTP: {_lower(error)}") from error
    if not isinstance(event, (h11.Response, h11.InformationalResponse)):
        return None
    fields: list[Field] = [(raw, raw.lower(), value) for raw, value in event.headers.raw_items()]
    index = joined(fields)
    if b"transfer-encoding" in index and b"content-length" in index:
        raise RemoteProtocolError("the response has both Content-Length and Transfer-Encoding; one of them lies")
    if not event.http_version.startswith(b"1."):
        raise RemoteProtocolError(f"the response is HTTP/{event.http_version.decode('ascii')}, not HTTP/1.x")
    return event.status_code, b"HTTP/" + event.http_version, bytes(event.reason), fields, index


def _connection(method: str, limit: int) -> h11.Connection:
    """Return an h11 client that has sent a request, and waits for what we replay into it."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limit)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "-")]))
    connection.send(h11.EndOfMessage())
    return connection


class ChunkArbiter:
    """Reads the rest of a chunked body, from the beginning of a chunk."""

    def __init__(self) -> None:
        self.is_done = False
        self.excess = b""
        self.trailers: list[Field] = []
        self._received = 0
        self._content = 0
        self._connection = _connection("GET", _LONGEST_LINE)
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
                    if len(self.trailers) > _MOST_TRAILERS:
                        raise RemoteProtocolError(
                            f"the response has {len(self.trailers)} trailer fields; {_MOST_TRAILERS} is the limit"
                        )
                else:
                    break
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(f"the response's chunks are not HTTP: {_lower(error)}") from error
        if not self.is_done and _BARE_HEADER.match(self._connection.trailing_data[0]):
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


def _lower(error: Exception) -> str:
    """Return h11's reason in our form, and no more than its beginning: the rest quotes the peer, cookies and all."""
    text = str(error).partition(":")[0].replace("bytearray(b", "(b")[:_LONGEST_REASON]
    return text[:1].lower() + text[1:] if text else "it breaks the grammar of RFC 9112"
