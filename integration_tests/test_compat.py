"""`courser.compat`: clients of real HTTPX and httpx2 over courser's connections."""

import asyncio
import contextlib
import gzip
import importlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import trio

import courser

from .ecosystem.server import Server, run_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with run_server() as running:
        yield running


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """Theirs, and not ours under their name."""
    module = importlib.import_module(request.param)
    assert module.Client is not courser.Client
    return module


@contextlib.contextmanager
def answering(*pieces: bytes) -> Iterator[str]:
    """Serve one connection: send `pieces` when a request has come, and close; without pieces when the client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                if not pieces:
                    connection.recv(1)  # until the client leaves

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


# In threads.


def sync_client(library: ModuleType, **options: Any) -> Any:
    return library.Client(transport=courser.compat.httpx_transport(), **options)


def test_a_response_is_theirs(library: ModuleType, server: Server) -> None:
    with sync_client(library) as client:
        response = client.post(f"{server.url}/echo?a=1", json={"name": "tea"}, headers={"X-Mixed": "Case"})

    assert isinstance(response, library.Response)
    assert isinstance(response.request, library.Request)
    told = response.json()
    assert (told["method"], told["args"], told["body"]) == ("POST", {"a": "1"}, '{"name":"tea"}')
    assert told["headers"]["x-mixed"] == "Case"
    assert told["headers"]["user-agent"].startswith(f"python-{library.__name__}/")
    assert (response.http_version, response.reason_phrase) == ("HTTP/1.1", "OK")
    assert response.elapsed.total_seconds() > 0


def test_it_is_a_transport_to_those_who_ask(library: ModuleType) -> None:
    assert isinstance(courser.compat.httpx_transport(), library.BaseTransport)
    assert isinstance(courser.compat.async_httpx_transport(), library.AsyncBaseTransport)


def test_a_body_is_streamed_up(library: ModuleType, server: Server) -> None:
    with sync_client(library) as client:
        told = client.put(f"{server.url}/echo", content=(b"part %d " % number for number in range(3))).json()

    assert told["body"] == "part 0 part 1 part 2 "
    assert told["headers"]["transfer-encoding"] == "chunked"


def test_a_form_with_files_goes_up(library: ModuleType, server: Server) -> None:
    with sync_client(library) as client:
        told = client.post(f"{server.url}/echo", data={"to": "me"}, files={"report": ("r.txt", b"all well")}).json()

    assert "all well" in told["body"]
    assert told["headers"]["content-type"].startswith("multipart/form-data; boundary=")


def test_a_body_is_streamed_down(library: ModuleType) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        answering(head, b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n") as url,
        sync_client(library) as client,
        client.stream("GET", url) as response,
    ):
        assert b"".join(response.iter_raw()) == b"onetwo"
        assert response.is_closed


def test_content_is_decoded_once_and_by_theirs(library: ModuleType) -> None:
    body = gzip.compress(b"hello" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with answering(head + body) as url, sync_client(library) as client:
        response = client.get(url)

    assert response.content == b"hello" * 100
    assert response.num_bytes_downloaded == len(body)


def test_a_kept_connection_is_used_again(library: ModuleType, server: Server) -> None:
    transport = courser.HTTPTransport()
    with library.Client(transport=courser.compat.httpx_transport(transport)) as client:
        for _ in range(3):
            client.get(f"{server.url}/echo")
        assert transport.pool.stats().connections_made == 1


def test_redirects_and_cookies_are_their_clients_matter(library: ModuleType, server: Server) -> None:
    with sync_client(library, follow_redirects=True) as client:
        response = client.get(f"{server.url}/hub/me/model/resolve/main/w.bin")

    assert [step.status_code for step in response.history] == [302]
    assert all(isinstance(step, library.Response) for step in response.history)


def test_closing_their_client_closes_our_connections(library: ModuleType, server: Server) -> None:
    transport = courser.HTTPTransport()
    with library.Client(transport=courser.compat.httpx_transport(transport)) as client:
        client.get(f"{server.url}/echo")

    with pytest.raises(RuntimeError, match="closed"):
        transport.handle_request(courser.Request("GET", f"{server.url}/echo"))


def nobody_there(library: ModuleType) -> tuple[Any, type[Exception], dict[str, Any]]:
    return contextlib.nullcontext("http://127.0.0.1:9/"), library.ConnectError, {}


def silence(library: ModuleType) -> tuple[Any, type[Exception], dict[str, Any]]:
    return answering(), library.ReadTimeout, {"timeout": library.Timeout(5.0, read=0.05)}


def nonsense(library: ModuleType) -> tuple[Any, type[Exception], dict[str, Any]]:
    return answering(b"nonsense\r\n\r\n"), library.RemoteProtocolError, {}


def too_short(library: ModuleType) -> tuple[Any, type[Exception], dict[str, Any]]:
    return answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), library.RemoteProtocolError, {}


def unspoken(library: ModuleType) -> tuple[Any, type[Exception], dict[str, Any]]:
    return contextlib.nullcontext("gopher://example.org/"), library.UnsupportedProtocol, {}


FAILURES = [nobody_there, silence, nonsense, too_short, unspoken]


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_are_theirs(library: ModuleType, failure: Callable[[ModuleType], Any]) -> None:
    serving, expected, options = failure(library)

    with serving as url, sync_client(library) as client, pytest.raises(expected) as caught:
        client.get(url, **options)

    assert type(caught.value) is expected
    assert isinstance(caught.value.request, library.Request)
    assert str(caught.value)
    assert isinstance(caught.value.__cause__, courser.TransportError)


def test_an_error_of_the_body_that_is_sent_stays_what_it_is(library: ModuleType, server: Server) -> None:
    def body() -> Iterator[bytes]:
        yield b"some"
        raise LookupError("no more of it")

    with sync_client(library) as client, pytest.raises(LookupError, match="no more of it"):
        client.post(f"{server.url}/echo", content=body())


def test_extensions_go_both_ways(library: ModuleType, server: Server) -> None:
    events: list[str] = []
    extensions = {"trace": lambda name, info: events.append(name)}
    with (
        sync_client(library) as client,
        client.stream("GET", f"{server.url}/events", extensions=extensions) as response,
    ):
        address = response.extensions["network_stream"].get_extra_info("server_addr")
        response.read()

    assert "http11.send_request_headers.complete" in events
    assert address == ("127.0.0.1", server.server_port)


def test_what_is_not_theirs_is_refused() -> None:
    transport = courser.compat.httpx_transport()

    with pytest.raises(TypeError, match="courser_models made the request"):
        transport.handle_request(courser.Request("GET", "http://127.0.0.1:9/"))


# In event loops.


@pytest.fixture(params=[asyncio.run, lambda program: trio.run(lambda: program)], ids=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Run a coroutine to its end."""

    def run(program: Any) -> Any:
        return request.param(program)

    return run


def async_client(library: ModuleType, **options: Any) -> Any:
    return library.AsyncClient(transport=courser.compat.async_httpx_transport(), **options)


def test_an_async_response_is_theirs(library: ModuleType, server: Server, run: Callable[[Any], Any]) -> None:
    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"part %d " % number

    async def program() -> None:
        async with async_client(library) as client:
            response = await client.put(f"{server.url}/echo", content=body())
            assert isinstance(response, library.Response)
            assert response.json()["body"] == "part 0 part 1 part 2 "
            response = await client.post(f"{server.url}/echo", files={"report": ("r.txt", b"all well")})
            assert "all well" in response.json()["body"]
            async with client.stream("GET", f"{server.url}/events") as response:
                assert "hello" in "".join([text async for text in response.aiter_text()])

    run(program())


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_in_an_event_loop_are_theirs(
    library: ModuleType, failure: Callable[[ModuleType], Any], run: Callable[[Any], Any]
) -> None:
    async def program() -> Any:
        async with async_client(library) as client:
            with pytest.raises(expected) as caught:
                await client.get(url, **options)
        return caught.value

    serving, expected, options = failure(library)
    with serving as url:
        error = run(program())

    assert type(error) is expected
    assert isinstance(error.request, library.Request)


def test_closing_their_async_client_closes_our_connections(
    library: ModuleType, server: Server, run: Callable[[Any], Any]
) -> None:
    async def program() -> None:
        transport = courser.AsyncHTTPTransport()
        async with library.AsyncClient(transport=courser.compat.async_httpx_transport(transport)) as client:
            await client.get(f"{server.url}/echo")
        with pytest.raises(RuntimeError, match="closed"):
            await transport.handle_async_request(courser.Request("GET", f"{server.url}/echo"))

    run(program())
