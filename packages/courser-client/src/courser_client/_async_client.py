"""`AsyncClient`: complete signatures over the shared exchange, for programs with an event loop."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping

import courser_transport
from courser_auth import Auth
from courser_models import (
    AsyncBaseTransport,
    AsyncByteStream,
    CookieTypes,
    DefaultEncoding,
    HeaderTypes,
    JSONDecoder,
    JSONEncoder,
    QueryParamTypes,
    Request,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
    Response,
    URLTypes,
)
from courser_transport import (
    DEFAULT_LIMITS,
    AsyncHTTPTransport,
    ConnectFilter,
    Limits,
    ResolverTypes,
    ResolveTypes,
    TimeoutTypes,
)

from ._auth_argument import AuthArgument, AuthTypes
from ._auth_steps import AsyncSteps
from ._defaults import (
    DEFAULT_MAX_REDIRECTS,
    DEFAULT_TIMEOUT,
    USE_CLIENT_DEFAULT,
    TimeoutArgument,
    UseClientDefault,
)
from ._exchange import MOST_OF_A_REDIRECT, AuthSteps, ClientState, Exchange, is_small, take_at_most
from ._mounts import Mounted
from ._settings import EventHook, EventHooks, ParamsMode, RedirectPolicy

if typing.TYPE_CHECKING:
    from courser_transport import CertTypes, PinTypes, Proxy, ProxyTypes, VerifyTypes


class AsyncClient(Exchange, Mounted[AsyncBaseTransport]):
    """An HTTP client with a pool of connections; to be shared by any number of tasks.

    - `auth`: credentials of every request: `(username, password)`, an `Auth`, or a function from request to request
    - `params`, `headers`: part of every request
    - `cookies`: to begin with; those that responses set are added. False keeps none
    - `verify`, `cert`: whom to trust and who to be, as in `create_ssl_context`. Default certifi's authorities
    - `pins`: hosts whose certificate must be one of a few, and which: `{"api.example.org": ["sha256/…", …]}`
    - `http1`, `http2`: which protocols to speak; https servers choose among them. Default HTTP/1.1 alone. With
      `http1=False, http2=True` http servers are spoken HTTP/2 to, too, which they must expect
    - `proxy`: a URL or a `Proxy` that all requests go through. Default what `trust_env` finds
    - `mounts`: transports by pattern of URL, `{"https://": …, "all://*.internal": …}`; None for the client's own
    - `timeout`: seconds, or a `Timeout`; None for no limit. Default 5 s for each phase
    - `follow_redirects`: follow them, `max_redirects` at most. Default False, 20
    - `limits`: how many connections there may be. Default 100, of which 20 are kept for 5 s while unused
    - `event_hooks`: functions that are called with each `request` and each `response`
    - `base_url`: what relative URLs are appended to
    - `transport`: what sends the requests instead of a pool made of `limits`, `verify`, `cert`, `pins`,
      `http1` and `http2`
    - `app`: an ASGI app to send the requests to: short for `transport=ASGITransport(app)`
    - `trust_env`: ask the environment for certificates, and for proxies where neither `proxy` nor `transport` is
      given (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). Default True
    - `default_encoding`: the charset of text that names none, or a function from content to one. Default UTF-8
    - `json_encoder`: what makes text or bytes of `json=`, in the place of `json.dumps`
    - `json_decoder`: what `response.json()` reads with, in the place of `json.loads`
    - `params_mode`: whether params `"replace"` the query of a URL, or `"merge"` with it. Default replace
    - `raise_for_status`: raise `HTTPStatusError` for every response that is no success
    - `redirect_policy`: given the request that would follow and the redirect, says whether to follow it
    - `sensitive_headers`: fields that stay with their origin on redirects, besides `Authorization` and its kin
    - `resolver`: who is asked for addresses, a `Resolver`, instead of the system
    - `resolve`: addresses that nobody is asked for: `{"example.org:443": "192.0.2.1"}`
    - `connect_filter`: a function that says of each IP address whether it may be connected to, on every redirect as
      well: `public_addresses_only`, where URLs come from people who are not trusted. A `transport` has its own

    >>> import asyncio
    >>> async def fetch(url: str) -> int:
    ...     async with AsyncClient(timeout=10.0) as client:
    ...         return (await client.get(url)).status_code
    """

    def __init__(
        self,
        *,
        auth: AuthTypes | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | typing.Literal[False] | None = None,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        pins: PinTypes | None = None,
        http1: bool = True,
        http2: bool = False,
        proxy: ProxyTypes | None = None,
        mounts: Mapping[str, AsyncBaseTransport | None] | None = None,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT,
        follow_redirects: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        max_redirects: int = DEFAULT_MAX_REDIRECTS,
        event_hooks: EventHooks | None = None,
        base_url: URLTypes = "",
        transport: AsyncBaseTransport | None = None,
        app: Callable[..., typing.Any] | None = None,
        trust_env: bool = True,
        default_encoding: DefaultEncoding = "utf-8",
        json_encoder: JSONEncoder | None = None,
        json_decoder: JSONDecoder | None = None,
        params_mode: ParamsMode = "replace",
        raise_for_status: bool = False,
        redirect_policy: RedirectPolicy | None = None,
        sensitive_headers: Iterable[str] = (),
        resolver: ResolverTypes | None = None,
        resolve: ResolveTypes | None = None,
        connect_filter: ConnectFilter | None = None,
    ) -> None:
        super().__init__(
            auth=auth,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            follow_redirects=follow_redirects,
            max_redirects=max_redirects,
            event_hooks=event_hooks,
            base_url=base_url,
            trust_env=trust_env,
            default_encoding=default_encoding,
            json_encoder=json_encoder,
            json_decoder=json_decoder,
            params_mode=params_mode,
            raise_for_status=raise_for_status,
            redirect_policy=redirect_policy,
            sensitive_headers=sensitive_headers,
        )
        self._mount(
            transport,
            None if app is None else courser_transport.ASGITransport,
            app,
            proxy,
            mounts,
            {"pins": pins, "resolver": resolver, "resolve": resolve, "connect_filter": connect_filter},
            verify=verify,
            cert=cert,
            trust_env=trust_env,
            http1=http1,
            http2=http2,
            limits=limits,
        )

    def _init_transport(
        self, *, transport: AsyncBaseTransport | None = None, **settings: typing.Any
    ) -> AsyncBaseTransport:
        return AsyncHTTPTransport(**settings) if transport is None else transport

    def _init_proxy_transport(self, proxy: Proxy, **settings: typing.Any) -> AsyncBaseTransport:
        return AsyncHTTPTransport(**settings, proxy=proxy)

    def _dispatch(self, request: Request) -> Coroutine[typing.Any, typing.Any, Response]:
        if not isinstance(request.stream, AsyncByteStream):  # whatever transport there is, a mock among them
            raise RuntimeError("an async client cannot send a sync iterator; give bytes, a file or an async iterable")
        transport = self._transport
        if self._mounts or self.__class__._transport_for_url is not Mounted._transport_for_url:
            transport = self._transport_for_url(request.url)
        return transport.handle_async_request(request)

    async def _read(self, response: Response) -> None:
        await response.aread()

    async def _drain(self, response: Response) -> None:
        if response.is_closed:
            return
        if is_small(response):
            await response.aread()
            return
        left = MOST_OF_A_REDIRECT
        take_at_most(response, left)
        try:
            async for chunk in response.aiter_raw():
                left -= len(chunk)
                if left <= 0:
                    break
                take_at_most(response, left)
        finally:
            await response.aclose()

    async def _close(self, response: Response) -> None:
        await response.aclose()

    async def _call(self, hook: EventHook, argument: Request | Response) -> None:
        outcome = hook(argument)
        if inspect.isawaitable(outcome):
            await outcome

    def _steps(self, scheme: Auth, request: Request) -> AuthSteps:
        return AsyncSteps(scheme, request)

    send = Exchange._send

    async def request(
        self,
        method: str,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Build a request, as `build_request` does, send it and return its response, read to the end."""
        return await self._ask_for(
            method,
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
            is_request=True,
        )

    def _ask_for(
        self,
        method: str,
        url: URLTypes,
        content: RequestContent | None,
        data: RequestData | None,
        files: RequestFiles | None,
        json: typing.Any,
        params: QueryParamTypes | None,
        headers: HeaderTypes | None,
        cookies: CookieTypes | None,
        auth: AuthArgument,
        follow_redirects: bool | UseClientDefault,
        timeout: TimeoutArgument,
        extensions: RequestExtensions | None,
        is_request: bool = False,
    ) -> Awaitable[Response]:
        """Return what `request` awaits, so that `get` and its kin do not have its coroutine beside theirs.

        Where `request` is a program's own, be it a subclass's or a mock, they call that, unless it `is_request` who
        asks here.
        """
        if not is_request and getattr(self.request, "__func__", None) is not _request:
            return self.request(
                method,
                url,
                content=content,
                data=data,
                files=files,
                json=json,
                params=params,
                headers=headers,
                cookies=cookies,
                auth=auth,
                follow_redirects=follow_redirects,
                timeout=timeout,
                extensions=extensions,
            )
        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        return self.send(request, auth=auth, follow_redirects=follow_redirects)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> AsyncIterator[Response]:
        """Send a request and give its response while the body is still on its way; closed when the block ends."""
        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        response = await self.send(request, stream=True, auth=auth, follow_redirects=follow_redirects)
        try:
            yield response
        finally:
            await response.aclose()

    async def get(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a GET request; the arguments are those of `request`."""
        return await self._ask_for(
            "GET",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def options(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send an OPTIONS request; the arguments are those of `request`."""
        return await self._ask_for(
            "OPTIONS",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def head(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a HEAD request; the arguments are those of `request`."""
        return await self._ask_for(
            "HEAD",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def delete(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a DELETE request; the arguments are those of `request`."""
        return await self._ask_for(
            "DELETE",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def post(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a POST request; the arguments are those of `request`."""
        return await self._ask_for(
            "POST",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def put(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a PUT request; the arguments are those of `request`."""
        return await self._ask_for(
            "PUT",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def patch(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a PATCH request; the arguments are those of `request`."""
        return await self._ask_for(
            "PATCH",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def query(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthArgument = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a QUERY request; the arguments are those of `request`."""
        return await self._ask_for(
            "QUERY",
            url,
            content,
            data,
            files,
            json,
            params,
            headers,
            cookies,
            auth,
            follow_redirects,
            timeout,
            extensions,
        )

    async def aclose(self) -> None:
        """Close all connections; a request that is under way ends with an error. Closing again does nothing."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            async with contextlib.AsyncExitStack() as closing:
                for transport in self._transports():
                    closing.push_async_callback(transport.aclose)

    async def __aenter__(self) -> typing.Self:
        self._enter()
        async with contextlib.AsyncExitStack() as entering:
            for transport in self._transports():
                await entering.enter_async_context(transport)
            self._leaving = entering.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        await self._leaving.__aexit__(exc_type, exc_value, traceback)


_request = AsyncClient.request
"""What `request` is unless a program has its own."""
