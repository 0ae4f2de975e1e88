"""`TokenAuth`: renewed once for everybody, in threads, asyncio and trio; and OAuth 2 client credentials."""

import asyncio
import base64
import gc
import json
import pickle
import sys
import threading
import time
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any
from urllib.parse import parse_qs

import pytest
import trio
import trio.testing

from courser_auth import AuthError, BearerAuth, OAuth2ClientCredentials, Token, TokenAuth, TokenError, _token
from courser_models import Request, RequestError, Response
from flows import Server, drive, drive_sync, in_both_colours

URL = "https://api.example.org/"


class Issuer:
    """Gives tokens, one after the other, and notes how often it was asked; a server takes the newest alone."""

    def __init__(self, first: int = 1) -> None:
        self.number = first - 1
        self.asked = 0
        self.refused = 0

    def __call__(self) -> str:
        self.asked += 1
        self.number += 1
        return f"token{self.number}"

    async def later(self) -> str:
        return self()

    def serve(self, request: Request) -> Response:
        if request.headers["authorization"] == f"Bearer token{self.number}":
            return Response(200)
        self.refused += 1
        return Response(401)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A clock that stands still: `clock.now` is the time for all tokens."""
    clock = types.SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


def get(url: str = URL, **options: Any) -> Request:
    return Request("GET", url, **options)


def sent_by(flow: Generator[Request, Response, None]) -> Any:
    return next(flow).headers["authorization"]


@in_both_colours
def test_the_first_request_fetches_the_token_and_the_others_use_it(send: Any) -> None:
    issuer = Issuer()
    auth = TokenAuth(issuer)
    assert auth.token is None

    assert [send(auth, get(), issuer.serve).status_code for _ in range(3)] == [200] * 3

    assert (issuer.asked, auth.token) == (1, Token("token1"))


@in_both_colours
def test_a_refused_token_is_renewed_and_the_request_sent_once_more(send: Any) -> None:
    issuer = Issuer()
    auth = TokenAuth(issuer, token="old")

    assert send(auth, get(), issuer.serve).status_code == 200

    assert (issuer.asked, issuer.refused) == (1, 1)


@in_both_colours
def test_a_server_that_refuses_every_token_is_asked_twice(send: Any) -> None:
    issuer, seen = Issuer(), []

    def server(request: Request) -> Response:
        seen.append(request.headers["authorization"])
        return Response(401)

    assert send(TokenAuth(issuer), get(), server).status_code == 401
    assert seen == ["Bearer token1", "Bearer token2"]


@in_both_colours
def test_a_token_that_stays_the_same_is_not_sent_again(send: Any) -> None:
    seen = []

    def server(request: Request) -> Response:
        seen.append(request)
        return Response(401)

    assert send(TokenAuth(lambda: "same"), get(), server).status_code == 401
    assert len(seen) == 1


def test_a_refusal_by_another_origin_renews_nothing() -> None:
    issuer = Issuer()
    flow = TokenAuth(issuer).sync_auth_flow(get())
    next(flow)

    with pytest.raises(StopIteration):
        flow.send(Response(401, request=get("https://elsewhere.example/")))
    assert issuer.asked == 1


# The end of a token


@in_both_colours
def test_a_token_is_renewed_ahead_of_its_end(send: Any, clock: types.SimpleNamespace) -> None:
    issuer = Issuer()
    auth = TokenAuth(lambda: Token.expiring_in(issuer(), 100), leeway=30)
    for now in [0, 69, 70, 139, 140]:
        clock.now = 1_000_000.0 + now
        assert send(auth, get(), issuer.serve).status_code == 200

    assert (issuer.asked, issuer.refused) == (3, 0)


def test_while_one_renews_ahead_of_time_the_others_go_on_with_what_they_have(clock: types.SimpleNamespace) -> None:
    auth = AskingIssuer(token=Token("old", clock.now + 20), leeway=30)
    first, second = auth.sync_auth_flow(get()), auth.sync_auth_flow(get())

    assert next(first).url.host == "issuer.example.org"
    assert sent_by(second) == "Bearer old"
    assert first.send(Response(200, text="new")).headers["authorization"] == "Bearer new"
    assert sent_by(auth.sync_auth_flow(get())) == "Bearer new"


@in_both_colours
def test_a_refresh_ahead_of_time_that_fails_costs_nothing_until_the_end(
    send: Any, clock: types.SimpleNamespace
) -> None:
    def refresh() -> str:
        raise LookupError("no issuer today")

    auth = TokenAuth(refresh, token=Token("old", clock.now + 20))

    assert send(auth, get(), lambda request: Response(200)).status_code == 200
    clock.now += 20
    with pytest.raises(LookupError, match="no issuer today"):
        send(auth, get(), lambda request: Response(200))


def test_a_token_that_ends_while_it_is_renewed_in_vain_is_not_sent(clock: types.SimpleNamespace) -> None:
    def refresh() -> str:
        clock.now += 20
        raise LookupError("no issuer today")

    with pytest.raises(LookupError, match="no issuer today"):
        next(TokenAuth(refresh, token=Token("old", clock.now + 20)).sync_auth_flow(get()))


def test_a_token_knows_when_it_ends(clock: types.SimpleNamespace) -> None:
    assert not Token("a").ends_within(1e9)
    assert Token.expiring_in("a", 10) == Token("a", 1_000_010.0)
    assert (Token("a", 1_000_010.0).ends_within(9), Token("a", 1_000_010.0).ends_within(10)) == (False, True)


# Once for everybody


def test_a_hundred_threads_that_are_refused_renew_once() -> None:
    issuer = Issuer(first=2)
    all_refused = threading.Barrier(100)

    def refresh() -> str:
        time.sleep(0.02)  # long enough for some to arrive meanwhile; the outcome is the same without
        return issuer()

    auth = TokenAuth(refresh, token="token1")
    statuses: list[int] = []

    def server(request: Request) -> Response:
        if request.headers["authorization"] == "Bearer token1":
            all_refused.wait(10)
            return Response(401)
        return Response(200)

    threads = [
        threading.Thread(target=lambda: statuses.append(drive_sync(auth, get(), server).status_code))
        for _ in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert (issuer.asked, statuses) == (1, [200] * 100)


async def renew_together(wait: Callable[[float], Any], gather: Callable[[list[Any]], Any]) -> None:
    """Let a hundred flows be refused, and only then go on; the loop's own `wait` and `gather` are given."""
    issuer = Issuer(first=2)

    async def refresh() -> str:
        await wait(0.01)
        return issuer()

    auth = TokenAuth(refresh, token="token1")
    refused: list[tuple[AsyncGenerator[Request, Response], Request]] = []
    for _ in range(100):
        flow = auth.async_auth_flow(get())
        refused.append((flow, await anext(flow)))
    statuses: list[int] = []

    async def go_on(flow: AsyncGenerator[Request, Response]) -> None:
        again = await flow.asend(Response(401))
        statuses.append(issuer.serve(again).status_code)
        await flow.aclose()

    await gather([lambda flow=flow: go_on(flow) for flow, _ in refused])

    assert (issuer.asked, statuses) == (1, [200] * 100)


def test_a_hundred_asyncio_tasks_that_are_refused_renew_once() -> None:
    async def gather(functions: list[Any]) -> None:
        await asyncio.gather(*[function() for function in functions])

    asyncio.run(renew_together(asyncio.sleep, gather))


def test_a_hundred_trio_tasks_that_are_refused_renew_once() -> None:
    async def gather(functions: list[Any]) -> None:
        async with trio.open_nursery() as nursery:
            for function in functions:
                nursery.start_soon(function)

    trio.run(renew_together, trio.sleep, gather)


def test_threads_asyncio_and_trio_wait_for_one_refresh_together() -> None:
    issuer, may_land, is_led = Issuer(), threading.Event(), threading.Event()

    def refresh() -> str:
        is_led.set()
        may_land.wait(10)
        return issuer()

    auth = TokenAuth(refresh)
    statuses: list[int] = []

    def in_a_thread() -> None:
        statuses.append(drive_sync(auth, get(), issuer.serve).status_code)

    async def in_a_loop() -> None:
        statuses.append((await drive(auth, get(), issuer.serve)).status_code)

    targets = [in_a_thread, lambda: asyncio.run(in_a_loop()), lambda: trio.run(in_a_loop), in_a_thread]
    threads = [threading.Thread(target=target) for target in targets]
    threads[0].start()
    is_led.wait(10)
    for thread in threads[1:]:
        thread.start()
    flight: Any = auth._flight
    while len(flight._wake_ups) < 3:
        time.sleep(0.001)
    may_land.set()
    for thread in threads:
        thread.join(10)

    assert (issuer.asked, statuses) == (1, [200] * 4)


def test_a_refresh_that_fails_fails_for_all_who_waited_and_is_tried_anew_by_the_next() -> None:
    issuer = Issuer()
    is_down = True

    async def refresh() -> str:
        await asyncio.sleep(0)
        if is_down:
            issuer.asked += 1
            raise LookupError("the issuer is down")
        return issuer()

    auth = TokenAuth(refresh)

    async def play() -> None:
        nonlocal is_down
        results = await asyncio.gather(*[drive(auth, get(), issuer.serve) for _ in range(5)], return_exceptions=True)
        assert [str(result) for result in results] == ["the issuer is down"] * 5
        assert issuer.asked == 1
        is_down = False
        assert (await drive(auth, get(), issuer.serve)).status_code == 200

    asyncio.run(play())


def test_when_the_leader_is_cancelled_one_who_waited_leads() -> None:
    issuer = Issuer()

    async def refresh() -> str:
        issuer.asked += 1
        await asyncio.sleep(0 if issuer.asked > 1 else 60)
        return "token0"

    auth = TokenAuth(refresh)

    async def play() -> None:
        leader = asyncio.ensure_future(drive(auth, get(), issuer.serve))
        await asyncio.sleep(0)
        followers = [asyncio.ensure_future(drive(auth, get(), issuer.serve)) for _ in range(4)]
        await asyncio.sleep(0)
        followers[0].cancel()
        leader.cancel()
        results = await asyncio.gather(leader, *followers, return_exceptions=True)
        assert [type(result) for result in results[:2]] == [asyncio.CancelledError] * 2
        assert [result.status_code for result in results[2:] if isinstance(result, Response)] == [200] * 3

    asyncio.run(play())
    assert issuer.asked == 2
    assert auth._flight is None


def test_when_the_leader_is_cancelled_under_trio_one_who_waited_leads() -> None:
    issuer = Issuer()

    async def refresh() -> str:
        issuer.asked += 1
        await trio.sleep(0 if issuer.asked > 1 else 60)
        return "token0"

    auth = TokenAuth(refresh)
    statuses: list[int] = []

    async def one() -> None:
        statuses.append((await drive(auth, get(), issuer.serve)).status_code)

    async def play() -> None:
        async with trio.open_nursery() as outer, trio.open_nursery() as inner:
            inner.start_soon(one)
            await trio.testing.wait_all_tasks_blocked()
            outer.start_soon(one)
            await trio.testing.wait_all_tasks_blocked()
            inner.cancel_scope.cancel()

    trio.run(play)
    assert (statuses, issuer.asked, auth._flight) == ([200], 2, None)


def test_a_flow_that_is_given_up_leads_no_more() -> None:
    auth = AskingIssuer()
    flow = auth.sync_auth_flow(get())
    next(flow)

    flow.close()

    assert auth._flight is None


def test_a_flow_whose_leader_is_in_its_own_thread_fetches_a_token_of_its_own() -> None:
    auth = AskingIssuer()
    leader, other = auth.sync_auth_flow(get()), auth.sync_auth_flow(get())
    next(leader)

    assert next(other).url.host == "issuer.example.org"
    assert other.send(Response(200, text="one")).headers["authorization"] == "Bearer one"
    assert leader.send(Response(200, text="two")).headers["authorization"] == "Bearer two"


@pytest.mark.parametrize("colour", ["sync", "asyncio", "trio"])
def test_a_refresh_function_that_needs_its_own_token_is_told(colour: str) -> None:
    auth: TokenAuth

    def ask() -> str:
        return drive_sync(auth, get(), lambda request: Response(200)).text

    async def ask_later() -> str:
        return (await drive(auth, get(), lambda request: Response(200))).text

    async def play() -> None:
        await drive(auth, get(), lambda request: Response(200))

    auth = TokenAuth(ask if colour == "sync" else ask_later)
    with pytest.raises(RuntimeError, match="the refresh function sent a request that waits for its token"):
        if colour == "sync":
            drive_sync(auth, get(), lambda request: Response(200))
        elif colour == "asyncio":
            asyncio.run(play())
        else:
            trio.run(play)


class AskingIssuer(TokenAuth):
    """Sends a request for its token, so that a flow can be stopped in the middle of a refresh."""

    def refresh_flow(self) -> Generator[Request, Response, str]:
        response = yield get("https://issuer.example.org/")
        return response.text


@pytest.mark.parametrize("run", [asyncio.run, lambda coroutine: trio.run(lambda: coroutine)], ids=["asyncio", "trio"])
def test_a_loop_that_has_ended_is_not_woken_up(run: Any) -> None:
    auth = AskingIssuer()
    leader = auth.sync_auth_flow(get())
    next(leader)
    waiting = auth.async_auth_flow(get())

    async def wait_a_moment() -> None:
        if run is asyncio.run:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(waiting), 0.01)
        else:
            with trio.move_on_after(0.01):
                await anext(waiting)

    run(wait_a_moment())

    assert leader.send(Response(200, text="new")).headers["authorization"] == "Bearer new"


def test_a_waiter_may_be_woken_up_twice_and_come_too_late() -> None:
    flight = _token._Flight()
    flight._thread = -1  # another one's
    flight.land(None)

    assert flight.run() is True
    assert asyncio.run(flight.arun()) is True  # type: ignore[arg-type]  # a coroutine

    async def wake_twice() -> None:
        wake_up, asleep = _token._place_to_sleep()
        wake_up()
        wake_up()
        await asleep()
        await asyncio.sleep(0)

    asyncio.run(wake_twice())


def test_waiting_outside_of_every_loop_is_an_error() -> None:
    auth = AskingIssuer()
    leader = auth.sync_auth_flow(get())
    next(leader)

    with pytest.raises(RuntimeError, match="waiting for a token needs a running event loop"):
        auth.async_auth_flow(get()).asend(None).send(None)  # type: ignore[arg-type]  # the way it begins
    leader.close()


def test_no_event_loop_is_imported_for_it() -> None:
    import subprocess

    program = (
        "import sys\n"
        "from courser_auth import TokenAuth\n"
        "from courser_models import Request\n"
        "next(TokenAuth(lambda: 'a').auth_flow(Request('GET', 'https://h/')))\n"
        "print(*sorted({'asyncio', 'trio', 'anyio', 'socket'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == []


# Functions of either colour


def test_an_async_function_serves_an_async_client() -> None:
    issuer = Issuer()

    async def play() -> list[int]:
        schemes = [TokenAuth(issuer.later), BearerAuth(issuer.later)]
        return [(await drive(scheme, get(), issuer.serve)).status_code for scheme in schemes]

    assert asyncio.run(play()) == [200, 200]


@pytest.mark.parametrize(
    ("scheme", "what"), [(TokenAuth, "the refresh function"), (BearerAuth, "the function that gives the token")]
)
def test_an_async_function_is_refused_by_a_sync_client(scheme: Any, what: str) -> None:
    with pytest.raises(TypeError, match=f"^{what} is async, and a sync client cannot await it$"):
        next(scheme(Issuer().later).sync_auth_flow(get()))
    gc.collect()  # a coroutine that nobody awaited would be reported


@pytest.mark.parametrize("token", [None, 5, b"token"])
def test_what_is_no_token_is_refused(token: Any) -> None:
    with pytest.raises(TokenError, match=f"^a token is a text or a Token, not {type(token).__name__}$") as caught:
        next(TokenAuth(lambda: token).sync_auth_flow(get()))
    assert str(caught.value.request.url) == URL


def test_a_function_or_a_flow_is_asked_for() -> None:
    with pytest.raises(TypeError, match="needs a refresh function, or a subclass that gives refresh_flow"):
        TokenAuth()


def test_no_token_is_shown_and_it_survives_pickling() -> None:
    auth = TokenAuth(str, token=Token("secret", 5.0))

    restored = pickle.loads(pickle.dumps(auth))

    assert "secret" not in f"{auth!r} {auth.token!r} {auth.token}"
    assert restored.token == auth.token
    assert sent_by(TokenAuth(str, token="secret").sync_auth_flow(get())) == "Bearer secret"


# OAuth 2


def endpoint(*answers: Response) -> tuple[Server, list[Request]]:
    """Return a server that is API and token endpoint in one, and the list of requests for tokens."""
    asked: list[Request] = []
    left = list(answers)

    def server(request: Request) -> Response:
        if request.url.path == "/token":
            asked.append(request)
            return left.pop(0)
        return Response(200, text=request.headers["authorization"])

    return server, asked


def new_oauth(**options: Any) -> OAuth2ClientCredentials:
    return OAuth2ClientCredentials("https://issuer.example.org/token", "my:id", "s e+cret", **options)


def token_response(**parts: Any) -> Response:
    return Response(200, json={"access_token": "abc", "token_type": "Bearer", **parts})


@in_both_colours
def test_a_client_proves_itself_and_gets_a_token(send: Any) -> None:
    server, asked = endpoint(token_response(expires_in=3600))
    auth = new_oauth(scope=["read", "write"], parameters={"audience": "api"})

    texts = [send(auth, get(extensions={"timeout": {"read": 1.0}}), server).text for _ in range(2)]

    assert texts == ["Bearer abc"] * 2
    [request] = asked
    assert (request.method, request.headers["accept"]) == ("POST", "application/json")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["read write"],
        "audience": ["api"],
    }
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"my%3Aid:s+e%2Bcret"
    assert request.extensions["timeout"] == {"read": 1.0}


def test_the_secret_can_go_in_the_form() -> None:
    server, asked = endpoint(token_response())

    drive_sync(new_oauth(secret_in_body=True, scope="read"), get(), server)

    assert "authorization" not in asked[0].headers
    assert parse_qs(asked[0].content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["read"],
        "client_id": ["my:id"],
        "client_secret": ["s e+cret"],
    }


@pytest.mark.parametrize(
    ("expires_in", "ends"),
    [(60, 1_000_060.0), ("60", 1_000_060.0), (0, 1_000_000.0), (None, None), ("soon", None), (-1, None), (1e300, None),
     ([], None), (float("nan"), None)],
)  # fmt: skip
def test_a_token_ends_when_the_endpoint_says(expires_in: Any, ends: float | None, clock: types.SimpleNamespace) -> None:
    answer = {"access_token": "abc", "token_type": "bearer", "expires_in": expires_in}
    server, _ = endpoint(Response(200, content=json.dumps(answer)))
    auth = new_oauth()

    drive_sync(auth, get(), server)

    assert auth.token == Token("abc", ends)


@in_both_colours
@pytest.mark.parametrize(
    ("answer", "message", "code"),
    [
        (
            Response(400, json={"error": "invalid_client"}),
            "status 400 and no token, error 'invalid_client'",
            "invalid_client",
        ),
        (Response(200, json={"error": "x" * 81}), "status 200 and no token", None),
        (Response(401, json={"error": "a\nb", "access_token": "secret"}), "status 401 and no token", None),
        (Response(502, text="secret"), "status 502 and no JSON object", None),
        (Response(200, json=["secret"]), "status 200 and no JSON object", None),
        (Response(200, json={"access_token": ""}), "status 200 and no token", None),
        (Response(200, json={"access_token": 5}), "status 200 and no token", None),
    ],
)
def test_an_endpoint_without_a_token_is_an_error_that_says_so(
    answer: Response, message: str, code: str | None, send: Any
) -> None:
    server, _ = endpoint(answer)

    with pytest.raises(TokenError) as caught:
        send(new_oauth(), get(), server)

    assert str(caught.value) == f"issuer.example.org answered the token request with {message}"
    assert (caught.value.code, str(caught.value.request.url)) == (code, "https://issuer.example.org/token")
    assert isinstance(caught.value, AuthError) and isinstance(caught.value, RequestError)  # noqa: PT018
    restored = pickle.loads(pickle.dumps(caught.value))
    assert (str(restored), restored.code) == (str(caught.value), code)


def test_a_token_of_another_type_is_refused() -> None:
    server, _ = endpoint(token_response(token_type="DPoP"))

    with pytest.raises(TokenError, match=r"^issuer.example.org gave a token of another type than bearer$"):
        drive_sync(new_oauth(), get(), server)


def test_oauth_shows_no_secret() -> None:
    assert "cret" not in repr(new_oauth())
