"""`WSGITransport`: an app in this process, in the thread of whoever asks."""

import io
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from courser_models import Request, Response
from courser_transport import ReadTimeout, RemoteProtocolError, Timeout, WSGITransport


def request(method: str = "GET", path: str = "/", **keywords: Any) -> Request:
    return Request(method, f"http://app.example{path}", **keywords)


def answer(transport: WSGITransport, asked: Request | None = None) -> Response:
    """Send a request and read its response, as clients do."""
    response = transport.handle_request(request() if asked is None else asked)
    response.read()
    return response


PLAIN = [("Content-Type", "text/plain")]


def hello(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 All well", PLAIN)
    return [b"hel", b"", b"lo"]


def echo(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    return [environ["wsgi.input"].read()]


class Result:
    """An iterable that counts how often it is closed."""

    def __init__(self, chunks: Iterable[Any], error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, 0

    def __iter__(self) -> Iterator[Any]:
        yield from self.chunks
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def giving(result: Any, status: str = "200 OK", headers: Any = PLAIN) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return result

    return app


# What passes through


def test_an_app_answers() -> None:
    response = answer(WSGITransport(hello))

    assert (response.status_code, response.reason_phrase, response.content) == (200, "All well", b"hello")
    assert response.headers["content-type"] == "text/plain"


def test_the_app_is_told_what_is_asked_of_it() -> None:
    environs: list[Any] = []
    errors = io.StringIO()

    def app(environ: Any, start_response: Any) -> Any:
        environs.append(environ)
        return hello(environ, start_response)

    asked = Request(
        "POST",
        "https://app.example/a%20b/%C3%A4?q=1%202",
        headers=[("X-Name", "1"), ("X-Name", "2"), ("Cookie", "a=b"), ("Cookie", "c=d"), ("Content-Type", "text/html")],
        content=b"data",
    )
    answer(WSGITransport(app, script_name="/sub", remote_addr="10.0.0.1", wsgi_errors=errors), asked)

    (environ,) = environs
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/sub",
        "PATH_INFO": "/a b/ä".encode().decode("latin-1"),  # as PEP 3333 has it
        "QUERY_STRING": "q=1%202",
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.1",
        "CONTENT_TYPE": "text/html",
        "CONTENT_LENGTH": "4",
        "HTTP_HOST": "app.example",
        "HTTP_X_NAME": "1, 2",
        "HTTP_COOKIE": "a=b; c=d",
        "wsgi.url_scheme": "https",
        "wsgi.errors": errors,
    }
    assert {name: environ.get(name) for name in expected} == expected
    assert {name for name in environ if name.startswith("HTTP_CONTENT")} == set()


def test_errors_go_to_stderr_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.errors"].write("something is odd\n")
        return hello(environ, start_response)

    answer(WSGITransport(app))

    assert capsys.readouterr().err == "something is odd\n"


def reads_in_every_way(environ: Any, start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"]
    start_response("200 OK", PLAIN)
    return [repr([body.read(2), body.readline(), *body.readlines(3), *body]).encode()]


@pytest.mark.parametrize(
    ("app", "asked"),
    [
        (hello, request()),
        (hello, request("HEAD")),
        (echo, request()),
        (reads_in_every_way, request("POST", content=b"one\ntwo\nthree\n")),
        (reads_in_every_way, request("POST", "/a/%C3%A4?x=%C3%A4", content=iter([b"on", b"e\ntwo\nth", b"ree\n"]))),
        (giving([], "204 No Content", []), request("DELETE")),
    ],
)
def test_the_standard_librarys_validator_has_no_objection(app: Any, asked: Request) -> None:
    def read_with_sizes(environ: Any, start_response: Any) -> Any:
        # The validator asks of apps, too, and wants a size for each read.
        inner = environ["wsgi.input"].input
        return app({**environ, "wsgi.input": inner}, start_response)

    response = answer(WSGITransport(validator(read_with_sizes), script_name="/sub"), asked)

    assert response.is_success


def test_a_request_body_is_read_as_the_app_reads_it() -> None:
    given: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"x" * 20_000, b"y" * 20_000):
            given.append(piece[:1])
            yield piece

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        yield environ["wsgi.input"].read(10_000)
        assert given == [b"x"]
        yield environ["wsgi.input"].read()

    response = answer(WSGITransport(app), request("POST", content=pieces()))

    assert response.content == b"x" * 20_000 + b"y" * 20_000


def test_an_error_in_the_requests_body_is_the_clients() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise ZeroDivisionError("in the body")

    with pytest.raises(ZeroDivisionError, match="in the body"):
        answer(WSGITransport(echo, raise_app_exceptions=False), request("POST", content=pieces()))


def test_an_async_body_is_refused() -> None:
    async def pieces() -> Any:
        yield b"one"

    with pytest.raises(RuntimeError, match="a sync client cannot send an async body"):
        answer(WSGITransport(echo), request("POST", content=pieces()))


def test_the_body_of_an_answer_to_head_is_not_asked_for() -> None:
    def endless(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        while True:
            yield b"hello"

    response = answer(WSGITransport(endless), request("HEAD"))

    assert (response.content, response.headers["content-length"]) == (b"", "5")


# Streaming, and the end of it


def test_a_response_comes_as_the_app_gives_it() -> None:
    given: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        for number in range(1_000_000):
            given.append(number)
            yield b"%d\n" % number

    response = WSGITransport(app).handle_request(request())
    assert given == [0]
    lines = response.iter_lines()
    assert [next(lines), next(lines)] == ["0", "1"]
    lines.close()

    assert (given, response.is_closed) == ([0, 1], True)


@pytest.mark.parametrize("reads", [True, False])
def test_what_the_app_gave_is_closed_once(reads: bool) -> None:
    result = Result([b"one", b"two"])
    response = WSGITransport(giving(result)).handle_request(request())
    assert result.closed == 0
    if reads:
        response.read()
    response.close()
    response.close()

    assert result.closed == 1


def test_what_the_app_gave_is_closed_after_an_error() -> None:
    for result in (Result([], ValueError("at once")), Result([b"one"], ValueError("later")), Result(["text"])):
        with pytest.raises((ValueError, RemoteProtocolError)):
            answer(WSGITransport(giving(result)))
        assert result.closed == 1


def test_what_is_written_comes_first_and_in_order() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"one ")
        write(b"two ")

        def rest() -> Iterator[bytes]:
            yield b"three "
            write(b"four ")
            yield b"five "
            write(b"six")

        return rest()

    assert answer(WSGITransport(app)).content == b"one two three four five six"


def test_an_app_that_takes_too_long_in_all_is_a_read_timeout() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        while True:
            time.sleep(0.02)
            yield b"x"

    asked = request(extensions={"timeout": Timeout(None, total=0.05).as_dict()})
    with pytest.raises(ReadTimeout, match=r"timed out 0.05 s after the request began \(the total limit\)"):
        answer(WSGITransport(app), asked)


# Exceptions


class Broken(Exception):
    """What the apps here raise."""


def raises_at_once(environ: Any, start_response: Any) -> Iterable[bytes]:
    raise Broken("at once")


def raises_before_the_first_bytes(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    yield b""
    raise Broken("before the first bytes")


def raises_in_its_answer(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", PLAIN)
    yield b"one"
    raise Broken("half-way")


@pytest.mark.parametrize("app", [raises_at_once, raises_before_the_first_bytes, raises_in_its_answer])
def test_what_an_app_raises_is_raised(app: Any) -> None:
    with pytest.raises(Broken):
        answer(WSGITransport(app))


@pytest.mark.parametrize("app", [raises_at_once, raises_before_the_first_bytes])
def test_an_exception_before_the_first_bytes_becomes_a_500(app: Any) -> None:
    errors = io.StringIO()

    response = answer(WSGITransport(app, raise_app_exceptions=False, wsgi_errors=errors))

    assert (response.status_code, response.content) == (500, b"")
    assert "Broken: " in errors.getvalue()


def test_an_exception_in_the_response_is_never_a_short_200() -> None:
    errors = io.StringIO()
    transport = WSGITransport(raises_in_its_answer, raise_app_exceptions=False, wsgi_errors=errors)

    with pytest.raises(
        RemoteProtocolError, match=r"the app raised Broken before the end of its response to GET http://app.example/"
    ) as caught:
        answer(transport)

    assert isinstance(caught.value.__cause__, Broken)
    assert "Broken: half-way" in errors.getvalue()


def excuses_itself(environ: Any, start_response: Any) -> Iterable[bytes]:
    try:
        start_response("200 OK", PLAIN)
        raise Broken("while it made its answer")
    except Broken:
        start_response("500 Broken", PLAIN, sys.exc_info())
        return [b"sorry"]


def test_an_app_may_change_its_answer_because_of_an_exception() -> None:
    response = answer(WSGITransport(excuses_itself, raise_app_exceptions=False))

    assert (response.status_code, response.content) == (500, b"sorry")


def test_the_exception_that_an_app_answers_because_of_is_raised() -> None:
    with pytest.raises(Broken, match="while it made its answer"):
        answer(WSGITransport(excuses_itself))


@pytest.mark.parametrize("raises", [True, False])
def test_an_answer_that_has_begun_is_not_changed(raises: bool) -> None:
    reached: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        yield b"one"
        try:
            raise Broken("half-way")
        except Broken:
            start_response("500 Broken", PLAIN, sys.exc_info())
            reached.append("here")

    with pytest.raises(Broken if raises else RemoteProtocolError):
        answer(WSGITransport(app, raise_app_exceptions=raises, wsgi_errors=io.StringIO()))
    assert reached == []


# Apps that do not keep to WSGI


def never_starts(environ: Any, start_response: Any) -> Any:
    return []


def gives_content_first(environ: Any, start_response: Any) -> Any:
    return [b"hello"]


def starts_twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    return []


def writes_text(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", PLAIN)("text")
    return []


BREAKS: dict[str, tuple[Any, str]] = {
    "never starts": (never_starts, "ended without a response"),
    "gives content first": (gives_content_first, "gave content before it called start_response"),
    "starts twice": (starts_twice, "called start_response twice"),
    "writes text": (writes_text, "gave str and not bytes"),
    "gives nothing": (giving(None), "returned NoneType, which cannot be iterated"),
    "gives text": (giving(["text"]), "gave str and not bytes"),
    "gives a string": (giving("text"), "gave str and not bytes"),
    "no status": (giving([], "OK"), "called start_response with the status 'OK'"),
    "a status that is a number": (giving([], 200), "called start_response with the status 200"),  # type: ignore[arg-type]
    "a status that splits": (giving([], "200 OK\r\nX: y"), "called start_response with the status"),
    "fields that are none": (giving([], "200 OK", [("a",)]), "called start_response with fields that are none"),
    "fields of bytes": (giving([], "200 OK", [(b"a", b"b")]), "called start_response with fields that are none"),
    "fields that split": (
        giving([], "200 OK", [("a", "b\r\nc: d")]),
        "called start_response with fields that are none",
    ),
    "too little": (giving([b"12345"], "200 OK", [("Content-Length", "10")]), "sent 5 of the 10 bytes"),
    "too much": (giving([b"12345"], "200 OK", [("Content-Length", "2")]), "sent more than the 2 bytes"),
}


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("case", BREAKS)
def test_an_app_that_breaks_the_rules_is_a_protocol_error(case: str, raises: bool) -> None:
    app, says = BREAKS[case]

    with pytest.raises(RemoteProtocolError, match=f"the app {says}") as caught:
        answer(WSGITransport(app, raise_app_exceptions=raises))

    assert caught.value.request.url == "http://app.example/"


def test_rules_hold_without_assertions_as_well() -> None:
    program = """
        import courser_transport
        import test_wsgi

        assert False, "this runs with -O"
        for case, (app, says) in test_wsgi.BREAKS.items():
            try:
                test_wsgi.answer(courser_transport.WSGITransport(app))
            except courser_transport.RemoteProtocolError as error:
                print(case, says in str(error), sep=": ")
            else:
                print(case, "no error", sep=": ")
    """
    ran = subprocess.run(
        [sys.executable, "-O", "-W", "error", "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.stderr == ""
    assert dict(line.split(": ", 1) for line in ran.stdout.splitlines()) == dict.fromkeys(BREAKS, "True")
