"""From an origin to a stream: names to addresses, TCP, TLS; all within one time limit."""

from __future__ import annotations

import typing
from collections.abc import Awaitable

from courser_models import Origin

from ._deadline import Deadline
from ._exceptions import ConnectError, ConnectTimeout
from ._network import Backend, Stream
from ._tls import TLSSettings, is_final, start_tls
from ._trace import Tracer

T = typing.TypeVar("T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Connector:
    """Makes streams for one transport; `tls` is what https origins need.

    A failure that may pass is followed by up to `retries` further attempts: the first at once, then after 0.5 s, 1 s,
    2 s and so on. A certificate that is not trusted stays so, and is not tried again.
    """

    def __init__(self, backend: Backend, tls: TLSSettings, retries: int = 0) -> None:
        self._backend = backend
        self._tls = tls
        self._retries = retries

    async def connect(self, origin: Origin, deadline: Deadline, tracer: Tracer | None = None) -> Stream:
        """Return a stream to `origin`, before `deadline`, which each attempt has anew where it is none of the exchange.

        Raises `ConnectError`, `ConnectTimeout`.
        """
        for attempt in range(self._retries):
            try:
                return await self._attempt(origin, deadline.again(), tracer)
            except (ConnectError, ConnectTimeout) as error:
                pause = 0.0 if attempt == 0 else min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
                left = deadline.left_of_exchange()
                if is_final(error) or (left is not None and left <= pause):
                    raise
                if tracer is None:
                    await self._backend.sleep(pause)
                else:
                    await tracer.step("connection.retry", self._backend.sleep(pause), delay=pause)
        return await self._attempt(origin, deadline.again() if self._retries else deadline, tracer)

    async def _attempt(self, origin: Origin, deadline: Deadline, tracer: Tracer | None) -> Stream:
        peer = origin.authority
        if tracer is None:
            addresses = await self._backend.resolve(origin.host, origin.port, deadline)
            stream = await self._backend.connect_tcp(addresses, peer, deadline)
            if origin.scheme != "https":
                return stream
            return await start_tls(stream, self._tls, origin.host, peer, deadline, self._backend)
        where = {"host": origin.host, "port": origin.port, "timeout": deadline.limit}
        addresses = await tracer.step(
            "connection.resolve", self._backend.resolve(origin.host, origin.port, deadline), returns=True, **where
        )
        stream = await tracer.step(
            "connection.connect_tcp", self._backend.connect_tcp(addresses, peer, deadline), returns=True, **where
        )
        if origin.scheme != "https":
            return stream
        handshake: Awaitable[Stream] = start_tls(stream, self._tls, origin.host, peer, deadline, self._backend)
        return await tracer.step(
            "connection.start_tls", handshake, returns=True, server_hostname=origin.host, timeout=deadline.limit
        )
