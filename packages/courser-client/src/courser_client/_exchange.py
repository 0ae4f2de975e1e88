"""The one coroutine that every request goes through, in every world: auth, redirects, hooks, cookies, and the log.

What it needs of its world are a few small methods, which the two clients provide: `_dispatch` hands a request to the
transport, `_drain` and `_close` are the end of a response, `_call` calls a hook, and `_steps` walks a scheme.
"""

from __future__ import annotations

import enum
import logging
import time
import typing
from collections.abc import Callable, Coroutine

from courser_auth import Auth
from courser_models import URL, InvalidURL, Request, RequestError, Response, StreamError, TransportError
from courser_transport import Deadline

from ._auth_argument import AuthArgument, scheme_in_url, scheme_of
from ._defaults import USE_CLIENT_DEFAULT, TimeoutArgument, UseClientDefault
from ._exceptions import TooManyRedirects
from ._redirects import is_upgrade, redirected
from ._settings import Settings

_log = logging.getLogger("courser")

# The body of a redirect or a challenge is looked at by nobody; so much is read of it for the connection's sake.
MOST_OF_A_REDIRECT = 65536


class ClientState(enum.Enum):
    """Where a client is in its life."""

    UNOPENED = 1
    OPENED = 2
    CLOSED = 3


class AuthSteps(typing.Protocol):
    """A scheme on its way through one exchange, in the colour of its client."""

    async def first(self) -> Request:
        """Return the first request to send."""
        ...

    async def next(self, response: Response) -> Request | None:
        """Return what to send after `response`; None where that is the answer."""
        ...

    async def end(self) -> None:
        """Leave the scheme, wherever it is."""
        ...


class Exchange(Settings):
    """The flow of an exchange; base of `Client` and `AsyncClient`."""

    _state = ClientState.UNOPENED

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed; it sends no more requests then."""
        return self._state is ClientState.CLOSED

    async def _send(
        self,
        request: Request,
        *,
        stream: bool = False,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
    ) -> Response:
        """Send `request` and return its response, read to the end unless `stream` is true.

        `auth` and `follow_redirects` go before the client's, `timeout` before the request's. A response that is
        streamed must be closed, read or not.
        Raises `TransportError`, `DecodingError`, `TooManyRedirects`; `RuntimeError` on a closed client.
        """
        if timeout is not USE_CLIENT_DEFAULT:
            request.extensions = self._extensions_with(request.extensions, timeout)
        if self._state is not ClientState.OPENED:
            self._begin()
        extensions = request.extensions
        if "timeout" not in extensions:  # a request that was not built by this client
            extensions["timeout"] = self._timeout_by_phase.copy()
        total = extensions["timeout"].get("total")
        if total is not None:
            extensions["deadline"] = Deadline.of_exchange(total)
        follows = self.follow_redirects if follow_redirects is USE_CLIENT_DEFAULT else follow_redirects
        scheme = self._auth if auth is USE_CLIENT_DEFAULT else scheme_of(auth)
        if request.url.userinfo:
            of_url = scheme_in_url(request)
            scheme = scheme or of_url
        if scheme is not None:
            response = await self._authenticate(request, scheme, follows)
        else:
            # What `_ask` does, written out: very many requests may wait for a connection here, and each coroutine
            # less is one less that the garbage collector looks at again and again.
            for hook in self._event_hooks["request"]:
                await self._call(hook, request)
            started = time.perf_counter()
            try:
                response = await self._dispatch(request)
            except TransportError as error:
                _note_failure(error, request, started)
                raise
            self._receive(request, response, started)
            if response.has_redirect_location or self._event_hooks["response"]:
                response = await self._follow_on(request, response, follows)
        if not stream and not response.read_at_hand():
            await self._read(response)
        if self.raise_for_status and not response.is_success:
            if stream:
                await self._close(response)
            response.raise_for_status()
        return response

    async def _authenticate(self, request: Request, scheme: Auth, follows: bool) -> Response:
        """Send what the scheme says, until it says no more."""
        steps = self._steps(scheme, request)
        try:
            response = await self._walk(steps, request, follows)
        except BaseException:
            await steps.end()
            raise
        try:
            await steps.end()
        except BaseException:
            await self._close(response)
            raise
        return response

    async def _walk(self, steps: AuthSteps, request: Request, follows: bool) -> Response:
        history: list[Response] = []
        has_our_cookies = self._has_our_cookies(request)
        sent = await steps.first()
        while True:
            response = await self._follow_on(sent, await self._ask(sent, history), follows, history)
            try:
                # What another origin asks for after a redirect gets no answer with this one's credentials.
                if response.request.url.origin != sent.url.origin:
                    return response
                following = await steps.next(response)
                if following is None:
                    return response
                response.history = list(history)
                await self._drain(response)
                history.append(response)
                if has_our_cookies and following is request:
                    self._renew_cookies(request)  # the challenge may have set some
                sent = following
            except BaseException:
                await self._close(response)
                raise

    async def _ask(self, request: Request, history: list[Response]) -> Response:
        """Send `request` once, after those in `history`, and return what is answered."""
        if len(history) > self.max_redirects:
            raise TooManyRedirects(
                f"more than {self.max_redirects} redirects, the last to {request.url.masked}", request=request
            )
        for hook in self._event_hooks["request"]:
            await self._call(hook, request)
        started = time.perf_counter()
        try:
            response = await self._dispatch(request)
        except TransportError as error:
            _note_failure(error, request, started)
            raise
        self._receive(request, response, started)
        return response

    async def _follow_on(
        self, request: Request, response: Response, follows: bool, history: list[Response] | None = None
    ) -> Response:
        """Return `response`, or where that redirects and the client follows, the one at the end of the way.

        `history` grows with each on the way.
        """
        asked = request.url
        while True:
            try:
                for hook in self._event_hooks["response"]:
                    await self._call(hook, response)
                if history:
                    response.history = list(history)
                if not response.has_redirect_location:
                    return response
                if not follows:
                    response.next_request = self._next_request(request, response)
                    return response
                following = redirected(request, response, self.sensitive_headers)
                if self.redirect_policy is not None and not self.redirect_policy(following, response):
                    response.next_request = following
                    return response
                self._add_kept_cookies(following, asked)
                await self._drain(response)
                if history is None:
                    history = []
                history.append(response)
            except BaseException:
                await self._close(response)
                raise
            request = following
            response = await self._ask(request, history)

    def _receive(self, request: Request, response: Response, started: float) -> None:
        """Give a response what the client has for it, and keep what it brings."""
        response.time_from(started, request)
        if self.default_encoding != "utf-8":
            response.default_encoding = self.default_encoding
        if self.json_decoder is not None:
            response.json_decoder = self.json_decoder
        if response.headers.find(b"set-cookie") is not None and self._keeps_cookies:
            self._cookies.extract_cookies(response)
        if _log.isEnabledFor(logging.INFO):
            version, status, reason = response.http_version, response.status_code, response.reason_phrase
            _log.info('HTTP Request: %s %s "%s %d %s"', request.method, request.url.masked, version, status, reason)

    def _next_request(self, request: Request, response: Response) -> Request | None:
        """Return the request that would follow; None where none can, which harms nobody who does not follow."""
        try:
            following = redirected(request, response, self.sensitive_headers)
        except (RequestError, StreamError, InvalidURL):
            return None
        self._add_kept_cookies(following, request.url)
        return following

    def _add_kept_cookies(self, following: Request, asked: URL) -> None:
        """Give what follows a redirect the client's cookies.

        Those that the program set for every host are for whom it asks itself, and not for whom they send it to: they
        stay with the origin of `asked`.
        """
        self._cookies.set_cookie_header(following)
        url = following.url
        if following.headers.find(b"cookie") is None or url.origin == asked.origin or is_upgrade(asked, url):
            return
        cookies = self._cookies.cookies_for(url)
        bound = [f"{cookie.name}={cookie.value}" for cookie in cookies if cookie.domain]
        if len(bound) == len(cookies):
            return
        del following.headers["cookie"]
        if bound:
            following.headers["Cookie"] = "; ".join(bound)

    def _begin(self) -> None:
        if self._state is ClientState.CLOSED:
            raise RuntimeError("this client is closed, and sends no more requests")
        self._state = ClientState.OPENED

    def _enter(self) -> None:
        if self._state is not ClientState.UNOPENED:
            was = "closed" if self._state is ClientState.CLOSED else "opened"
            raise RuntimeError(f"this client was {was} before; enter each client once")
        self._state = ClientState.OPENED

    def __getstate__(self) -> dict[str, typing.Any]:
        # Settings travel, and connections do not (a transport is copied as its own settings). What was opened here was
        # not opened there.
        state = self.__dict__.copy()
        state.pop("_leaving", None)
        if self._state is ClientState.OPENED:
            del state["_state"]
        return state

    # What the two clients provide

    def _dispatch(self, request: Request) -> Coroutine[typing.Any, typing.Any, Response]:
        raise NotImplementedError

    async def _read(self, response: Response) -> None:
        raise NotImplementedError

    async def _drain(self, response: Response) -> None:
        raise NotImplementedError

    async def _close(self, response: Response) -> None:
        raise NotImplementedError

    async def _call(self, hook: Callable[..., typing.Any], argument: Request | Response) -> None:
        raise NotImplementedError

    def _steps(self, scheme: Auth, request: Request) -> AuthSteps:
        raise NotImplementedError


def _note_failure(error: TransportError, request: Request, started: float) -> None:
    after = time.perf_counter() - started
    error.add_note(f"{request.method} {request.url.masked} failed after {after:.3f} s")


def is_small(response: Response) -> bool:
    """Return whether a redirect's body may be read as content: plain, and no longer than anybody writes one."""
    length = response.headers.find(b"content-length")
    return (
        length is not None
        and length.isdigit()
        and int(length) <= MOST_OF_A_REDIRECT
        and response.headers.find(b"content-encoding") is None
    )


def take_at_most(response: Response, most: int) -> None:
    """Let the next chunk of a body be `most` bytes at most, where the body is one of our own transports'."""
    stream: typing.Any = response.stream
    if hasattr(stream, "most_at_once"):
        stream.most_at_once = most
