"""The way of a request through a client, and the life of the client around it."""

import datetime
import gzip
import re
from typing import Any

import pytest

from colours import AsyncChunks, Colour, SyncChunks, SyncColour
from courser_models import DecodingError, Request, RequestError, Response, ResponseNotRead, TransportError
from courser_transport import ReadError, Timeout


def test_a_request_goes_to_the_transport_and_its_response_comes_back_read(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(201, stream=colour.chunks([b"a", b"b"]), request=request))
    client = colour.client(transport=transport)
    request = client.build_request("GET", "http://h/")

    response = colour.call(client.send, request)

    assert transport.requests == [request]
    assert transport.requests[0] is request
    assert (response.status_code, response.content, response.request) == (201, b"ab", request)
    assert (response.is_closed, response.stream.closed) == (True, 1)


def test_a_failure_notes_what_failed_and_after_which_time(colour: Colour) -> None:
    def fail(request: Request) -> Response:
        raise ReadError("reading from h:80 failed: connection reset by peer")

    client = colour.client(transport=colour.transport(fail))

    with pytest.raises(ReadError) as caught:
        colour.call(client.get, "http://user:secret@h/?token=secret")

    assert str(caught.value) == "reading from h:80 failed: connection reset by peer"
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"GET http://h/\?token=… failed after \d\.\d{3} s", note)


def test_the_response_of_the_transport_is_the_one_the_caller_gets(colour: Colour) -> None:
    prepared = Response(200, text="x")
    client = colour.client(transport=colour.transport(lambda request: prepared))

    assert colour.call(client.get, "http://h/") is prepared


def test_a_response_that_is_streamed_is_open_and_unread(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, stream=colour.chunks([b"a"]), request=request))
    client = colour.client(transport=transport)

    response = colour.call(client.send, client.build_request("GET", "http://h/"), stream=True)

    assert not response.is_closed
    with pytest.raises(ResponseNotRead):
        _ = response.content
    assert colour.read(response) == b"a"
    assert response.is_closed


def test_a_streamed_response_is_closed_when_its_block_ends(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, stream=colour.chunks([b"a"]), request=request))
    client = colour.client(transport=transport)

    with colour.block(client.stream("POST", "http://h/", content=b"x")) as response:
        assert (response.is_closed, response.is_stream_consumed) == (False, False)
        assert (response.request.method, response.request.content) == ("POST", b"x")

    assert (response.is_closed, response.is_stream_consumed, response.stream.closed) == (True, False, 1)


def test_a_streamed_response_is_closed_when_its_block_fails(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, stream=colour.chunks([b"a"]), request=request))
    client = colour.client(transport=transport)

    with pytest.raises(KeyError, match="mine"), colour.block(client.stream("GET", "http://h/")) as response:
        raise KeyError("mine")

    assert (response.is_closed, response.stream.closed) == (True, 1)


def test_a_streamed_response_that_was_read_in_its_block_is_closed_once(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, stream=colour.chunks([b"a"]), request=request))
    client = colour.client(transport=transport)

    with colour.block(client.stream("GET", "http://h/")) as response:
        assert colour.read(response) == b"a"

    assert (response.content, response.stream.closed) == (b"a", 1)


def test_elapsed_runs_until_the_body_was_read(colour: Colour) -> None:
    transport = colour.transport(lambda request: Response(200, stream=colour.chunks([b"a"]), request=request))
    client = colour.client(transport=transport)

    with colour.block(client.stream("GET", "http://h/")) as response:
        with pytest.raises(RuntimeError):
            _ = response.elapsed
        colour.read(response)
        elapsed = response.elapsed

    assert datetime.timedelta(0) < elapsed < datetime.timedelta(minutes=1)
    assert response.elapsed == elapsed
    assert colour.call(client.get, "http://h/").elapsed > datetime.timedelta(0)


def test_elapsed_of_a_response_that_came_complete_is_known(colour: Colour) -> None:
    client = colour.client(transport=colour.transport())

    assert datetime.timedelta(0) < colour.call(client.get, "http://h/").elapsed < datetime.timedelta(minutes=1)


def test_a_request_built_by_hand_gets_the_timeout_of_the_client(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport, timeout=3.0)

    colour.call(client.send, Request("GET", "http://h/"))
    colour.call(client.send, Request("GET", "http://h/", extensions={"timeout": {"read": 1.0}, "note": 1}))

    assert [request.extensions for request in transport.requests] == [
        {"timeout": {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 3.0}},
        {"timeout": {"read": 1.0}, "note": 1},
    ]


def test_a_timeout_of_the_call_goes_before_that_of_the_request(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport, timeout=1)
    request = client.build_request("GET", "http://h/", timeout=Timeout(2, total=9), extensions={"note": "x"})

    colour.call(client.send, request)
    assert request.extensions["deadline"].limit == 9
    colour.call(client.send, request, timeout=3)

    assert request.extensions == {"timeout": Timeout(3).as_dict(), "note": "x"}
    colour.call(client.send, request, timeout=None)
    assert request.extensions["timeout"] == Timeout(None).as_dict()


def test_a_request_built_by_hand_is_sent_with_its_own_fields_only(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport, headers={"X": "1"}, params={"a": 1}, base_url="http://other/")

    colour.call(client.send, Request("GET", "http://h/"))

    assert transport.requests[0].headers.raw == [(b"Host", b"h")]
    assert str(transport.requests[0].url) == "http://h/"


def test_a_body_of_the_other_colour_is_refused_before_any_transport_sees_it(colour: Colour) -> None:
    other = AsyncChunks([b"a"]) if isinstance(colour, SyncColour) else SyncChunks([b"a"])
    transport = colour.transport()

    with pytest.raises(RuntimeError, match=r"client cannot send an? (async body|sync iterator)"):
        colour.call(colour.client(transport=transport).post, "http://h/", content=other)

    assert transport.requests == []


def test_an_error_of_the_transport_is_raised_as_it_is(colour: Colour) -> None:
    error = TransportError("it failed")

    def fail(request: Request) -> Response:
        raise error

    transport = colour.transport(fail)
    client = colour.client(transport=transport)

    with pytest.raises(RequestError) as caught:
        colour.call(client.get, "http://h/")

    assert caught.value is error
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("headers", "chunks", "error", "expected"),
    [
        ({}, [b"a"], OSError("broken"), OSError),
        ({"Content-Encoding": "gzip"}, [gzip.compress(b"a")[:-1]], None, DecodingError),
    ],
)
def test_a_response_that_cannot_be_read_is_closed(
    colour: Colour, headers: dict[str, str], chunks: list[bytes], error: Exception | None, expected: type[Exception]
) -> None:
    stream = colour.chunks(chunks, error)
    transport = colour.transport(lambda request: Response(200, headers=headers, stream=stream, request=request))
    client = colour.client(transport=transport)

    with pytest.raises(expected):
        colour.call(client.get, "http://h/")

    assert stream.closed == 1


# The life of a client


def test_a_block_opens_the_transport_and_closes_it(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)

    with colour.block(client) as entered:
        assert entered is client
        assert (transport.events, client.is_closed) == (["entered"], False)
        colour.call(client.get, "http://h/")

    assert (transport.events, client.is_closed) == (["entered", "closed"], True)


def test_a_block_that_fails_closes_the_transport(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)

    with pytest.raises(KeyError, match="mine"), colour.block(client):
        raise KeyError("mine")

    assert (transport.events, client.is_closed) == (["entered", "closed"], True)


def test_a_client_needs_no_block(colour: Colour) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)

    colour.call(client.get, "http://h/")
    assert not client.is_closed
    colour.close(client)
    colour.close(client)

    assert (transport.events, client.is_closed) == (["closed"], True)


def ask(colour: Colour, client: Any) -> None:
    colour.call(client.get, "http://h/")


def send(colour: Colour, client: Any) -> None:
    colour.call(client.send, Request("GET", "http://h/"))


def stream(colour: Colour, client: Any) -> None:
    with colour.block(client.stream("GET", "http://h/")):
        raise AssertionError("the block must not begin")


@pytest.mark.parametrize("use", [ask, send, stream])
def test_a_closed_client_sends_nothing(colour: Colour, use: Any) -> None:
    transport = colour.transport()
    client = colour.client(transport=transport)
    colour.close(client)

    with pytest.raises(RuntimeError, match=r"^this client is closed, and sends no more requests$"):
        use(colour, client)

    assert transport.requests == []


def test_a_client_is_entered_once(colour: Colour) -> None:
    client = colour.client(transport=colour.transport())

    with colour.block(client):
        entering_again = colour.block(client)
        with pytest.raises(RuntimeError, match="this client was opened before; enter each client once"):
            entering_again.__enter__()
        assert not client.is_closed

    with pytest.raises(RuntimeError, match="this client was closed before; enter each client once"):
        colour.block(client).__enter__()


def test_a_client_that_was_used_or_closed_cannot_be_entered(colour: Colour) -> None:
    used, closed = (colour.client(transport=colour.transport()) for _ in range(2))
    colour.call(used.get, "http://h/")
    colour.close(closed)

    for client, word in [(used, "opened"), (closed, "closed")]:
        with pytest.raises(RuntimeError, match=f"this client was {word} before"):
            colour.block(client).__enter__()


def test_a_client_closed_in_its_block_stays_closed(colour: Colour) -> None:
    client = colour.client(transport=colour.transport())

    with colour.block(client):
        colour.close(client)
        assert client.is_closed
        with pytest.raises(RuntimeError, match="this client is closed"):
            colour.call(client.get, "http://h/")

    assert client.is_closed


def test_a_transport_that_counts_as_false_is_used_all_the_same(colour: Colour) -> None:
    class Empty(colour.transport):  # type: ignore[name-defined, misc]
        def __len__(self) -> int:
            return 0

    transport = Empty()

    colour.close(colour.client(transport=transport))

    assert transport.events == ["closed"]
