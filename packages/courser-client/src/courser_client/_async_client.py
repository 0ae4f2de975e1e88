"""`AsyncClient`: complete signatures over the shared exchange, for programs with an event loop."""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import AsyncIterator

from courser_models import (
    AsyncBaseTransport,
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
    AsyncHTTPTransport,
    CertTypes,
    Limits,
    TimeoutTypes,
    VerifyTypes,
)

from ._defaults import DEFAULT_TIMEOUT, USE_CLIENT_DEFAULT, TimeoutArgument
from ._exchange import ClientState, Exchange


class AsyncClient(Exchange):
    """An HTTP client with a pool of connections; to be shared by any number of tasks of one event loop.

    - `params`, `headers`: part of every request
    - `timeout`: seconds, or a `Timeout`; None for no limit. Default 5 s for each phase
    - `base_url`: what relative URLs are appended to
    - `limits`: how many connections there may be. Default 100, of which 20 are kept for 5 s while unused
    - `verify`, `cert`: whom to trust and who to be, as in `create_ssl_context`. Default certifi's authorities
    - `http1`: speak HTTP/1.1
    - `transport`: what sends the requests instead of a pool made of `limits`, `verify`, `cert` and `http1`

    >>> import asyncio
    >>> async def fetch(url: str) -> int:
    ...     async with AsyncClient(timeout=10.0) as client:
    ...         return (await client.get(url)).status_code
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
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(params=params, headers=headers, timeout=timeout, base_url=base_url)
        if transport is None:
            transport = AsyncHTTPTransport(verify=verify, cert=cert, http1=http1, limits=limits)
        self._transport = transport

    async def _dispatch(self, request: Request) -> Response:
        return await self._transport.handle_async_request(request)

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Send `request` and return its response, read to the end unless `stream` is true.

        A response that is streamed must be closed, read or not. Raises `TransportError`, `DecodingError`;
        `RuntimeError` on a closed client.
        """
        response = await self._exchange(request)
        if not stream:
            await response.aread()
        return response

    async def request(
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
        return await self.send(request)

    @contextlib.asynccontextmanager
    async def stream(
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
    ) -> AsyncIterator[Response]:
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
        response = await self.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def get(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a GET request; the arguments are those of `request`."""
        return await self.request("GET", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    async def options(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send an OPTIONS request; the arguments are those of `request`."""
        return await self.request(
            "OPTIONS", url, params=params, headers=headers, timeout=timeout, extensions=extensions
        )

    async def head(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a HEAD request; the arguments are those of `request`."""
        return await self.request("HEAD", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    async def delete(
        self,
        url: URLTypes,
        *,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Response:
        """Send a DELETE request; the arguments are those of `request`."""
        return await self.request("DELETE", url, params=params, headers=headers, timeout=timeout, extensions=extensions)

    async def post(
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
        return await self.request(
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

    async def put(
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
        return await self.request(
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

    async def patch(
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
        return await self.request(
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

    async def aclose(self) -> None:
        """Close all connections; a request that is under way ends with an error. Closing again does nothing."""
        if self._state is not ClientState.CLOSED:
            self._state = ClientState.CLOSED
            await self._transport.aclose()

    async def __aenter__(self) -> typing.Self:
        self._enter()
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        self._state = ClientState.CLOSED
        await self._transport.__aexit__(exc_type, exc_value, traceback)
