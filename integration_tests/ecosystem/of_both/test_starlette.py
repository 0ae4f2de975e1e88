"""starlette's TestClient, which is FastAPI's too: a subclass of `Client` with a transport of its own."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import courser


async def echo(request: Request) -> JSONResponse:
    body = (await request.body()).decode()
    response = JSONResponse({"url": str(request.url), "cookies": request.cookies, "body": body})
    response.set_cookie("seen", "yes")
    return response


async def form(request: Request) -> JSONResponse:
    async with request.form() as sent:
        return JSONResponse({"to": sent["to"], "report": (await sent["report"].read()).decode()})


async def stream(request: Request) -> StreamingResponse:
    async def words():
        for word in ("one", "by", "one"):
            yield word

    return StreamingResponse(words())


async def websocket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


def fail(request: Request) -> None:
    raise RuntimeError("the app's own error")


APP = Starlette(
    routes=[
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/away", lambda request: RedirectResponse("/echo")),
        Route("/stream", stream),
        Route("/fail", fail),
        WebSocketRoute("/socket", websocket),
    ]
)


def test_it_is_a_client_of_ours() -> None:
    assert issubclass(TestClient, courser.Client)


def test_the_app_is_asked_and_cookies_are_kept() -> None:
    with TestClient(APP) as client:
        assert client.get("/echo?a=1").json() == {"url": "http://testserver/echo?a=1", "cookies": {}, "body": ""}
        assert client.post("/echo", content=b"tea").json()["cookies"] == {"seen": "yes"}


def test_forms_with_files_arrive() -> None:
    answer = TestClient(APP).post("/form", data={"to": "me"}, files={"report": ("r.txt", b"all well")})

    assert answer.json() == {"to": "me", "report": "all well"}


def test_redirects_are_followed() -> None:
    response = TestClient(APP).get("/away")

    assert response.url == "http://testserver/echo"
    assert [step.status_code for step in response.history] == [307]


def test_responses_are_streamed() -> None:
    with TestClient(APP).stream("GET", "/stream") as response:
        assert "".join(response.iter_text()) == "onebyone"


def test_websockets_are_opened() -> None:
    with TestClient(APP).websocket_connect("/socket") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_errors_of_the_app_are_raised() -> None:
    with pytest.raises(RuntimeError, match="the app's own error"):
        TestClient(APP).get("/fail")

    assert TestClient(APP, raise_server_exceptions=False).get("/fail").status_code == 500
