"""The tree of errors: who is whose child, what they carry, and that they travel."""

import pickle

import pytest

import courser_models
from courser_models import (
    CookieConflict,
    DecodingError,
    DecodingLimitExceeded,
    HTTPError,
    HTTPStatusError,
    InvalidHeader,
    InvalidURL,
    LocalProtocolError,
    ProtocolError,
    Request,
    RequestError,
    RequestNotRead,
    Response,
    ResponseNotRead,
    StreamClosed,
    StreamConsumed,
    StreamError,
    TransportError,
)

PARENTS = {
    HTTPError: (Exception,),
    RequestError: (HTTPError,),
    TransportError: (RequestError,),
    ProtocolError: (TransportError,),
    LocalProtocolError: (ProtocolError,),
    InvalidHeader: (LocalProtocolError, ValueError),
    DecodingError: (RequestError,),
    DecodingLimitExceeded: (DecodingError,),
    HTTPStatusError: (HTTPError,),
    InvalidURL: (Exception,),
    CookieConflict: (Exception,),
    StreamError: (RuntimeError,),
    StreamConsumed: (StreamError,),
    StreamClosed: (StreamError,),
    RequestNotRead: (StreamError,),
    ResponseNotRead: (StreamError,),
}
OF_A_REQUEST = [error for error in PARENTS if issubclass(error, RequestError)]
OF_A_STREAM = [StreamConsumed, StreamClosed, RequestNotRead, ResponseNotRead]

REQUEST = Request("POST", "http://h/a", json=1)


def test_every_error_is_in_the_tree() -> None:
    public = {getattr(courser_models, name) for name in courser_models.__all__}

    assert {thing for thing in public if isinstance(thing, type) and issubclass(thing, Exception)} == set(PARENTS)


@pytest.mark.parametrize(("error", "parents"), PARENTS.items())
def test_an_error_is_a_child_of(error: type[Exception], parents: tuple[type[Exception], ...]) -> None:
    assert error.__bases__ == parents


@pytest.mark.parametrize("error", OF_A_REQUEST)
def test_an_error_carries_its_request(error: type[RequestError]) -> None:
    with_request = error("it failed", request=REQUEST)
    without = error("it failed")

    assert (with_request.request, with_request.has_request, str(with_request)) == (REQUEST, True, "it failed")
    assert without.has_request is False
    with pytest.raises(RuntimeError, match="this error carries no request"):
        _ = without.request
    without.request = REQUEST
    assert (without.request, without.has_request) == (REQUEST, True)


@pytest.mark.parametrize("error", OF_A_REQUEST)
def test_an_error_survives_pickling_with_its_request(error: type[RequestError]) -> None:
    restored = pickle.loads(pickle.dumps(error("it failed", request=REQUEST)))

    assert (type(restored), str(restored), restored.args) == (error, "it failed", ("it failed",))
    assert (restored.request.method, restored.request.url, restored.request.content) == ("POST", REQUEST.url, b"1")
    assert not pickle.loads(pickle.dumps(error("it failed"))).has_request


@pytest.mark.parametrize("error", [HTTPError, InvalidURL, CookieConflict, StreamError, *OF_A_STREAM])
def test_an_error_with_a_message_survives_pickling(error: type[Exception]) -> None:
    restored = pickle.loads(pickle.dumps(error("it failed")))

    assert (type(restored), str(restored), restored.args) == (error, "it failed", ("it failed",))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            StreamConsumed,
            "this stream was already read; keep the content (`.read()`) or give a body that can be replayed",
        ),
        (StreamClosed, "this stream was closed before it was read"),
        (RequestNotRead, "this request has a streaming body; call request.read() first"),
        (ResponseNotRead, "this response was streamed; call response.read() first"),
    ],
)
def test_an_error_of_a_stream_says_what_to_do(error: type[StreamError], message: str) -> None:
    assert str(error()) == message
    assert str(pickle.loads(pickle.dumps(error()))) == message


def test_a_status_error_survives_pickling_with_request_and_response() -> None:
    response = Response(404, content=b"gone", headers={"X": "y"}, request=REQUEST)

    restored = pickle.loads(pickle.dumps(HTTPStatusError("it said no", request=REQUEST, response=response)))

    assert (type(restored), str(restored)) == (HTTPStatusError, "it said no")
    assert (restored.request.url, restored.has_request) == (REQUEST.url, True)
    assert (restored.response.status_code, restored.response.content) == (404, b"gone")
    assert restored.response.headers["X"] == "y"
