"""`Client`: complete signatures over the shared exchange, for programs with threads."""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import Iterator

from courser_models import (
    BaseTransport,
    HeaderTypes,
    QueryParamTypes,
    Request,
    RequestContent,
    RequestData,
    RequestExtensions,
    Response,
    URLTypes,
)
from courser_transport import (
    DEFAULT_LIMITS,
    CertTypes,
    HTTPTransport,
    Limits,
    TimeoutTypes,
    VerifyTypes,
    run_sync,
)

from ._defaults import DEFAULT_TIMEOUT, USE_CLIENT_DEFAULT, TimeoutArgument
from ._exchange import ClientState, Exchange


class Client(Exchange):
    """An HTTP client with a pool of connections; to be shared by any number of threads.

    - `params`, `headers`: part of every request
    - `timeout`: seconds, or a `Timeout`; None for no limit. Default 5 s for each phase
    - `base_url`: what relative URLs are appended to
    - `limits`: how many connections there may be. Default 100, of which 20 are kept for 5 s while unused
    - `verify`, `cert`: whom to trust and who to be, as in `create_ssl_context`. Default certifi's authorities
    - `http1`: speak HTTP/1.1
    - `transport`: what sends the requests instead of a pool made of `limits`, `verify`, `cert` and `http1`

    >>> def fetch(url: str) -> int:
    ...     with Client(timeout=10.0) as client:
    ...         return client.get(url).status_code
    """

    def __init__(
        self,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        http1: bool = True,
        timeout: TimeoutTypes = DEFAULT_TIMEOUT,
        limits: Limits = DEFAULT_LIMITS,
        base_url: URLTypes = "",
        transport: BaseTransport | None = None,
    ) -> None:
        super().__init__(params=params, headers=headers, timeout=timeout, base_url=base_url)
        if transport is None:
            transport = HTTPTransport(verify=verify, cert=cert, http1=http1, limits=limits)
        self._transport = transport

    async def _dispatch(self, request: Request) -> Response:
        return self._transport.handle_request(request)

    def send(self, request: Request, *, stream: bool = False) -> Response:
        """Send `request` and return its response, read to the end unless `stream` is true.

        A response that is streamed must be closed, read or not. Raises `TransportError`, `DecodingError`;
        `RuntimeError` on a closed client.
        """
        response = run_sync(self._exchange(request))
        if not stream:
            response.read()
        return response

    def request(
        self,
        method: str,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Build a request, as `build_request` does, send it and return its response, read to the end."""
        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )
        return self.send(request)

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Iterator[Response]:
        """Send a request and give its response while the body is still on its way; closed when the block ends."""
        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )
        response = self.send(request, stream=True)
        try:
            yield response
        finally:
            response.close()

    def get(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a GET request; the arguments are those of `request`."""
        return self.request("GET", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    def options(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send an OPTIONS request; the arguments are those of `request`."""
        return self.request("OPTIONS", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    def head(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a HEAD request; the arguments are those of `request`."""
        return self.request("HEAD", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    def delete(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a DELETE request; the arguments are those of `request`."""
        return self.request("DELETE", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    def post(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a POST request; the arguments are those of `request`."""
        return self.request(
            "POST",
            url,
            content=content,
            data=data,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )

    def put(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a PUT request; the arguments are those of `request`."""
        return self.request(
            "PUT",
            url,
            content=content,
            data=data,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )

    def patch(
        self,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a PATCH request; the arguments are those of `request`."""
        return self.request(
            "PATCH",
            url,
            content=content,
            data=data,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )

    def close(self) -> None:
        """Close all connections; a request that is under way ends with an error. Closing again does nothing."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            self._transport.close()

    def __enter__(self) -> typing.Self:
        self._enter()
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        self._transport.__exit__(exc_type, exc_value, traceback)
