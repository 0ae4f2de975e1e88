"""What our frames say, h2 understands, with all its checks on: whatever the request, however the bytes are cut."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
from hypothesis import given, settings
from hypothesis import strategies as st

from courser_models import Headers, Request
from courser_transport import Limits
from courser_transport._http2._fields import request_fields
from courser_transport._http2._session import Session

_NAMES = st.from_regex(r"\Ax-[a-z0-9]{1,10}\Z")
_VALUES = st.from_regex(r"\A[!-~]([ -~]{0,40}[!-~])?\Z")
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES), max_size=8)


class _Server:
    """h2 as the server."""

    def __init__(self) -> None:
        configuration = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.connection = h2.connection.H2Connection(configuration)
        self.connection.initiate_connection()
        self.events: list[h2.events.Event] = []

    def hear(self, session: Session) -> None:
        self.events += self.connection.receive_data(b"".join(session.outgoing))
        session.outgoing.clear()

    def say(self, session: Session, pieces: int) -> None:
        data = self.connection.data_to_send()
        step = max(len(data) // pieces, 1)
        for start in range(0, len(data), step):
            session.receive(data[start : start + step])


@settings(max_examples=150, deadline=None)
@given(
    fields=_FIELDS,
    cookies=st.lists(st.from_regex(r"\A[a-z]{1,5}=[a-z]{0,9}\Z"), max_size=4),
    content=st.binary(max_size=50_000),
    answer=st.binary(max_size=50_000),
    trailers=_FIELDS,
    pieces=st.integers(1, 50),
)
def test_h2_reads_what_we_write_and_we_read_what_it_writes(
    fields: list[tuple[str, str]],
    cookies: list[str],
    content: bytes,
    answer: bytes,
    trailers: list[tuple[str, str]],
    pieces: int,
) -> None:
    session, server = Session("example.org", Limits()), _Server()
    server.hear(session)
    server.say(session, pieces)

    headers = [*fields, *([("Cookie", "; ".join(cookies))] if cookies else []), ("Connection", "keep-alive")]
    request = Request("POST", "https://example.org/a?b=c", headers=headers, content=content)
    listed, _ = request_fields(request)
    stream = session.open(listed, "POST", ends=False)
    assert session.send_data(stream, content, ends=True) == len(content)
    server.hear(session)

    heard = next(event for event in server.events if isinstance(event, h2.events.RequestReceived))
    assert heard.headers is not None
    said = [(bytes(name), bytes(value)) for name, value in heard.headers]
    assert said[:4] == [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"example.org"),
        (b":path", b"/a?b=c"),
    ]
    assert [pair for pair in said if pair[0].startswith(b"x-")] == [(n.encode(), v.encode()) for n, v in fields]
    assert [value for name, value in said if name == b"cookie"] == ["; ".join(cookies).encode()] * bool(cookies)
    assert b"".join(event.data for event in server.events if isinstance(event, h2.events.DataReceived)) == content
    assert any(isinstance(event, h2.events.StreamEnded) for event in server.events)

    server.connection.send_headers(stream.id, [(":status", "200"), *fields])
    for start in range(0, len(answer), 10_000):
        server.connection.send_data(stream.id, answer[start : start + 10_000])
    if trailers:
        server.connection.send_headers(stream.id, trailers, end_stream=True)
    else:
        server.connection.end_stream(stream.id)
    server.say(session, pieces)

    assert stream.failure is None
    assert stream.is_ended
    assert stream.head is not None
    assert stream.head[0] == 200
    assert Headers.from_wire(stream.head[1]).raw == [(n.encode(), v.encode()) for n, v in fields]
    assert b"".join(stream.chunks) == answer
    assert [(name, value) for name, _, value in stream.trailers] == [(n.encode(), v.encode()) for n, v in trailers]
    assert not session.streams


def test_h2_hears_resets_pings_and_goodbyes() -> None:
    session, server = Session("example.org", Limits()), _Server()
    listed, _ = request_fields(Request("GET", "https://example.org/"))
    stream = session.open(listed, "GET", ends=True)
    session.end(stream, 8)
    session.ping()
    session.outgoing.append(session.say_goodbye())
    server.hear(session)

    kinds = [type(event) for event in server.events]
    for kind in (h2.events.StreamReset, h2.events.PingReceived, h2.events.ConnectionTerminated):
        assert kind in kinds
