"""`ConnectionPool`: which connection serves a request, and who gets it next.

A place in the pool is a number that somebody owns: a connection that is lent, idle or being made. What is true
between any two lines that are not under the lock:

1. open = lent + idle + connecting, and open is never more than the limit.
2. Whoever waits, waits because nothing is idle and no place is free.
3. A grant, a connection or a free place, has one owner. A waiter that gave up returns it, and the pool passes it on.
4. Nothing is awaited, and nothing is read or written, while the lock is held.

Waiters are served first come, first served, whatever their origin: a connection that the oldest waiter cannot use is
closed, and its place goes to that waiter. Idle connections are taken newest first, because those are the least likely
to have been closed by the peer, and given up oldest first.
"""

from __future__ import annotations

import collections
import threading
import time

from courser_models import Origin, Request, RequestError, Response

from ._body import AsyncBody, SyncBody
from ._config import Limits
from ._connect import Connector
from ._exceptions import PoolTimeout, UnsupportedProtocol
from ._http1._connection import HTTP1Connection
from ._http1._request_head import request_head
from ._network import Backend, Waiter

_SCHEMES = ("http", "https")
_NO_TIMEOUTS: dict[str, float | None] = {}


class _Permit:
    """A place without a connection: whoever is granted it makes one."""


class _Closed:
    """What waiters are granted when the pool closes."""


_PERMIT = _Permit()
_CLOSED = _Closed()

_Grant = HTTP1Connection | _Permit | _Closed


class ConnectionPool:
    """Connections by origin, within `limits`; `body` says in which colour responses are read.

    `open`, `idle`, `lent`, `connecting` and `waiting` count what there is now.
    """

    def __init__(
        self, backend: Backend, connector: Connector, limits: Limits, body: type[SyncBody] | type[AsyncBody]
    ) -> None:
        self._backend = backend
        self._connector = connector
        self._limits = limits
        self._body = body
        self._lock = threading.Lock()
        self._is_closed = False
        self._open = 0
        self._connections: set[HTTP1Connection] = set()
        self._idle: dict[Origin, collections.deque[HTTP1Connection]] = {}
        # All idle connections, oldest first, and all who wait, oldest first.
        self._idle_by_age: collections.OrderedDict[HTTP1Connection, None] = collections.OrderedDict()
        self._waiters: collections.OrderedDict[Waiter[_Grant], Origin] = collections.OrderedDict()

    async def send(self, request: Request) -> Response:
        """Send `request` over a connection to its origin and return the response.

        Raises `UnsupportedProtocol`, `PoolTimeout`, and what connecting and the exchange raise; errors that are
        ours carry the request.
        """
        try:
            origin = request.url.origin
            if origin is None or origin.scheme not in _SCHEMES:
                raise _unsupported(request)
            connection = self._take_idle(origin)
            if connection is None:
                request_head(request)  # what may not be sent is refused before anybody is connected to
                connection = await self.acquire(origin, request.extensions.get("timeout") or _NO_TIMEOUTS)
            return await connection.send(request)
        except RequestError as error:
            error.request = request
            raise

    # Acquiring

    def _take_idle(self, origin: Origin) -> HTTP1Connection | None:
        """Return the newest idle connection to `origin` that is still good; those that are not are closed."""
        while True:
            with self._lock:
                if self._is_closed:
                    raise RuntimeError("this client is closed, and sends no more requests")
                idle = self._idle.get(origin)
                if not idle:
                    return None
                connection = idle.pop()
                del self._idle_by_age[connection]
                if not idle:
                    del self._idle[origin]
            if not connection.is_stale(self._limits.keepalive_expiry):
                return connection
            self._discard(connection)

    async def acquire(self, origin: Origin, timeouts: dict[str, float | None]) -> HTTP1Connection:
        """Return a connection to `origin` that is the caller's until it is released.

        A new one is made where the limit allows, if need be in the place of the oldest idle connection to somewhere
        else; otherwise this waits its turn, at most `timeouts["pool"]` seconds. Raises `PoolTimeout`.
        """
        victim: HTTP1Connection | None = None
        waiter: Waiter[_Grant] | None = None
        with self._lock:
            limit = self._limits.max_connections
            if limit is None or self._open < limit:
                self._open += 1
            elif self._idle_by_age:
                victim = self._remove_oldest_idle()  # its place becomes ours
            else:
                waiter = self._backend.waiter()
                self._waiters[waiter] = origin
        if victim is not None:
            victim.close()
        grant: _Grant = _PERMIT if waiter is None else await self._wait(waiter, origin, timeouts.get("pool"))
        if isinstance(grant, HTTP1Connection):
            return grant
        if isinstance(grant, _Closed):
            raise RuntimeError("this client was closed while the request waited for a connection")
        return await self._connect(origin, timeouts.get("connect"))

    async def _wait(self, waiter: Waiter[_Grant], origin: Origin, timeout: float | None) -> _Grant:
        try:
            grant = await waiter.wait(timeout)
        except BaseException:
            self._forget(waiter)
            raise
        if grant is None:
            self._forget(waiter)
            raise PoolTimeout(
                f"waiting for a connection to {origin.authority} timed out after {timeout} s: {self._state()}"
            )
        return grant

    def _forget(self, waiter: Waiter[_Grant]) -> None:
        with self._lock:
            self._waiters.pop(waiter, None)
        late = waiter.abandon()
        if late is not None and not isinstance(late, _Closed):
            self._pass_on(late)

    async def _connect(self, origin: Origin, timeout: float | None) -> HTTP1Connection:
        try:
            stream = await self._connector.connect(origin, timeout)
        except BaseException:
            self._pass_on(_PERMIT)
            raise
        connection = HTTP1Connection(stream, origin, self._body, self.release, self._backend.in_thread)
        with self._lock:
            if not self._is_closed:
                self._connections.add(connection)
                return connection
        connection.close()
        self._pass_on(_PERMIT)
        raise RuntimeError("this client was closed while the request was connecting")

    # Releasing

    def release(self, connection: HTTP1Connection) -> None:
        """Take back a connection whose exchange is over: the oldest waiter gets it, or its place; else it is kept."""
        if not connection.is_reusable:
            self._discard(connection)
        else:
            self._pass_on(connection)

    def _discard(self, connection: HTTP1Connection) -> None:
        connection.close()
        with self._lock:
            self._connections.discard(connection)
        self._pass_on(_PERMIT)

    def _pass_on(self, grant: _Grant) -> None:
        """Give what came free to the oldest waiter, or keep it."""
        doomed: HTTP1Connection | None = None
        with self._lock:
            while self._waiters:
                waiter, origin = self._waiters.popitem(last=False)
                if isinstance(grant, HTTP1Connection) and grant.origin != origin:
                    doomed, grant = grant, _PERMIT
                    self._connections.discard(doomed)
                if waiter.deliver(grant):
                    break
            else:
                if not isinstance(grant, HTTP1Connection):
                    self._open -= 1
                elif self._is_closed:
                    doomed = grant
                    self._drop(grant)
                else:
                    doomed = self._keep_idle(grant)
        if doomed is not None:
            doomed.close()

    def _keep_idle(self, connection: HTTP1Connection) -> HTTP1Connection | None:
        """Keep a connection; return one that has to be closed for it, because more may not be kept idle."""
        connection.idle_since = time.monotonic()
        idle = self._idle.get(connection.origin)
        if idle is None:
            idle = self._idle[connection.origin] = collections.deque()
        idle.append(connection)
        self._idle_by_age[connection] = None
        keep = self._limits.max_keepalive_connections
        if keep is None or len(self._idle_by_age) <= keep:
            return None
        oldest = self._remove_oldest_idle()
        self._open -= 1
        return oldest

    def _remove_oldest_idle(self) -> HTTP1Connection:
        connection, _ = self._idle_by_age.popitem(last=False)
        # The oldest of all is the oldest of its origin: both orders are those in which connections came back.
        idle = self._idle[connection.origin]
        idle.popleft()
        if not idle:
            del self._idle[connection.origin]
        self._connections.discard(connection)
        return connection

    def _drop(self, connection: HTTP1Connection) -> None:
        self._connections.discard(connection)
        self._open -= 1

    # Closing

    def close(self) -> None:
        """Close every connection, in use or not, and end every wait; closing again does nothing."""
        with self._lock:
            self._is_closed = True
            idle = list(self._idle_by_age)
            lent = self._connections.difference(idle)
            self._idle.clear()
            self._idle_by_age.clear()
            self._connections.difference_update(idle)
            self._open -= len(idle)
            waiters = list(self._waiters)
            self._waiters.clear()
        for waiter in waiters:
            waiter.deliver(_CLOSED)
        for connection in idle:
            connection.close()
        for connection in lent:
            connection.close()  # whoever reads it is told, and releases it

    # Telling

    @property
    def open(self) -> int:
        """How many places are taken: lent, idle and connecting together."""
        return self._open

    @property
    def idle(self) -> int:
        """How many connections nothing uses."""
        return len(self._idle_by_age)

    @property
    def lent(self) -> int:
        """How many connections serve a request."""
        return len(self._connections) - len(self._idle_by_age)

    @property
    def connecting(self) -> int:
        """How many connections are being made."""
        return self._open - len(self._connections)

    @property
    def waiting(self) -> int:
        """How many requests wait for a connection."""
        return len(self._waiters)

    def _state(self) -> str:
        limit = self._limits.max_connections
        return (
            f"{self._open} of {'any number' if limit is None else limit} connections are open "
            f"({self.lent} in use, {self.idle} idle, {self.connecting} connecting), {self.waiting} requests wait"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._state()}>"


def _unsupported(request: Request) -> UnsupportedProtocol:
    url = request.url
    if not url.scheme:
        return UnsupportedProtocol(f"{url.masked!r} has no scheme; a request needs an http:// or https:// URL")
    if url.scheme in _SCHEMES:
        return UnsupportedProtocol(f"{url.masked!r} has no host")
    return UnsupportedProtocol(f"{url.scheme}:// is not spoken here, only http:// and https://")
