"""`Client`: complete signatures over the shared exchange, for programs with threads."""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping

import courser_transport
from courser_auth import Auth
from courser_models import (
    BaseTransport,
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
    SyncByteStream,
    URLTypes,
)
from courser_transport import (
    DEFAULT_LIMITS,
    ConnectFilter,
    HTTPTransport,
    Limits,
    ResolverTypes,
    ResolveTypes,
    TimeoutTypes,
    run_sync,
)

from ._auth_argument import AuthArgument, AuthTypes
from ._auth_steps import SyncSteps
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


class Client(Exchange, Mounted[BaseTransport]):
    """An HTTP client with a pool of connections; to be shared by any number of threads.

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
    - `app`: a WSGI app to send the requests to: short for `transport=WSGITransport(app)`
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

    >>> def fetch(url: str) -> int:
    ...     with Client(timeout=10.0) as client:
    ...         return client.get(url).status_code
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
        mounts: Mapping[str, BaseTransport | None] | None = None,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT,
        follow_redirects: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        max_redirects: int = DEFAULT_MAX_REDIRECTS,
        event_hooks: EventHooks | None = None,
        base_url: URLTypes = "",
        transport: BaseTransport | None = None,
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
            None if app is None else courser_transport.WSGITransport,
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

    def _init_transport(self, *, transport: BaseTransport | None = None, **settings: typing.Any) -> BaseTransport:
        return HTTPTransport(**settings) if transport is None else transport

    def _init_proxy_transport(self, proxy: Proxy, **settings: typing.Any) -> BaseTransport:
        return HTTPTransport(**settings, proxy=proxy)

    async def _dispatch(self, request: Request) -> Response:
        if not isinstance(request.stream, SyncByteStream):  # whatever transport there is, a mock among them
            raise RuntimeError("a sync client cannot send an async body; give bytes, a file or an iterable")
        transport = self._transport
        if self._mounts or self.__class__._transport_for_url is not Mounted._transport_for_url:
            transport = self._transport_for_url(request.url)
        return transport.handle_request(request)

    async def _read(self, response: Response) -> None:
        response.read()

    async def _drain(self, response: Response) -> None:
        if response.is_closed:
            return
        if is_small(response):
            response.read()
            return
        left = MOST_OF_A_REDIRECT
        take_at_most(response, left)
        try:
            for chunk in response.iter_raw():
                left -= len(chunk)
                if left <= 0:
                    break
                take_at_most(response, left)
        finally:
            response.close()

    async def _close(self, response: Response) -> None:
        response.close()

    async def _call(self, hook: EventHook, argument: Request | Response) -> None:
        hook(argument)

    def _steps(self, scheme: Auth, request: Request) -> AuthSteps:
        return SyncSteps(scheme, request)

    def send(
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
        return run_sync(
            self._send(request, stream=stream, auth=auth, follow_redirects=follow_redirects, timeout=timeout)
        )

    def request(
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

    @contextlib.contextmanager
    def stream(
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
    ) -> Iterator[Response]:
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
        response = self.send(request, stream=True, auth=auth, follow_redirects=follow_redirects)
        try:
            yield response
        finally:
            response.close()

    def get(
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
        return self.request(
            "GET",
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

    def options(
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
        return self.request(
            "OPTIONS",
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

    def head(
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
        return self.request(
            "HEAD",
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

    def delete(
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
        return self.request(
            "DELETE",
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

    def post(
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
        return self.request(
            "POST",
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

    def put(
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
        return self.request(
            "PUT",
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

    def patch(
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
        return self.request(
            "PATCH",
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

    def query(
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
        return self.request(
            "QUERY",
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

    def close(self) -> None:
        """Close all connections; a request that is under way ends with an error. Closing again does nothing."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            with contextlib.ExitStack() as closing:
                for transport in self._transports():
                    closing.callback(transport.close)

    def __enter__(self) -> typing.Self:
        self._enter()
        with contextlib.ExitStack() as entering:
            for transport in self._transports():
                entering.enter_context(transport)
            self._leaving = entering.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        self._leaving.__exit__(exc_type, exc_value, traceback)
