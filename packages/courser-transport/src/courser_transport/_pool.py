"""`ConnectionPool`: which connection serves a request, and who gets it next.

Connections are kept by route: by the origin that they lead to, for most, and where a request says more about its peer
by that too (`_route`). Below, «origin» in the sentences means just this.

A place in the pool is a number that somebody owns: a connection that is lent, idle or being made. What is true
between any two lines that are not under the lock:

1. open = lent + idle + connecting, and open is never more than the limit; the same holds for each origin.
2. Whoever waits, waits because nothing idle or shared suits, and no place is free, or none for this origin, or because
   a connection is on its way that may serve many: as long as it is not known whether an origin speaks HTTP/2, one
   connects and the others wait for what it learns.
3. A grant, a connection or a free place, has one owner. A waiter that gave up returns it, and the pool passes it on.
4. Nothing is awaited, and nothing is read or written, while the lock is held.

Waiters are served first come, first served, whatever their origin: a connection that the oldest waiter cannot use is
closed, and its place goes to that waiter. Only a waiter whose own origin is at its limit lets others pass. Idle
connections are taken newest first, because those are the least likely to have been closed by the peer, and given up
oldest first.

A connection that multiplexes is lent as long as one exchange is under way on it, and shared as long as it has room for
more. Each exchange is a share that somebody owns, and gives back; the last one makes the connection idle.

A garbage collection may end a response at any line, the lock's included, and must not wait for it. So it only notes
what came free, and whoever has, or next takes, the lock passes it on: however he leaves, by an error too.
"""

from __future__ import annotations

import collections
import functools
import heapq
import logging
import os
import threading
import time
import typing
import warnings
import weakref
from collections.abc import Callable, Mapping

from courser_models import URL, Origin, Request

from ._body import AsyncBody, SyncBody
from ._config import Limits
from ._connect import Connector
from ._connection import Connection
from ._deadline import Deadline, earliest
from ._exceptions import ConnectError, PoolTimeout, UnsupportedProtocol
from ._http1._connection import HTTP1Connection
from ._http1._request_head import CheckedFields
from ._network import Backend, Stream, Waiter
from ._places import CLOSED, PERMIT, Closed, Grant, Permit, Place, Places
from ._route import Route
from ._sending import SCHEMES, Sender, timeouts_of
from ._trace import Tracer

if typing.TYPE_CHECKING:
    from ._stats import PoolStats

_log = logging.getLogger("courser.transport")

# Idle connections are looked at this often, if they do not expire before: a peer that closed one is let go.
_LOOK_EVERY = 5.0

# Origins of which it is remembered that they speak HTTP/1.1 only.
_MOST_REMEMBERED = 1000


class ConnectionPool(Sender, Places):
    """Connections by route, within `limits`; `body` says in which colour responses are read.

    `open`, `idle`, `lent`, `connecting` and `waiting` count what there is now; `stats()` tells it by origin.
    """

    def __init__(
        self,
        backend: Backend,
        connector: Connector,
        limits: Limits,
        body: type[SyncBody] | type[AsyncBody],
        http1: bool = True,
        http2: bool = False,
    ) -> None:
        super().__init__(limits, http1, http2)
        self.backend = backend
        # Origins that chose HTTP/2, and then wanted HTTP/1.1.
        self._http1_required: set[Route] = set()
        self.body = body
        self._connector = connector
        self._lock = threading.Lock()
        self._is_closed = False
        # The fields of the last request that found no idle connection: most say the same.
        self._checked: CheckedFields | None = None
        # What came free in a garbage collection, until somebody passes it on.
        self._reclaimed: collections.deque[Callable[[], None]] = collections.deque()
        self._looks_after_idle = False
        self._look_due = time.monotonic() + _LOOK_EVERY
        _pools.add(self)

    # Sending

    def _pool_for(self, request: Request) -> ConnectionPool:
        return self

    send = Sender._send

    # Acquiring

    def _take_idle(self, route: Route) -> Connection | None:
        """Return the newest idle connection by `route` that is still good; those that are not are closed."""
        while True:
            try:
                with self._lock:
                    if self._is_closed:
                        raise RuntimeError("this client is closed, and sends no more requests")
                    place = self._places.get(route)
                    if place is None:
                        return None
                    if place.shared and self._has_shared(place):
                        connection, is_shared = self._share(place), True
                    elif place.idle:
                        connection, is_shared = place.idle.pop(), False
                        connection.owner = self
                        del self._idle_by_age[connection]
                        if connection.multiplexes:
                            self._lend(place, connection)
                    else:
                        return None
                    self._requests += 1
                    self._reused += connection.served > 0
            finally:
                if self._reclaimed:
                    self._pass_on_reclaimed()
            if is_shared or not connection.is_stale():
                return connection
            self._discard(connection, was_used=False)

    async def acquire(self, origin: Origin, timeouts: dict[str, float | None]) -> Connection:
        """Return a connection to `origin` that is the caller's until it is released.

        An idle one is taken, or a new one made where the limits allow, if need be in the place of the oldest idle
        connection to somewhere else; otherwise this waits its turn, at most `timeouts["pool"]` seconds. Raises
        `PoolTimeout`, and what connecting raises in `timeouts["connect"]` seconds.
        """
        route = self._connector.route(origin, {})
        return self._take_idle(route) or await self._acquire(route, {"timeout": timeouts})

    async def _acquire(
        self,
        route: Route,
        extensions: Mapping[str, typing.Any],
        total: Deadline | None = None,
        tracer: Tracer | None = None,
        is_fresh: bool = False,
    ) -> Connection:
        """Return a connection, within a request's time-outs and its total; with `is_fresh` one that nobody has used."""
        asked = self._ask(route, is_fresh)
        return await self._obtain(asked, route, extensions, total, tracer, is_fresh)

    async def _obtain(
        self,
        asked: Connection | Permit | Waiter[Grant],
        route: Route,
        extensions: Mapping[str, typing.Any],
        total: Deadline | None,
        tracer: Tracer | None,
        is_fresh: bool = False,
    ) -> Connection:
        """Return the connection that `_ask` took, has a place for, or waits for."""
        if isinstance(asked, Connection):
            return asked
        grant: Grant = PERMIT
        if not isinstance(asked, Permit):
            grant = await self._wait(asked, route, extensions, total, tracer)
        return self._granted(grant, is_fresh) or await self._connect(route, extensions, total, tracer)

    def _granted(self, grant: Grant, is_fresh: bool = False) -> Connection | None:
        """Return the connection that was granted to one who waited; None where there is a place to make one in."""
        if isinstance(grant, Closed):
            raise RuntimeError("this client was closed while the request waited for a connection")
        if isinstance(grant, Permit):
            return None
        # Since it was released it may have grown too old, or been sent what would answer this request.
        is_of_use = grant.multiplexes or (not is_fresh and not grant.is_stale())
        with self._lock:
            if is_of_use:
                self._requests += 1
                self._reused += grant.served > 0
            else:
                self._forget_connection(grant)
        if self._reclaimed:
            self._pass_on_reclaimed()
        if is_of_use:
            return grant
        grant.close()
        return None

    def _ask(self, route: Route, is_fresh: bool = False) -> Connection | Permit | Waiter[Grant]:
        """Take an idle connection that is still good or a place, or else join those who wait."""
        if not self._looks_after_idle and time.monotonic() > self._look_due:
            self.look_at_idle()
        while True:
            asked = self._ask_once(route, is_fresh)
            if not isinstance(asked, Connection) or asked.taken > 1 or not asked.is_stale():
                return asked
            self._discard(asked, was_used=False)

    def _ask_once(self, route: Route, is_fresh: bool) -> Connection | Permit | Waiter[Grant]:
        asked: Connection | Permit | Waiter[Grant] = PERMIT
        victim: Connection | None = None
        try:
            with self._lock:
                if self._is_closed:
                    raise RuntimeError("this client is closed, and sends no more requests")
                place = self._places.get(route) or Place(route)
                limit, own = self.limits.max_connections, self.limits.max_connections_per_origin
                if not is_fresh and self._has_shared(place):
                    asked = self._share(place)
                    self._requests += 1
                    self._reused += asked.served > 0
                elif place.idle and not is_fresh:
                    asked = place.idle.pop()
                    asked.owner = self
                    del self._idle_by_age[asked]
                    if asked.multiplexes:
                        self._lend(place, asked)
                    self._requests += 1
                    self._reused += asked.served > 0
                elif self._http2 and self._is_negotiating(place):
                    asked = self.backend.waiter()
                elif own is not None and place.open >= own:
                    if place.idle:
                        victim = self._remove_idle(place.idle[0])
                    else:
                        asked = self.backend.waiter()
                elif limit is not None and self._open >= limit:
                    if self._idle_by_age:
                        victim = self._remove_idle(next(iter(self._idle_by_age)))
                    else:
                        asked = self.backend.waiter()
                self._places[route] = place
                if isinstance(asked, Permit):  # a free place, or the victim's
                    self._open += 1
                    place.open += 1
                elif not isinstance(asked, Connection):
                    self._join(place, asked)
        finally:
            if victim is not None:
                victim.close()
            if self._reclaimed:
                self._pass_on_reclaimed()
        return asked

    async def _wait(
        self,
        waiter: Waiter[Grant],
        route: Route,
        extensions: Mapping[str, typing.Any],
        total: Deadline | None,
        tracer: Tracer | None,
    ) -> Grant:
        """Return the grant; whatever happens before the caller has it, it is passed on."""
        grant: Grant | None = None

        async def wait() -> Grant:
            nonlocal grant
            deadline = earliest(timeouts_of(extensions).get("pool"), total)
            grant = await waiter.wait(deadline.left())
            if grant is None:
                raise self._timed_out(waiter, route, deadline)
            return grant

        try:
            return await (wait() if tracer is None else tracer.step("pool.acquire", wait()))
        except BaseException:
            self._give_up(waiter, route, grant)
            raise

    def _timed_out(self, waiter: Waiter[Grant], route: Route, deadline: Deadline) -> PoolTimeout:
        self._give_up(waiter, route, None)
        return PoolTimeout(
            f"waiting for a connection to {route.authority} timed out {deadline.words}: {self._state()}"
            f"{self._longest_use()}"
        )

    def _give_up(self, waiter: Waiter[Grant], route: Route, grant: Grant | None) -> None:
        if not self._lock.acquire(blocking=False):
            self._later(functools.partial(self._give_up, waiter, route, grant))
            return
        try:
            place = self._places.get(route)
            if place is not None and waiter.number is not None:
                was_first = place.waiters[0] is waiter
                place.leave(waiter)
                self._waiting -= 1
                if was_first:
                    self._stand_in_line(place)
                self._forget_place(place)
        finally:
            self._lock.release()
        self._pass_on_reclaimed()
        late = waiter.abandon() or grant
        if isinstance(late, Connection):
            if late.multiplexes:
                self._take_back(late)
            else:
                self._pass_on(late.route, late)
        elif isinstance(late, Permit):
            self._pass_on(route, None)

    async def _connect(
        self,
        route: Route,
        extensions: Mapping[str, typing.Any],
        total: Deadline | None = None,
        tracer: Tracer | None = None,
    ) -> Connection:
        """Make a connection in a place that is ours."""
        try:
            deadline = earliest(timeouts_of(extensions).get("connect"), total)
            # `retries`, how often connecting may be tried again: without it, what the transport says.
            retries, is_http1_wanted = extensions.get("retries"), route in self._http1_required
            stream = await self._connector.connect(route, deadline, tracer, retries, is_http1_wanted)
            connection = self._speak(stream, route)
        except BaseException:
            if self._http2:
                self._note_failure(route)
            self._pass_on(route, None)
            if self._http2:
                self._serve_waiters()
            raise
        with self._lock:
            is_closed = self._is_closed
            if not is_closed:
                connection.lent_at = time.monotonic()
                self._connections.add(connection)
                place = self._places[route]
                place.connected += 1
                self._made += 1
                self._requests += 1
                if connection.multiplexes:
                    place.expected = connection.capacity
                    self._lend(place, connection)
                    self._share_out(place)
        self._pass_on_reclaimed()
        if not is_closed:
            if self._http2:
                self._serve_waiters()
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("connected to %s: %s", route.authority, self._state())
            return connection
        connection.close()
        self._pass_on(route, None)
        raise RuntimeError("this client was closed while the request was connecting")

    def _speak(self, stream: Stream, route: Route) -> Connection:
        """Return a connection that speaks what was agreed on; raises `ConnectError` where that is nothing of ours."""
        tls = stream.extra("ssl_object") if route.scheme == "https" else None
        chosen = None if tls is None else tls.selected_alpn_protocol()
        if chosen == "h2" if tls is not None else self._http2 and not self._http1:
            if self._http2:
                from ._http2._connection import HTTP2Connection  # loads hpack, which most programs never need

                return HTTP2Connection(stream, route, self)
            stream.close()
            raise ConnectError(
                f"{route.authority} chose HTTP/2, which this transport does not speak: the SSLContext that it was "
                "given offers it, because it belongs to a transport with http2=True as well"
            )
        if not self._http1:
            stream.close()
            raise ConnectError(f"{route.authority} does not speak HTTP/2, and http1=False leaves nothing else")
        if self._http2:
            self._remember_http1(route)
        return HTTP1Connection(stream, route, self)

    def _remember_http1(self, route: Route) -> None:
        if len(self._http1_origins) >= _MOST_REMEMBERED:
            self._http1_origins.clear()
            self._http1_required.clear()
        self._http1_origins.add(route)

    # Sharing

    def _note_failure(self, route: Route) -> None:
        """Let everybody try for himself where the one that all wait for has failed."""
        with self._lock:
            place = self._places.get(route)
            if place is not None:
                place.expected = 0
        self._pass_on_reclaimed()

    def _serve_waiters(self) -> None:
        """Give places to those who waited for what a connection would turn out to speak."""
        victims: list[Connection] = []
        limit = self.limits.max_connections
        with self._lock:
            for place in list(self._places.values()) if self._waiting else ():
                self._stand_in_line(place)
            while self._line and self._waiting and not self._is_closed:
                number, route = self._line[0]
                chosen = self._places.get(route)
                if chosen is None or chosen.first != number or not self._may_have_one_more(chosen):
                    heapq.heappop(self._line)  # out of date
                    continue
                if limit is not None and self._open >= limit:
                    if not self._idle_by_age:
                        break
                    victims.append(self._remove_idle(next(iter(self._idle_by_age))))
                heapq.heappop(self._line)
                waiter = chosen.next()
                self._waiting -= 1
                if waiter.deliver(PERMIT):
                    self._open += 1
                    chosen.open += 1
                self._stand_in_line(chosen)
                self._forget_place(chosen)
        for victim in victims:
            victim.close()
        self._pass_on_reclaimed()

    def has_changed(self, connection: Connection) -> None:
        """Hear that a connection has more room than before, or takes no more requests."""
        with self._lock:
            place = self._places.get(connection.route)
            if place is not None and connection in self._connections:
                place.expected = connection.capacity or None
                self._offer(place, connection)
                self._share_out(place)
        self._pass_on_reclaimed()
        self._serve_waiters()

    async def warm_up(self, origin: Origin | URL | str, connections: int = 1, timeout: float | None = 5.0) -> int:
        """Connect to `origin` until `connections` of it are idle, or the limits allow no more; return how many are.

        `timeout` is for each of them. Raises what connecting raises.
        """
        if not isinstance(origin, Origin):
            known = URL(origin).origin
            if known is None or known.scheme not in SCHEMES:
                raise UnsupportedProtocol(f"{URL(origin).masked!r} is no http:// or https:// URL")
            origin = known
        route = self._connector.route(origin, {})
        extensions = {"timeout": {"connect": timeout}}
        while True:
            ready = self._ready_or_reserved(route, connections)
            if ready is not None:
                return ready
            connection = await self._connect(route, extensions)
            with self._lock:
                self._requests -= 1
            if connection.multiplexes:
                self._take_back(connection)
            else:
                connection.rest(time.monotonic())
                self._pass_on(route, connection)

    def _ready_or_reserved(self, route: Route, connections: int) -> int | None:
        """Return how many connections by `route` are idle where no more are wanted or allowed; else take a place."""
        try:
            with self._lock:
                if self._is_closed:
                    raise RuntimeError("this client is closed, and connects to nobody")
                place = self._places.get(route) or Place(route)
                ready = len(place.idle)
                limit, own = self.limits.max_connections, self.limits.max_connections_per_origin
                keep = self.limits.max_keepalive_connections
                if (
                    ready >= connections
                    or (limit is not None and self._open >= limit)
                    or (own is not None and place.open >= own)
                    or (keep is not None and len(self._idle_by_age) >= keep)
                ):
                    return ready
                self._places[route] = place
                self._open += 1
                place.open += 1
                return None
        finally:
            self._pass_on_reclaimed()

    # Releasing

    def release(self, connection: Connection) -> None:
        """Take back a connection whose exchange is over: the oldest waiter gets it, or its place; else it is kept."""
        if not self._lock.acquire(blocking=False):
            self._later(functools.partial(self._take_back, connection))
            return
        # Mostly nobody waits, and it is kept: then the lock is taken once.
        is_kept = False
        doomed: Connection | None = None
        try:
            if not self._waiting and connection.is_reusable and not connection.multiplexes:
                is_kept = connection in self._connections  # else the process has forked since
                if is_kept:
                    connection.rest(time.monotonic())
                    doomed = self._keep(self._places[connection.route], connection)
        finally:
            self._lock.release()
            if doomed is not None:
                doomed.close()
            if self._reclaimed:
                self._pass_on_reclaimed()
        if not is_kept:
            self._take_back(connection)

    def _later(self, work: Callable[[], None]) -> None:
        """Do what needs the lock once it is free: a garbage collection may stand inside the lock of its own thread."""
        self._reclaimed.append(work)
        self._pass_on_reclaimed()

    def _take_back(self, connection: Connection) -> None:
        if connection.multiplexes and not self._is_last_share(connection):
            return
        if not connection.is_reusable:
            self._discard(connection)
        else:
            connection.rest(time.monotonic())
            self._pass_on(connection.route, connection)

    def _is_last_share(self, connection: Connection) -> bool:
        """Take back a share; return whether nobody else has one. Otherwise those who wait may."""
        with self._lock:
            connection.taken -= 1
            place = self._places.get(connection.route)
            # Else it was closed, or the process has forked since.
            is_ours = place is not None and connection in self._connections
            is_last = is_ours and not connection.taken
            if place is not None and is_ours:
                self._offer(place, connection)
                if not is_last and place.waiters:
                    self._share_out(place)
        self._pass_on_reclaimed()
        return is_last

    def reclaim(self, connection: Connection) -> None:
        """Take back a connection whose response was dropped; from a garbage collection, so without waiting."""
        self._reclaimed.append(functools.partial(self._take_back, connection))
        if self.backend.is_over():
            connection.abandon()
        else:
            self.backend.call_soon(self._pass_on_reclaimed)

    def _pass_on_reclaimed(self) -> None:
        # Whoever holds the lock looks here again once it is free, so nothing is left lying.
        while self._reclaimed and self._lock.acquire(blocking=False):
            self._lock.release()
            try:
                work = self._reclaimed.popleft()
            except IndexError:
                return
            work()

    def _discard(self, connection: Connection, was_used: bool = True) -> None:
        with self._lock:
            is_ours = connection in self._connections  # else the process has forked since, and it belongs to the parent
            is_shared = connection.taken > 1
            if is_shared:  # somebody has joined meanwhile, and gives it back
                connection.taken -= 1
            elif is_ours:
                self._forget_connection(connection)
            if is_ours and not was_used:
                self._requests -= 1
                self._reused -= connection.served > 0
        if not is_shared:
            connection.close()
            if is_ours:
                self._pass_on(connection.route, None)
        self._pass_on_reclaimed()

    def _pass_on(self, route: Route, connection: Connection | None) -> None:
        """Give what came free, a place of `route` with or without its connection, to the oldest waiter, or keep it."""
        doomed: Connection | None = None
        try:
            with self._lock:
                place = self._places.get(route)
                if place is None or (connection is not None and connection not in self._connections):
                    return  # the process has forked since, and this belongs to the parent
                while self._waiting:
                    chosen = self._next_in_line(place, connection is None)
                    if chosen is None:
                        break
                    waiter = chosen.next()
                    self._waiting -= 1
                    if chosen is place:
                        is_taken = waiter.deliver(PERMIT if connection is None else connection)
                        if is_taken and connection is not None and connection.multiplexes:
                            self._lend(place, connection)
                            self._share_out(place)
                    else:
                        chosen.open += 1
                        is_taken = waiter.deliver(PERMIT)
                        if is_taken:  # the place changes hands, and what stands on it goes
                            place.open -= 1
                            if connection is not None:
                                doomed = connection
                                self._forget_connection(connection)
                            self._stand_in_line(place)
                            self._forget_place(place)
                        else:
                            chosen.open -= 1
                    self._stand_in_line(chosen)
                    if is_taken:
                        break
                    self._forget_place(chosen)
                else:
                    chosen = None
                if chosen is None:
                    doomed = self._keep(place, connection)
        finally:
            if doomed is not None:
                doomed.close()
            if self._reclaimed:
                self._pass_on_reclaimed()

    def _keep(self, place: Place, connection: Connection | None) -> Connection | None:
        """Keep a connection idle, or give up its place; return a connection that has to be closed for it."""
        if connection is not None and not self._is_closed:
            del connection.owner
            place.idle.append(connection)
            self._idle_by_age[connection] = None
            if not self._looks_after_idle and self.body is AsyncBody:
                self._look_after_idle(connection)
            keep = self.limits.max_keepalive_connections
            if keep is None or len(self._idle_by_age) <= keep:
                return None
            return self._remove_idle(next(iter(self._idle_by_age)))
        if connection is not None:
            self._forget_connection(connection)
        self._give_up_place(place)
        return connection

    # Idle connections that nobody asks for

    def _look_after_idle(self, connection: Connection) -> None:
        """Look at the idle connections in a while, and so on until none is left.

        Without an event loop nothing runs in between, and they are looked at when somebody wants to connect.
        """
        until = connection.idle_until
        wait = _LOOK_EVERY if until is None else min(max(until - time.monotonic(), 0.0) + 0.01, _LOOK_EVERY)
        self._looks_after_idle = self.backend.call_later(wait, _weakly(self._look_again))

    def _look_again(self) -> None:
        self._looks_after_idle = False
        self.look_at_idle()

    def look_at_idle(self) -> None:
        """Close idle connections that have expired, or that their peer has closed."""
        self._look_due = time.monotonic() + _LOOK_EVERY
        with self._lock:
            idle = list(self._idle_by_age)
        for connection in idle:
            with self._lock:
                if connection not in self._idle_by_age:
                    continue
                # Looking may read from the socket, so meanwhile it is lent: to us.
                del self._idle_by_age[connection]
                self._places[connection.route].idle.remove(connection)
                connection.owner = self
            if connection.is_stale():
                self._discard(connection)
            else:
                self._pass_on(connection.route, connection)
        self._pass_on_reclaimed()

    # Closing

    def close(self) -> None:
        """Close every connection, in use or not, and end every wait; closing again does nothing.

        From another event loop's point of view this happens in the next turn of the pool's own.
        """
        self._is_closed = True
        if self.backend.is_over():
            self.abandon()
        elif self.backend.is_current():
            self._close_all()
        else:
            self.backend.call_soon(self._close_all)

    def _close_all(self) -> None:
        with self._lock:
            idle = list(self._idle_by_age)
            for connection in idle:
                self._remove_idle(connection)
            lent = list(self._connections)
            waiters: list[Waiter[Grant]] = []
            for place in list(self._places.values()):
                waiters += place.dismiss()
                self._forget_place(place)
            self._waiting = 0
            self._line.clear()
        self._pass_on_reclaimed()
        for waiter in waiters:
            waiter.deliver(CLOSED)
        for connection in idle:
            connection.close()
        for connection in lent:
            connection.close()  # whoever reads it is told, and releases it

    def abandon(self) -> None:
        """Forget every connection without touching what served it: its loop is gone, or this is a fork's child."""
        self._lock = threading.Lock()  # somebody may have held the other one, who does not exist here
        connections = list(self._connections)
        for place in self._places.values():
            place.dismiss()
        self._connections = set()
        self._places = {}
        self._idle_by_age = collections.OrderedDict()
        self._line = []
        self._reclaimed.clear()
        self._open = self._waiting = 0
        self._looks_after_idle = False
        for connection in connections:
            connection.abandon()

    def __del__(self) -> None:
        if not self.__dict__.get("_connections"):
            return
        # An event loop that runs on must hear of it: it watches the sockets.
        connections, is_over = list(self._connections), self.backend.is_over()
        for connection in connections:
            if is_over:
                connection.abandon()
            else:
                connection.close()
        if self._is_closed:
            return
        warnings.warn(
            f"a client with {len(connections)} open connections was dropped and not closed; use `with` or close it",
            ResourceWarning,
            source=self,
            stacklevel=1,
        )

    async def in_thread(self, function: Callable[[], bytes]) -> bytes:
        """Read from a file, which blocks, without keeping the event loop from others."""
        return await self.backend.in_thread(function)

    # Telling

    def stats(self) -> PoolStats:
        """Return what the pool is doing at this moment, as a whole and by origin."""
        from ._stats import OriginStats, PoolStats

        with self._lock:
            origins = {
                str(place.route): OriginStats(
                    open=place.open,
                    idle=len(place.idle),
                    connecting=place.open - place.connected,
                    lent=place.connected - len(place.idle),
                    waiting=place.waiting,
                    streams=sum([each.taken for each in self._connections if each.route == place.route]),
                )
                for place in self._places.values()
            }
            stats = PoolStats(
                open=self._open,
                idle=len(self._idle_by_age),
                connecting=self._open - len(self._connections),
                lent=len(self._connections) - len(self._idle_by_age),
                waiting=self._waiting,
                connections_made=self._made,
                requests=self._requests,
                reused=self._reused,
                streams=sum([connection.taken for connection in self._connections]),
                origins=origins,
            )
        self._pass_on_reclaimed()
        return stats

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._state()}>"


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a call of a pool's method that does not keep the pool alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call


# All pools of this process, for a fork: its child shares every socket with its parent, and may not touch one.
_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
