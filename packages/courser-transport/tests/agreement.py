"""One response read twice: by us, as a connection reads it, and by h11. The two must agree.

«Agree» is: the same status, reason, fields, body and answer to «may the connection be used again», or both refuse.
Where our rules are stricter, `by_h11` says so in one place.
"""

from __future__ import annotations

import h11

from courser_models import Origin, Request
from courser_transport import RemoteProtocolError, run_sync
from courser_transport._backends.threads import ThreadBackend
from courser_transport._body import SyncBody
from courser_transport._http1._connection import HTTP1Connection
from owners import NotingOwner

ORIGIN = Origin("http", "example.org", 80)
URL = "http://example.org/"
REFUSED = "refused"
NOWHERE = ThreadBackend()

Reading = tuple[int, bytes, list[tuple[bytes, bytes]], bytes, bool] | str


class Pieces:
    """A stream that gives pieces, and then the peer's goodbye."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    async def read(self, limit: int, timeout: float | None) -> bytes:
        return next(self._pieces, b"")

    async def write(self, data: bytes, timeout: float | None) -> None: ...

    def take(self) -> bytes | None:
        return None

    def is_readable(self) -> bool:
        return False

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        return True

    def close(self, farewell: bytes = b"") -> None: ...

    def abandon(self) -> None: ...

    def extra(self, name: str) -> object:
        return None


def by_us(method: str, pieces: list[bytes]) -> Reading:
    """Return what a connection of ours makes of the pieces."""
    owner = NotingOwner(NOWHERE, SyncBody)
    released = owner.released
    connection = HTTP1Connection(Pieces(pieces), ORIGIN, owner)
    try:
        response = run_sync(connection.send(Request(method, URL)))
        body = response.read()
    except RemoteProtocolError:
        assert released == [False], "a connection that failed is given back once, and not for use"
        return REFUSED
    assert len(released) == 1, "a connection is given back exactly once"
    # h11 writes the one coding there is in lower case; we leave it as it came.
    fields = [
        (name, value.lower() if name.lower() == b"transfer-encoding" else value) for name, value in response.headers.raw
    ]
    return response.status_code, response.extensions["reason_phrase"], fields, body, released[0]


def by_h11(method: str, pieces: list[bytes]) -> Reading:
    """Return what h11 makes of the same bytes, with our stricter rules on top."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=102400)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "example.org")]))
    connection.send(h11.EndOfMessage())
    source = iter(pieces)
    head: h11.Response | None = None
    body = b""
    has_ended = False
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                more = next(source, b"")
                has_ended = not more
                connection.receive_data(more)
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                names = {name for name, _ in event.headers}
                if not event.http_version.startswith(b"1.") or {b"content-length", b"transfer-encoding"} <= names:
                    return REFUSED
                if isinstance(event, h11.Response):
                    head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return REFUSED
    except h11.RemoteProtocolError:
        return REFUSED
    assert head is not None
    is_reusable = connection.their_state is h11.DONE and not has_ended and not connection.trailing_data[0]
    return head.status_code, bytes(head.reason), list(head.headers.raw_items()), body, is_reusable
