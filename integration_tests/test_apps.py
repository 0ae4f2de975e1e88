"""Apps of Starlette and FastAPI in the same process, on asyncio and trio: what their users do with them."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import anyio
import fastapi
import pytest
import trio
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

import courser

from .worlds import Asyncio, Trio

loops = pytest.mark.parametrize("world", [Asyncio(), Trio()], ids=lambda world: world.name)


class Program:
    """An app, and what happened in it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.app = fastapi.FastAPI(lifespan=self._lifespan)
        self.app.get("/events")(self._stream)
        self.app.post("/items")(self._make)
        self.app.post("/upload")(self._upload)
        self.app.get("/broken")(self._fail)
        self.app.get("/later")(self._work_later)
        self.app.add_middleware(BaseHTTPMiddleware, dispatch=self._dispatch)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Any) -> AsyncIterator[dict[str, str]]:
        self.events.append("started")
        yield {"database": "open"}
        self.events.append("stopped")

    async def _dispatch(self, request: fastapi.Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-Passed"] = "through"
        return response

    async def _stream(self) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            try:
                number = 0
                while True:
                    yield f"data: {number}\n\n"
                    number += 1
                    await anyio.sleep(0.001 if number < 5 else 60)
            finally:
                self.events.append("stream closed")

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _make(self, item: dict[str, Any], request: fastapi.Request) -> Any:
        return JSONResponse({"made": item, "state": getattr(request.state, "database", None)}, status_code=201)

    async def _upload(self, request: fastapi.Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in request.stream()])}

    async def _fail(self) -> None:
        raise ZeroDivisionError("in the app")

    async def _work_later(self, tasks: fastapi.BackgroundTasks) -> dict[str, str]:
        async def work() -> None:
            await anyio.sleep(0.01)
            self.events.append("worked")

        tasks.add_task(work)
        return {"will": "be done"}


@loops
def test_json_goes_in_and_comes_out(world: Any) -> None:
    async def use(client: courser.AsyncClient) -> courser.Response:
        return await client.post("/items", json={"name": "saddle"})

    response = world.run(use, app=Program().app, base_url="http://test")

    assert (response.status_code, response.json()["made"]) == (201, {"name": "saddle"})
    assert response.headers["x-passed"] == "through"


@loops
def test_events_are_read_as_they_come_and_left(world: Any) -> None:
    program = Program()

    async def use(client: courser.AsyncClient) -> list[str]:
        lines = []
        async with client.stream("GET", "/events") as response:
            async for line in response.aiter_lines():
                lines.append(line)
                if line == "data: 3":
                    break
        assert program.events == ["stream closed"]
        return [line for line in lines if line]

    assert world.run(use, app=program.app, base_url="http://test") == [f"data: {number}" for number in range(4)]


@loops
def test_events_that_stop_coming_are_a_time_out(world: Any) -> None:
    program = Program()

    async def use(client: courser.AsyncClient) -> None:
        with pytest.raises(courser.ReadTimeout, match=r"answer GET http://test/events timed out after 0.3 s"):
            await client.get("/events", timeout=0.3)

    world.run(use, app=program.app, base_url="http://test")

    assert program.events == ["stream closed"]


@loops
def test_an_upload_is_streamed(world: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            await anyio.sleep(0)
            yield b"x" * 50_000

    async def use(client: courser.AsyncClient) -> Any:
        return (await client.post("/upload", content=pieces())).json()

    assert world.run(use, app=Program().app, base_url="http://test") == {"bytes": 1_000_000}


@loops
def test_work_in_the_background_is_done_with_the_response(world: Any) -> None:
    program = Program()

    async def use(client: courser.AsyncClient) -> list[str]:
        assert (await client.get("/later")).json() == {"will": "be done"}
        return program.events.copy()

    assert world.run(use, app=program.app, base_url="http://test") == ["worked"]


@loops
def test_an_exception_of_the_app_is_raised_or_a_500(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def use(client: courser.AsyncClient) -> None:
        with pytest.raises(ZeroDivisionError, match="in the app"):
            await client.get("/broken")

    async def see(client: courser.AsyncClient) -> courser.Response:
        return await client.get("/broken")

    world.run(use, app=Program().app, base_url="http://test")
    transport = courser.ASGITransport(Program().app, raise_app_exceptions=False)
    response = world.run(see, transport=transport, base_url="http://test")

    assert (response.status_code, response.text) == (500, "Internal Server Error")
    assert "the app raised ZeroDivisionError" in caplog.text


@loops
def test_the_app_is_started_and_stopped(world: Any) -> None:
    program = Program()

    async def use(client: courser.AsyncClient) -> Any:
        assert program.events == ["started"]
        return (await client.post("/items", json={})).json()["state"]

    transport = courser.ASGITransport(program.app, lifespan=True)

    assert world.run(use, transport=transport, base_url="http://test") == "open"
    assert program.events == ["started", "stopped"]


@loops
def test_many_requests_at_once(world: Any) -> None:
    async def use(client: courser.AsyncClient) -> list[int]:
        statuses = []

        async def one() -> None:
            statuses.append((await client.post("/items", json={})).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(one)
        return statuses

    assert world.run(use, app=Program().app, base_url="http://test") == [201] * 50


def test_a_trio_program_that_is_cancelled_leaves_no_task() -> None:
    async def main() -> None:
        program = Program()
        async with courser.AsyncClient(app=program.app, base_url="http://test") as client:
            with trio.move_on_after(0.2) as scope:
                await client.get("/events", timeout=None)
            assert scope.cancelled_caught
        assert program.events == ["stream closed"]

    trio.run(main)
