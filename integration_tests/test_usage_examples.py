"""What a client is used for, as ten programs that somebody would write, for both clients; httpbin is their server.

1. a client that is closed by hand                   6. a FastAPI app whose requests share one client
2. a client in a `with` block                        7. Basic authentication
3. three requests at once                            8. a status that is an error
4. base URL, fields, time-outs and limits            9. a server that cannot be reached
5. a download in chunks of 1,024 bytes              10. a client that talks to an app in the same process

Each stands here as it would stand in a program with asyncio, then for threads. trio runs the first kind as it is, but
for the third and the sixth, where the loop shows.
"""

import asyncio
import functools
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import fastapi
import httpbin as httpbin_app
import hypercorn.config
import hypercorn.trio
import pytest
import trio
import uvicorn

import courser

from .servers.processes import listener, port_of

Run = Callable[[Callable[[], Awaitable[Any]]], Any]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """What runs a coroutine function to its end, in one event loop and in the other."""
    return {"asyncio": run_in_asyncio, "trio": trio.run}[request.param]


def run_in_asyncio(program: Callable[[], Any]) -> Any:
    return asyncio.run(program())


# 1. A client that is closed by hand


def test_a_client_is_closed_by_hand_in_a_loop(run: Run, httpbin: str) -> None:
    async def program() -> None:
        client = courser.AsyncClient()
        try:
            response = await client.get(f"{httpbin}/get", params={"page": 2})
        finally:
            await client.aclose()

        assert response.status_code == 200
        assert response.json()["args"] == {"page": "2"}
        assert client.is_closed

    run(program)


def test_a_client_is_closed_by_hand(httpbin: str) -> None:
    client = courser.Client()
    try:
        response = client.get(f"{httpbin}/get", params={"page": 2})
    finally:
        client.close()

    assert response.status_code == 200
    assert response.json()["args"] == {"page": "2"}
    assert client.is_closed


# 2. A client in a `with` block


def test_a_client_is_closed_by_its_block_in_a_loop(run: Run, httpbin: str) -> None:
    async def program() -> None:
        async with courser.AsyncClient() as client:
            response = await client.post(f"{httpbin}/post", json={"name": "saddle"})

        assert response.json()["json"] == {"name": "saddle"}
        assert client.is_closed

    run(program)


def test_a_client_is_closed_by_its_block(httpbin: str) -> None:
    with courser.Client() as client:
        response = client.post(f"{httpbin}/post", json={"name": "saddle"})

    assert response.json()["json"] == {"name": "saddle"}
    assert client.is_closed


# 3. Three requests at once: they take as long as the longest of them


def test_three_requests_at_once_in_asyncio(httpbin: str) -> None:
    async def program() -> list[courser.Response]:
        async with courser.AsyncClient() as client:
            return await asyncio.gather(*(client.get(f"{httpbin}/delay/{seconds}") for seconds in (1, 2, 3)))

    with takes_three_seconds():
        responses = asyncio.run(program())
    assert [response.status_code for response in responses] == [200, 200, 200]


def test_three_requests_at_once_in_trio(httpbin: str) -> None:
    statuses = {}

    async def fetch(client: courser.AsyncClient, seconds: int) -> None:
        response = await client.get(f"{httpbin}/delay/{seconds}")
        statuses[seconds] = response.status_code

    async def program() -> None:
        async with courser.AsyncClient() as client, trio.open_nursery() as nursery:
            for seconds in (1, 2, 3):
                nursery.start_soon(fetch, client, seconds)

    with takes_three_seconds():
        trio.run(program)
    assert statuses == {1: 200, 2: 200, 3: 200}


def test_three_requests_at_once_in_threads(httpbin: str) -> None:
    with courser.Client() as client, ThreadPoolExecutor() as threads, takes_three_seconds():
        responses = list(threads.map(client.get, [f"{httpbin}/delay/{seconds}" for seconds in (1, 2, 3)]))

    assert [response.status_code for response in responses] == [200, 200, 200]


@contextmanager
def takes_three_seconds() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert 2.9 < time.monotonic() - started < 3.5


# 4. Base URL, fields, time-outs and limits

SETTINGS: dict[str, Any] = {
    "headers": {"X-Team": "cats", "User-Agent": "shop/1.0"},
    "timeout": courser.Timeout(10.0, connect=5.0),
    "limits": courser.Limits(max_connections=50),
}


def test_a_client_has_settings_in_a_loop(run: Run, httpbin: str) -> None:
    async def program() -> None:
        async with courser.AsyncClient(base_url=f"{httpbin}/anything/v1", **SETTINGS) as client:
            response = await client.get("/items", headers={"X-Page": "2"})

        assert_settings_hold(response, httpbin)

    run(program)


def test_a_client_has_settings(httpbin: str) -> None:
    with courser.Client(base_url=f"{httpbin}/anything/v1", **SETTINGS) as client:
        response = client.get("/items", headers={"X-Page": "2"})

    assert_settings_hold(response, httpbin)


def assert_settings_hold(response: courser.Response, httpbin: str) -> None:
    understood = response.json()
    assert understood["url"] == f"{httpbin}/anything/v1/items"
    sent = understood["headers"]
    assert (sent["X-Team"], sent["X-Page"], sent["User-Agent"]) == ("cats", "2", "shop/1.0")
    phases = {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 10.0}
    assert response.request.extensions["timeout"].items() >= phases.items()


# 5. A download in chunks of 1,024 bytes

LENGTH = 100_000
LENGTHS_OF_CHUNKS = [1024] * (LENGTH // 1024) + [LENGTH % 1024]


def test_a_download_comes_in_chunks_of_one_length_in_a_loop(run: Run, httpbin: str) -> None:
    async def program() -> None:
        async with (
            courser.AsyncClient() as client,
            client.stream("GET", f"{httpbin}/bytes/{LENGTH}?seed=1") as response,
        ):
            lengths = [len(chunk) async for chunk in response.aiter_bytes(chunk_size=1024)]

        assert lengths == LENGTHS_OF_CHUNKS
        assert response.num_bytes_downloaded == LENGTH

    run(program)


def test_a_download_comes_in_chunks_of_one_length(httpbin: str) -> None:
    with courser.Client() as client, client.stream("GET", f"{httpbin}/bytes/{LENGTH}?seed=1") as response:
        lengths = [len(chunk) for chunk in response.iter_bytes(chunk_size=1024)]

    assert lengths == LENGTHS_OF_CHUNKS
    assert response.num_bytes_downloaded == LENGTH


# 6. A FastAPI app whose requests share one client, which is closed when the app shuts down


def app_with_a_shared_client(httpbin: str) -> fastapi.FastAPI:
    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        async with courser.AsyncClient(base_url=httpbin) as client:
            app.state.client = client
            yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/proxied/{number}")
    async def proxied(number: int) -> Any:
        response = await app.state.client.get("/get", params={"number": number})
        return response.json()["args"]

    return app


def app_with_a_shared_client_for_threads(httpbin: str) -> fastapi.FastAPI:
    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        with courser.Client(base_url=httpbin) as client:
            app.state.client = client
            yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/proxied/{number}")
    def proxied(number: int) -> Any:
        response = app.state.client.get("/get", params={"number": number})
        return response.json()["args"]

    return app


@contextmanager
def served_by_uvicorn(app: fastapi.FastAPI) -> Iterator[str]:
    """Serve with uvicorn, which is asyncio, until the block ends."""
    config = uvicorn.Config(app, log_level="warning", loop="asyncio", http="h11", ws="none", lifespan="on")
    server = uvicorn.Server(config)
    with serving_in_a_thread(lambda listening: server.run(sockets=[listening])) as url:
        try:
            yield url
        finally:
            server.should_exit = True


@contextmanager
def served_by_hypercorn(app: fastapi.FastAPI) -> Iterator[str]:
    """Serve with hypercorn on trio until the block ends."""
    config = hypercorn.config.Config()
    config.loglevel = "WARNING"
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        config.bind = [f"fd://{listening.detach()}"]
        wait = functools.partial(trio.to_thread.run_sync, over.wait)
        trio.run(functools.partial(hypercorn.trio.serve, app, config, shutdown_trigger=wait))

    with serving_in_a_thread(serve) as url:
        try:
            yield url
        finally:
            over.set()


@contextmanager
def serving_in_a_thread(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    listening = listener()
    url = f"http://127.0.0.1:{port_of(listening)}"
    thread = threading.Thread(target=serve, args=[listening])
    thread.start()
    try:
        yield url
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("make_app", "served"),
    [
        pytest.param(app_with_a_shared_client, served_by_uvicorn, id="asyncio"),
        pytest.param(app_with_a_shared_client, served_by_hypercorn, id="trio"),
        pytest.param(app_with_a_shared_client_for_threads, served_by_uvicorn, id="threads"),
    ],
)
def test_the_requests_of_an_app_share_one_client(
    make_app: Callable[[str], fastapi.FastAPI], served: Callable[[fastapi.FastAPI], Any], httpbin: str
) -> None:
    app = make_app(httpbin)

    with served(app) as url, courser.Client(base_url=url) as visitor:
        answers = [visitor.get(f"/proxied/{number}").json() for number in (1, 2, 3)]
        assert not app.state.client.is_closed

    assert answers == [{"number": "1"}, {"number": "2"}, {"number": "3"}]
    assert app.state.client.is_closed


# 7. Basic authentication


def test_basic_authentication_in_a_loop(run: Run, httpbin: str) -> None:
    async def program() -> None:
        async with courser.AsyncClient(auth=courser.BasicAuth("ada", "secret")) as client:
            response = await client.get(f"{httpbin}/basic-auth/ada/secret")
            refused = await client.get(f"{httpbin}/basic-auth/ada/secret", auth=courser.BasicAuth("ada", "wrong"))

        assert response.json() == {"authenticated": True, "user": "ada"}
        assert refused.status_code == courser.codes.UNAUTHORIZED

    run(program)


def test_basic_authentication(httpbin: str) -> None:
    with courser.Client(auth=courser.BasicAuth("ada", "secret")) as client:
        response = client.get(f"{httpbin}/basic-auth/ada/secret")
        refused = client.get(f"{httpbin}/basic-auth/ada/secret", auth=courser.BasicAuth("ada", "wrong"))

    assert response.json() == {"authenticated": True, "user": "ada"}
    assert refused.status_code == courser.codes.UNAUTHORIZED


# 8. A status that is an error, and 9. a server that cannot be reached


def test_errors_are_caught_by_their_classes_in_a_loop(run: Run, httpbin: str) -> None:
    async def describe(client: courser.AsyncClient, url: str) -> str:
        try:
            response = await client.get(url)
            response.raise_for_status()
        except courser.RequestError as error:
            return f"no answer from {error.request.url}"
        except courser.HTTPStatusError as error:
            return f"{error.response.status_code} from {error.request.url}"
        return "fine"

    async def program() -> None:
        async with courser.AsyncClient() as client:
            assert await describe(client, f"{httpbin}/status/200") == "fine"
            assert await describe(client, f"{httpbin}/status/404") == f"404 from {httpbin}/status/404"
            assert await describe(client, f"{httpbin}/status/503") == f"503 from {httpbin}/status/503"
            with nobody_listens() as url:
                assert await describe(client, url) == f"no answer from {url}"

    run(program)


def test_errors_are_caught_by_their_classes(httpbin: str) -> None:
    def describe(client: courser.Client, url: str) -> str:
        try:
            response = client.get(url)
            response.raise_for_status()
        except courser.RequestError as error:
            return f"no answer from {error.request.url}"
        except courser.HTTPStatusError as error:
            return f"{error.response.status_code} from {error.request.url}"
        return "fine"

    with courser.Client() as client:
        assert describe(client, f"{httpbin}/status/200") == "fine"
        assert describe(client, f"{httpbin}/status/404") == f"404 from {httpbin}/status/404"
        assert describe(client, f"{httpbin}/status/503") == f"503 from {httpbin}/status/503"
        with nobody_listens() as url:
            assert describe(client, url) == f"no answer from {url}"


@contextmanager
def nobody_listens() -> Iterator[str]:
    """Give a URL whose port is taken, and refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{port_of(bound)}/"


# 10. A client that talks to an app in the same process


def test_an_app_is_talked_to_without_a_network(run: Run) -> None:
    app = fastapi.FastAPI()

    @app.get("/items/{number}")
    async def item(number: int, size: str = "medium") -> Any:
        if number > 10:
            raise fastapi.HTTPException(404, "no such item")
        return {"number": number, "size": size}

    @app.post("/items")
    def add(item: dict[str, Any]) -> Any:  # FastAPI runs it in a thread
        return fastapi.responses.JSONResponse(item, status_code=201)

    async def program() -> None:
        async with courser.AsyncClient(app=app, base_url="http://test") as client:
            assert (await client.get("/items/3", params={"size": "large"})).json() == {"number": 3, "size": "large"}
            assert (await client.get("/items/11")).status_code == 404
            response = await client.post("/items", json={"number": 4})
        assert (response.status_code, response.json()) == (201, {"number": 4})

    run(program)


def test_a_wsgi_app_is_talked_to_without_a_network() -> None:
    with courser.Client(app=httpbin_app.app, base_url="http://test") as client:
        assert client.get("/get", params={"page": 2}).json()["args"] == {"page": "2"}
        assert client.post("/post", json={"number": 4}).json()["json"] == {"number": 4}
        assert client.get("/status/404").status_code == 404
