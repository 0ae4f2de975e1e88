"""`ASGITransport(lifespan=True)`: an app is started up before it is asked, and shut down at the end."""

from typing import Any

import pytest

from courser_models import Request
from courser_transport import ASGITransport, CloseError, ConnectError, ConnectTimeout, Timeout
from test_asgi import answer, body, hello, no_task_is_left, request, start
from worlds import World, in_event_loops


class App:
    """An app that notes what happens to it, and says what it is told to say."""

    def __init__(self, startup: Any = "complete", shutdown: Any = "complete") -> None:
        self.events: list[str] = []
        self._answers = {"lifespan.startup": startup, "lifespan.shutdown": shutdown}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.events.append(f"request {scope['state']}")
            scope["state"]["of this request"] = True
            await hello(scope, receive, send)
            return
        assert scope["type"] == "lifespan"
        scope["state"]["database"] = "open"
        for kind in self._answers:
            message = await receive()
            assert message == {"type": kind}
            self.events.append(kind)
            said = self._answers[kind]
            if isinstance(said, Exception):
                raise said
            if callable(said):
                await said()
            elif said == "complete":
                await send({"type": f"{kind}.complete"})
            elif said == "nothing":
                return
            else:
                await send({"type": f"{kind}.failed", "message": said})
                return


@in_event_loops
async def test_entering_starts_the_app_up_and_leaving_shuts_it_down(world: World) -> None:
    app = App()

    async with ASGITransport(app, lifespan=True) as transport:
        assert app.events == ["lifespan.startup"]
        await answer(transport)
        await answer(transport)

    seen = "request {'database': 'open'}"  # what one request adds to the state, the next does not see
    assert app.events == ["lifespan.startup", seen, seen, "lifespan.shutdown"]
    assert await no_task_is_left(world)


@in_event_loops
async def test_the_first_request_starts_the_app_up(world: World) -> None:
    app = App()
    transport = ASGITransport(app, lifespan=True)
    assert app.events == []

    tasks = [await world.beside(lambda: answer(transport)) for _ in range(3)]
    for task in tasks:
        await task.result()
    await transport.aclose()

    assert app.events.count("lifespan.startup") == 1
    assert (app.events[0], app.events[-1], len(app.events)) == ("lifespan.startup", "lifespan.shutdown", 5)


@in_event_loops
async def test_without_being_asked_to_nothing_is_started(world: World) -> None:
    scopes: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope["type"])
        await hello(scope, receive, send)

    async with ASGITransport(app) as transport:
        await answer(transport)

    assert scopes == ["http"]


@in_event_loops
async def test_a_transport_that_was_closed_starts_the_app_up_again(world: World) -> None:
    app = App()
    transport = ASGITransport(app, lifespan=True)
    for _ in range(2):
        async with transport:
            pass

    assert app.events == ["lifespan.startup", "lifespan.shutdown"] * 2


@in_event_loops
async def test_startup_may_take_its_time_on_entering(world: World) -> None:
    app = App()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await world.backend.sleep(0.05)
        await app(scope, receive, send)

    async with ASGITransport(slow, lifespan=True) as transport:
        await answer(transport, Request("GET", "http://app/", extensions={"timeout": Timeout(0.02).as_dict()}))


@in_event_loops
async def test_a_request_that_starts_the_app_up_waits_as_long_as_for_a_connection(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await world.backend.sleep(60)

    transport = ASGITransport(app, lifespan=True, grace=0.01)
    asked = Request("GET", "http://app/", extensions={"timeout": Timeout(None, connect=0.05).as_dict()})
    with pytest.raises(ConnectTimeout, match=r"starting the app up timed out after 0.05 s") as caught:
        await answer(transport, asked)
    await transport.aclose()

    assert caught.value.request is asked
    assert await no_task_is_left(world)


FAILURES = {
    "says so": (App(startup="Traceback:\n  the database is away\n"), "the app did not start up: the database is away"),
    "says so without a reason": (App(startup=""), "the app did not start up: it gave no reason"),
    "ends": (App(startup="nothing"), "it ended without an answer; without lifespan=True it is not asked to"),
    "raises": (App(startup=ValueError("no")), "it raised ValueError; without lifespan=True it is not asked to"),
}


@pytest.mark.parametrize("case", FAILURES)
@pytest.mark.parametrize("enters", [True, False])
@in_event_loops
async def test_an_app_that_does_not_start_up_is_no_connection(world: World, case: str, enters: bool) -> None:
    app, says = FAILURES[case]
    transport = ASGITransport(app, raise_app_exceptions=False, lifespan=True)

    with pytest.raises(ConnectError, match=says):
        if enters:
            await transport.__aenter__()
        else:
            await answer(transport)
    if not enters:
        with pytest.raises(ConnectError, match=says):  # and no second time
            await answer(transport)
        await transport.aclose()

    assert await no_task_is_left(world)


@in_event_loops
async def test_what_startup_and_shutdown_raise_is_raised(world: World) -> None:
    with pytest.raises(ZeroDivisionError, match="at startup"):
        await ASGITransport(App(startup=ZeroDivisionError("at startup")), lifespan=True).__aenter__()

    with pytest.raises(ZeroDivisionError, match="at shutdown"):
        async with ASGITransport(App(shutdown=ZeroDivisionError("at shutdown")), lifespan=True):
            pass

    assert await no_task_is_left(world)


@in_event_loops
async def test_an_app_that_cannot_shut_down_is_an_error_on_closing(world: World) -> None:
    with pytest.raises(CloseError, match="the app did not shut down: the disk is full"):
        async with ASGITransport(App(shutdown="the disk is full"), lifespan=True):
            pass


@in_event_loops
async def test_an_app_that_ends_without_a_word_at_shutdown_is_shut_down(world: World) -> None:
    app = App(shutdown="nothing")
    async with ASGITransport(app, lifespan=True):
        pass

    assert app.events == ["lifespan.startup", "lifespan.shutdown"]


@in_event_loops
async def test_requests_end_before_the_app_is_shut_down(world: World) -> None:
    events: list[str] = []
    lifespan = App()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
            events.append("shut down")
            return
        await start(send)
        await body(send, b"one", more=True)
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        events.append("request ended")

    async with ASGITransport(app, lifespan=True) as transport:
        response = await transport.handle_async_request(request())
        assert await anext(response.aiter_raw()) == b"one"

    assert events == ["request ended", "shut down"]


@in_event_loops
async def test_a_message_that_nobody_expects_is_an_error(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with pytest.raises(RuntimeError, match=r"'lifespan.shutdown.complete' while its lifespan was at 'startup'"):
        await ASGITransport(app, lifespan=True).__aenter__()


@in_event_loops
async def test_who_gives_up_entering_leaves_nothing_behind(world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await world.backend.sleep(60)

    task = await world.beside(ASGITransport(app, lifespan=True).__aenter__)
    for _ in range(5):
        await world.turn()
    task.cancel()
    await task.ended()

    assert await no_task_is_left(world)


def test_one_transport_serves_one_event_loop_after_another() -> None:
    import asyncio

    app = App()
    transport = ASGITransport(app, lifespan=True)

    async def once() -> None:
        await answer(transport)

    for _ in range(2):
        asyncio.run(once())

    assert [event for event in app.events if event.startswith("lifespan")] == ["lifespan.startup"] * 2
