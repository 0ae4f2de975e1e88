"""`Sender`: the way of a request through a pool to its response, and again where it may be sent again.

What waits for a connection waits here. Very many may, and the garbage collector looks at all that they hold again and
again; so the pool and the transports have one coroutine for it between them, and not one each.
"""

from __future__ import annotations

import logging
import typing
from collections.abc import Mapping

from courser_models import Request, RequestError, Response, TransportError

from ._body import AsyncBody, SyncBody
from ._connection import Connection
from ._deadline import Deadline, earliest
from ._exceptions import UnsupportedProtocol
from ._http1._request_head import request_head
from ._places import Permit
from ._resend import is_http1_required, is_of_body, is_unprocessed, may_resend, were_others_processed
from ._route import Route, Way
from ._trace import Tracer, tracer_of

if typing.TYPE_CHECKING:
    from ._pool import ConnectionPool
    from ._proxy._settings import Proxy

_log = logging.getLogger("courser.transport")

SCHEMES = ("http", "https")
_NO_TIMEOUTS: dict[str, float | None] = {}

# A request that a server says it has not processed is sent again, this often, at once and then with longer and longer
# pauses: a server that is being replaced says so once or twice, one that is overloaded for a while.
_MOST_ATTEMPTS = 8

# Connections that a server ended after it has served others do not count as attempts: one after the other serves all.
# It may be asked so often all the same, and no more.
_MOST_CONNECTIONS = 1000
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Sender:
    """What sends a request by a pool: the pool itself, or a transport that has one for each event loop."""

    def _pool_for(self, request: Request) -> ConnectionPool:
        """Return the pool that serves `request`; raise what is wrong with asking for it here."""
        raise NotImplementedError

    async def _send(self, request: Request) -> Response:
        """Send `request` and return its response, whose body may still be on its way.

        Time-outs are in seconds, and in the request: `extensions["timeout"]`, by phase.
        Raises `TimeoutException`, `NetworkError`, `ProtocolError`, `UnsupportedProtocol`, each with the request;
        `RuntimeError` for a body that is not for an event loop where this runs in one, and after closing.
        """
        pool = self._pool_for(request)
        try:
            origin = request.url.origin
            if origin is None or origin.scheme not in SCHEMES:
                raise _unsupported(request)
            extensions = request.extensions
            timeouts = extensions.get("timeout") or _NO_TIMEOUTS
            route: Route = origin
            deadline: Deadline | None = None
            tracer: Tracer | None = None
            if len(extensions) != 1 or timeouts is _NO_TIMEOUTS or pool._connector.proxy is not None:
                # It says more than its time-outs.
                route = pool._connector.route(origin, extensions)
                if isinstance(route, Way) and route.forwarder is not None and route.forwarder.scheme is not None:
                    return await _send_with_credentials(pool, request, route.forwarder)
                deadline = extensions.get("deadline")
                tracer = tracer_of(request)
            if deadline is None:
                try:
                    total = timeouts.get("total")
                except AttributeError:
                    raise TypeError(
                        "extensions['timeout'] is a mapping of seconds by phase, such as Timeout(5.0).as_dict(), not "
                        f"{type(timeouts).__name__}"
                    ) from None
                if total is not None:
                    deadline = Deadline.of_exchange(total)
            connection = pool._take_idle(route)
            was_idle = connection is not None
            if connection is None:
                # What may not be sent is refused before anybody is connected to, or waited for.
                # Only what the fields say is kept: many may wait here, and each would hold a head that is made again.
                pool._checked = request_head(request, pool._checked)[1]
                asked = pool._ask(route)
                if tracer is not None or isinstance(asked, (Connection, Permit)):
                    connection = await pool._obtain(asked, route, extensions, deadline, tracer)
                else:
                    # Awaited here, in no coroutine of its own.
                    try:
                        patience = timeouts.get("pool")
                        limit = None if deadline is None else earliest(patience, deadline)
                        grant = await asked.wait(patience if limit is None else limit.left())
                    except BaseException:
                        pool._give_up(asked, route, None)
                        raise
                    if grant is None:
                        raise pool._timed_out(asked, route, limit or Deadline(patience))
                    connection = pool._granted(grant) or await pool._connect(route, extensions, deadline, tracer)
            # One that was warmed up has served nobody, and its peer may have closed it like any other idle one.
            was_reused = was_idle or connection.served > 0
            try:
                return await connection.send(request, deadline, tracer)
            except TransportError as error:
                if not _may_satisfy(pool, error, route) or not may_resend(request, error, was_reused):
                    raise
                _log.debug("sending %s %s again: %s", request.method, request.url.masked, error)
            return await _send_again(pool, request, route, deadline, tracer, not connection.multiplexes)
        except RequestError as error:
            if not is_of_body(error):  # those may be about another request
                error.request = request
            raise


async def _send_again(
    pool: ConnectionPool,
    request: Request,
    route: Route,
    deadline: Deadline | None,
    tracer: Tracer | None,
    is_fresh: bool,
) -> Response:
    """Send a request on another connection; as long as servers say that they did nothing about it, on another."""
    attempt = connections = 1
    while True:
        connection = await pool._acquire(route, request.extensions, deadline, tracer, is_fresh)
        try:
            return await connection.send(request, deadline, tracer)
        except TransportError as error:
            if not _may_satisfy(pool, error, route):
                raise
            if attempt >= _MOST_ATTEMPTS or not is_unprocessed(error) or not may_resend(request, error, False):
                raise
            if were_others_processed(error) and connections < _MOST_CONNECTIONS:
                connections += 1
                continue
            pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            left = None if deadline is None else deadline.left()
            if left is not None and left <= pause:
                raise
            _log.debug("sending %s %s again in %.2f s: %s", request.method, request.url.masked, pause, error)
        attempt += 1
        await pool.backend.sleep(pause)


async def _send_with_credentials(pool: ConnectionPool, request: Request, proxy: Proxy) -> Response:
    """Hand `request` to a proxy to send on, together with an answer to its challenge, if it has one."""
    target = b"%b://%b%b" % (request.url.raw_scheme, request.url.netloc, request.url.raw_path)
    extensions: dict[str, typing.Any] = {**request.extensions, "proxy": proxy.without_scheme}
    total = timeouts_of(extensions).get("total")
    if total is not None and "deadline" not in extensions:
        extensions["deadline"] = Deadline.of_exchange(total)
    from ._proxy._credentials import Credentials

    with Credentials(proxy, request.method, target) as credentials:
        authorization = credentials.first()
        while True:
            attempt = Request(
                request.method, request.url, headers=request.headers, stream=request.stream, extensions=extensions
            )
            if authorization is not None:
                attempt.headers["Proxy-Authorization"] = authorization.decode("ascii")
            response = await pool.send(attempt)
            response.request = request
            if response.status_code == 407 or "proxy-authentication-info" in response.headers:
                authorization = credentials.next(response.status_code, response)
            if response.status_code != 407 or authorization is None or not request.stream.is_replayable:
                return response
            if isinstance(response.stream, (SyncBody, AsyncBody)):
                response.stream.finish()


def _may_satisfy(pool: ConnectionPool, error: TransportError, route: Route) -> bool:
    """Return whether sending again gives a server what it asked for; HTTP/1.1 is what it gets from now on."""
    if not is_http1_required(error):
        return True
    if not pool._http1 or not pool._connector.may_offer_http1_alone(route):
        return False
    pool._remember_http1(route)
    pool._http1_required.add(route)
    return True


def timeouts_of(extensions: Mapping[str, typing.Any]) -> Mapping[str, float | None]:
    """Return a request's time-outs in seconds, by phase; none where it says nothing."""
    return extensions.get("timeout") or _NO_TIMEOUTS


def _unsupported(request: Request) -> UnsupportedProtocol:
    url = request.url
    if not url.scheme:
        return UnsupportedProtocol(f"{url.masked!r} has no scheme; a request needs an http:// or https:// URL")
    if url.scheme in SCHEMES:
        return UnsupportedProtocol(f"{url.masked!r} has no host")
    return UnsupportedProtocol(f"{url.scheme}:// is not spoken here, only http:// and https://")
