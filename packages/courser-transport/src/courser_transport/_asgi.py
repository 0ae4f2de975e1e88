"""`ASGITransport`: requests go to an ASGI app in this process, and its response comes as the app produces it.

What happens in one request stands in `_asgi_exchange.py`, starting and stopping the app in `_asgi_lifespan.py`.
"""

from __future__ import annotations

import typing

from courser_models import AsyncBaseTransport, AsyncByteStream, Request, Response

from ._backends import current_backend
from ._deadline import Deadline, earliest
from ._in_process import limits_of, port_of
from ._remade import Remade

if typing.TYPE_CHECKING:
    from ._asgi_exchange import AppExchange, ASGIApp, Scope
    from ._asgi_lifespan import Lifespan
    from ._network import LoopBackend


class ASGITransport(Remade, AsyncBaseTransport):
    """Sends requests to an ASGI app, without a network; on asyncio and trio.

    The app runs in a task of its own for each request, with the context variables of the caller, beside whatever reads
    the response. So a response that never ends can be read as it is made, and the time-outs of the request hold: `read`
    for each step of the app, `total` for the exchange. When its client leaves before the end, the app gets
    `http.disconnect`, `send` raises an `OSError`, and after `grace` seconds its task is cancelled. An app that still
    works after its response was complete, in background tasks, is waited for at the end of the body, for as long as
    the `read` time-out; after that it goes on by itself, until the transport is closed.

    - `raise_app_exceptions`: raise what the app raises; otherwise it is logged, and becomes a response 500, or
      `RemoteProtocolError` where the response had begun. Default True
    - `root_path`, `client`: what the app is told of its place, and of its client's address
    - `lifespan`: start the app up before the first request or on entering, and shut it down on closing; after that
      the next request starts it again. Default False
    - `grace`: seconds an app has to end when its client has left. Default 1.0

    A request raises `RemoteProtocolError` for an app that does not keep to ASGI: no response, no end, two beginnings,
    messages that are none. `ReadTimeout` where a step takes too long, `ConnectTimeout` where starting up does, and
    `ConnectError` where the app says that it cannot start; closing raises `CloseError` where it cannot shut down.

    >>> import asyncio
    >>> from courser_models import Request
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200, "headers": []})
    ...     await send({"type": "http.response.body", "body": scope["path"].encode()})
    >>> async def main():
    ...     async with ASGITransport(app) as transport:
    ...         response = await transport.handle_async_request(Request("GET", "http://app/hello"))
    ...         return await response.aread()
    >>> asyncio.run(main())
    b'/hello'
    """

    def __init__(
        self,
        app: ASGIApp,
        raise_app_exceptions: bool = True,
        root_path: str = "",
        client: tuple[str, int] = ("127.0.0.1", 123),
        *,
        lifespan: bool = False,
        grace: float = 1.0,
    ) -> None:
        self.app = app
        self.raise_app_exceptions = raise_app_exceptions
        self.root_path = root_path
        self.client = client
        self.grace = grace
        self._has_lifespan = lifespan
        self._lifespan: Lifespan | None = None
        self._backend: LoopBackend | None = None
        self._exchanges: set[AppExchange] = set()

    async def handle_async_request(self, request: Request) -> Response:
        """Send `request` to the app and return its response as soon as it has begun."""
        from ._asgi_exchange import AppExchange

        if not isinstance(request.stream, AsyncByteStream):
            raise RuntimeError("an async client cannot send a sync iterator; give bytes, a file or an async iterable")
        backend = self._backend_here()
        timeouts, total = limits_of(request)
        scope = self._scope(request)
        if self._has_lifespan:
            scope["state"] = await self._started(backend, earliest(timeouts.get("connect"), total), request)
        exchange = AppExchange(
            self.app, scope, request, backend, timeouts.get("read"), total, self.raise_app_exceptions, self.grace
        )
        self._exchanges.add(exchange)
        exchange.start(self._forget)
        return await exchange.response()

    async def aclose(self) -> None:
        """End what the app still does, and shut it down where it was started up."""
        exchanges = []
        for exchange in list(self._exchanges):
            if exchange.backend.is_current():
                exchange.leave()
                exchanges.append(exchange)
            else:  # it is told in its own loop, and nobody waits for it here
                exchange.backend.call_soon(exchange.dropped)
        try:
            for exchange in exchanges:
                await exchange.end()
        finally:
            lifespan, self._lifespan = self._lifespan, None
            if lifespan is not None and lifespan.backend.is_current():
                await lifespan.shut_down()

    async def __aenter__(self) -> typing.Self:
        if self._has_lifespan:
            try:
                await self._started(self._backend_here(), Deadline(None), None)
            except BaseException:  # who cannot enter does not leave
                lifespan, self._lifespan = self._lifespan, None
                if lifespan is not None:
                    lifespan.give_up()
                raise
        return self

    def _forget(self, exchange: AppExchange) -> None:
        self._exchanges.discard(exchange)

    def _backend_here(self) -> LoopBackend:
        if self._backend is None or not self._backend.is_current():
            self._backend = current_backend()
            for exchange in list(self._exchanges):
                if exchange.backend.is_over():
                    self._exchanges.discard(exchange)
        return self._backend

    async def _started(
        self, backend: LoopBackend, deadline: Deadline, request: Request | None
    ) -> dict[str, typing.Any]:
        """Return the state for one request of an app that has started up."""
        from ._asgi_lifespan import Lifespan

        lifespan = self._lifespan
        if lifespan is not None and not lifespan.backend.is_current():
            if not lifespan.backend.is_over():
                raise RuntimeError("this app was started up in another event loop, which still runs; it needs one each")
            lifespan = None
        if lifespan is None:
            lifespan = self._lifespan = Lifespan(self.app, backend, self.raise_app_exceptions, self.grace)
            lifespan.start()
        await lifespan.started(deadline, request)
        return lifespan.state.copy()

    def _scope(self, request: Request) -> Scope:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name, value) for _, name, value in request.headers.fields],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, port_of(url)),
            "client": self.client,
            "root_path": self.root_path,
            "extensions": {"http.response.trailers": {}},
        }
