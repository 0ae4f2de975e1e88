"""`TokenAuth`: a token that is renewed when it ends, once for everybody; OAuth 2 client credentials on top of it.

The one idea: renewing is a *flight*. Whoever finds that a new token is needed, and no flight on its way, leads one;
all others wait for it to land and take what it brought. A leader that is cancelled lands empty-handed, and the first
of those who waited leads the next. A refresh that fails fails for everybody who waited for it.

Waiting is the one thing here that differs by world, and this package imports no event loop. The request for the token
itself can go out through the flow, as every request does (`refresh_flow`); waiting cannot, for a flow has nothing to
send meanwhile. So the one who waits looks which loop it runs in, among the modules that are imported already, and
leaves a function that wakes it up from any thread: one flight may be awaited by threads, asyncio and trio together.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
import typing
import urllib.parse
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping

from courser_models import URL, Request, Response

from ._basic import BasicAuth
from ._exceptions import TokenError
from ._steps import Call, Effect, ReadBody, SteppedAuth, Steps, comes_from_elsewhere

_LONGEST_LIFE = 10e9  # seconds; what a server promises beyond is no promise


class Token(typing.NamedTuple):
    """A token and when it ends."""

    value: str
    expires_at: float | None = None
    """When it ends, in seconds since 1970; None where nobody said."""

    @classmethod
    def expiring_in(cls, value: str, seconds: float) -> Token:
        """Return a token that ends that many seconds from now."""
        return cls(value, time.time() + seconds)

    def ends_within(self, seconds: float) -> bool:
        """Return whether it ends in that time, or has ended."""
        return self.expires_at is not None and self.expires_at <= time.time() + seconds

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [secure], expires_at={self.expires_at!r}>"


class TokenAuth(SteppedAuth):
    """A bearer token (RFC 6750) that is renewed when it ends, or is refused with 401; once, however many wait for it.

    `refresh` returns the new token, a text or a `Token` that knows when it ends. It may be async where only async
    clients use this; an async client calls a plain function in place, and its loop waits meanwhile. Instead of a
    function, a subclass can give `refresh_flow`. `token` is the token to begin with; without one the first request
    fetches it. Within `leeway` seconds of its end a token is renewed ahead of time: by one request, while the others go
    on with the one they have.

    A request that is refused is sent once more with the new token. What `refresh` raises is raised to all who waited;
    `TokenError` where it returns no token, `RuntimeError` where it sends a request that needs the token itself.

    >>> from courser_models import Request, Response
    >>> tokens = iter(["first", "second"])
    >>> flow = TokenAuth(lambda: next(tokens)).auth_flow(Request("GET", "https://example.org/"))
    >>> next(flow).headers["authorization"], flow.send(Response(401)).headers["authorization"]
    ('Bearer first', 'Bearer second')
    """

    def __init__(
        self,
        refresh: Callable[[], str | Token | Awaitable[str | Token]] | None = None,
        *,
        token: str | Token | None = None,
        leeway: float = 30.0,
    ) -> None:
        if refresh is None and type(self).refresh_flow is TokenAuth.refresh_flow:
            raise TypeError("TokenAuth needs a refresh function, or a subclass that gives refresh_flow")
        self._refresh = refresh
        self._token = None if token is None else _checked(token)
        self._leeway = leeway
        # Guards the token and the flight; held for a few lines, never while a flow waits.
        self._lock = threading.Lock()
        self._flight: _Flight | None = None

    @property
    def token(self) -> Token | None:
        """The token of the moment, or None before the first."""
        return self._token

    def refresh_flow(self) -> Generator[Request, Response, str | Token]:
        """Yield each request that the new token takes; what is sent back in is its response, read. Return the token.

        They are sent as the request that needs the token is, by the same client and with its time-outs.
        """
        raise NotImplementedError
        yield

    def _steps(self, request: Request) -> Steps:
        token = self._token
        if token is None or token.ends_within(0):
            token = yield from self._renewed(request, token)
        elif token.ends_within(self._leeway) and self._flight is None:
            token = yield from self._renewed_ahead(request, token)
        response: Response = yield _authorized(request, token)
        if response.status_code != 401 or comes_from_elsewhere(request, response):
            return
        renewed = yield from self._renewed(request, token)
        if renewed.value != token.value:
            yield _authorized(request, renewed)

    def _renewed_ahead(self, request: Request, token: Token) -> Generator[Request | Effect, typing.Any, Token]:
        try:
            return (yield from self._renewed(request, token))
        except Exception:
            # The token that we have is still good: no reason to fail this request. The next one tries again.
            if token.ends_within(0):
                raise
            return token

    def _renewed(self, request: Request, refused: Token | None) -> Generator[Request | Effect, typing.Any, Token]:
        """Return a token other than `refused`, fetched by this flow or by another."""
        while True:
            with self._lock:
                current, flight = self._token, self._flight
                if current is not None and current is not refused:
                    return current
                if flight is None:
                    mine = self._flight = _Flight()
                    break
            if flight in _refreshing.get():
                raise RuntimeError("the refresh function sent a request that waits for its token; use another auth=")
            if not (yield flight):
                mine = _Flight()  # of which nobody else knows
                break
        failure: Exception | None = None
        try:
            token = _checked((yield from self._fetched(request, mine)), request)
            with self._lock:
                self._token = token
            return token
        except Exception as error:
            failure = error
            raise
        finally:
            with self._lock:
                if self._flight is mine:
                    self._flight = None
            mine.land(failure)

    def _fetched(self, request: Request, flight: _Flight) -> Generator[Request | Effect, typing.Any, object]:
        if self._refresh is not None:
            return (yield _Refresh(self._refresh, flight))
        flow = self.refresh_flow()
        try:
            asked = next(flow)
            while True:
                if "timeout" in request.extensions:
                    asked.extensions.setdefault("timeout", request.extensions["timeout"])
                response: Response = yield asked
                yield ReadBody(response)
                asked = flow.send(response)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def __getstate__(self) -> dict[str, typing.Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_flight")}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._flight = None


class OAuth2ClientCredentials(TokenAuth):
    """Tokens by the client credentials grant of OAuth 2 (RFC 6749 §4.4): a program that acts for itself.

    The token is asked of `token_url` by the client that sends the request, and again when it ends. `scope` is what it
    should allow, a text or several; `parameters` are further fields of the form, such as `audience`. The client proves
    itself with Basic authentication (§2.3.1), or, with `secret_in_body=True`, in the form. `leeway` is that of
    `TokenAuth`. Raises `TokenError` where the endpoint gives no bearer token.
    """

    def __init__(
        self,
        token_url: URL | str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | Iterable[str] | None = None,
        parameters: Mapping[str, str] | None = None,
        secret_in_body: bool = False,
        leeway: float = 30.0,
    ) -> None:
        super().__init__(leeway=leeway)
        self._token_url = URL(token_url)
        form = {"grant_type": "client_credentials", **(parameters or {})}
        if scope is not None:
            form["scope"] = scope if isinstance(scope, str) else " ".join(scope)
        self._credentials: BasicAuth | None = None
        if secret_in_body:
            form.update(client_id=client_id, client_secret=client_secret)
        else:
            # The form's encoding comes first, and keeps a colon in the name apart from the one that separates.
            self._credentials = BasicAuth(*map(urllib.parse.quote_plus, (client_id, client_secret)))
        self._form = form

    def refresh_flow(self) -> Generator[Request, Response, Token]:
        """Ask the token endpoint (RFC 6749 §4.4.2)."""
        request = Request("POST", self._token_url, data=self._form, headers={"Accept": "application/json"})
        if self._credentials is not None:
            request = next(self._credentials.auth_flow(request))
        response = yield request
        return _read_token(request, response)


def _read_token(request: Request, response: Response) -> Token:
    """Return the token in the answer of a token endpoint (RFC 6749 §5); what else it holds is in no error."""
    peer, status = request.url.host, response.status_code
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise TokenError(f"{peer} answered the token request with status {status} and no JSON object", request=request)
    value, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not response.is_success or not isinstance(value, str) or not value:
        code = answer.get("error")
        is_code = isinstance(code, str) and code.isascii() and code.isprintable() and len(code) <= 80
        told = f", error {code!r}" if is_code else ""
        raise TokenError(
            f"{peer} answered the token request with status {status} and no token{told}",
            request=request,
            code=code if is_code else None,
        )
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenError(f"{peer} gave a token of another type than bearer", request=request)
    try:
        seconds = float(answer["expires_in"])
    except (KeyError, TypeError, ValueError):
        return Token(value)
    return Token.expiring_in(value, seconds) if 0 <= seconds < _LONGEST_LIFE else Token(value)


def _authorized(request: Request, token: Token) -> Request:
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _checked(token: object, request: Request | None = None) -> Token:
    # A Token of its own each time: flows tell by identity whether the one that was refused is still there.
    if isinstance(token, Token):
        return Token(*token)
    if isinstance(token, str):
        return Token(token)
    raise TokenError(f"a token is a text or a Token, not {type(token).__name__}", request=request)


class _Flight:
    """One refresh on its way, and how to wake those who wait for it; as an effect, waiting for it.

    Waiting returns whether it could be done, and raises what the refresh raised.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._has_landed = False
        self._failure: Exception | None = None
        self._wake_ups: list[Callable[[], None]] = []

    def land(self, failure: Exception | None) -> None:
        with self._lock:
            self._has_landed, self._failure = True, failure
        for wake_up in self._wake_ups:
            wake_up()

    def _expects(self, wake_up: Callable[[], None]) -> bool:
        """Note who is to be woken up; False if there is nothing to wait for any more."""
        with self._lock:
            if not self._has_landed:
                self._wake_ups.append(wake_up)
            return not self._has_landed

    def run(self) -> bool:
        if self._thread == threading.get_ident():
            return False  # its leader is further up this thread, or in its event loop, and could not go on
        event = threading.Event()
        if self._expects(event.set):
            event.wait()
        return self._result()

    async def arun(self) -> bool:
        wake_up, asleep = _place_to_sleep()
        if self._expects(wake_up):
            await asleep()
        return self._result()

    def _result(self) -> bool:
        if self._failure is not None:
            raise self._failure
        return True


# The flights whose refresh function is running here, so that it cannot wait for itself.
_refreshing: contextvars.ContextVar[tuple[_Flight, ...]] = contextvars.ContextVar("_refreshing", default=())


class _Refresh(typing.NamedTuple):
    """Call the refresh function of a flight."""

    function: Callable[[], object]
    flight: _Flight

    def run(self) -> object:
        before = _refreshing.get()
        _refreshing.set((*before, self.flight))
        try:
            return Call(self.function, "the refresh function").run()
        finally:
            _refreshing.set(before)

    async def arun(self) -> object:
        before = _refreshing.get()
        _refreshing.set((*before, self.flight))
        try:
            return await Call(self.function, "the refresh function").arun()
        finally:
            _refreshing.set(before)


def _place_to_sleep() -> tuple[Callable[[], None], Callable[[], Awaitable[object]]]:
    """Return a function that wakes up from any thread, and one to await until then, for the loop that runs here."""
    # A loop that runs has imported its library.
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    if loop is not None:
        future = loop.create_future()

        def settle() -> None:
            if not future.done():
                future.set_result(None)

        return lambda: _wake(loop.call_soon_threadsafe, settle), lambda: future
    try:
        token = None if trio is None else trio.lowlevel.current_trio_token()
    except RuntimeError:
        token = None
    if trio is None or token is None:
        raise RuntimeError("waiting for a token needs a running event loop, asyncio's or trio's; there is none here")
    event = trio.Event()
    return lambda: _wake(token.run_sync_soon, event.set), event.wait


def _wake(schedule: Callable[[Callable[[], None]], object], wake_up: Callable[[], None]) -> None:
    try:
        schedule(wake_up)
    except RuntimeError:
        pass  # the loop has ended, and nobody sleeps in it; trio's error for that is a RuntimeError as well
