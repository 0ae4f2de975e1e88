"""From an origin to a stream: names to addresses, TCP, TLS; all within one time limit."""

from __future__ import annotations

import typing
from collections.abc import Callable

from courser_models import Origin

from ._deadline import Deadline
from ._network import Backend, Stream
from ._tls import start_tls

if typing.TYPE_CHECKING:
    import ssl


class Connector:
    """Makes streams for one transport; `context` is asked for when the first https origin needs it."""

    def __init__(self, backend: Backend, context: Callable[[], ssl.SSLContext]) -> None:
        self._backend = backend
        self._context = context

    async def connect(self, origin: Origin, timeout: float | None) -> Stream:
        """Return a stream to `origin`, in at most `timeout` seconds for everything together.

        Raises `ConnectError`, `ConnectTimeout`.
        """
        deadline = Deadline(timeout)
        peer = origin.authority
        addresses = await self._backend.resolve(origin.host, origin.port, deadline)
        stream = await self._backend.connect_tcp(addresses, peer, deadline)
        if origin.scheme != "https":
            return stream
        return await start_tls(stream, self._context, origin.host, peer, deadline)
