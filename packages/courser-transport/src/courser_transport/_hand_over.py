"""A connection that speaks another protocol from now on, after an upgrade (RFC 9110 §7.8) or CONNECT (§9.3.6).

`response.extensions["network_stream"]` is one of these, with the methods that HTTPX has.
"""

from __future__ import annotations

import typing
from collections.abc import Callable

from ._backends._reasons import closed_here
from ._deadline import Deadline
from ._exceptions import ConnectError, NetworkError, ReadError, WriteError
from ._network import Stream
from ._sync import run_sync
from ._tls import TLSSettings, start_tls

if typing.TYPE_CHECKING:
    import ssl

_NAMES = {"client_addr": "local_address", "server_addr": "peer_address", "socket": "socket", "ssl_object": "ssl_object"}


class _HandedOver:
    """Bytes to and from a peer, beginning with those that came together with the response.

    Each response has one, and may be long over while its connection serves others: `is_ours` tells. One that was given
    away, `on_close` is what its end means then, serves nobody else.
    """

    def __init__(
        self,
        stream: Stream,
        peer: str,
        leading: bytes,
        on_close: Callable[[], None] | None,
        is_ours: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._peer = peer
        self._leading = leading
        self._on_close = on_close
        self._is_ours = is_ours

    def _check(self, error: type[NetworkError]) -> None:
        if self._is_ours():
            return
        if self._on_close is not None:  # as from any connection that somebody closes while others use it
            raise error(closed_here(self._peer))
        raise RuntimeError(
            f"the response is over, and its connection to {self._peer} may serve another request; only a response "
            "that is still open, or has switched protocols, gives its stream away"
        )

    async def _read(self, max_bytes: int, timeout: float | None) -> bytes:
        self._check(ReadError)
        if not self._leading:
            self._leading = await self._stream.read(max_bytes, timeout)
        data, self._leading = self._leading[:max_bytes], self._leading[max_bytes:]
        return data

    async def _write(self, buffer: bytes, timeout: float | None) -> None:
        self._check(WriteError)
        await self._stream.write(buffer, timeout)

    async def _start_tls(self, context: ssl.SSLContext, server_hostname: str | None, timeout: float | None) -> Stream:
        self._check(ConnectError)
        name = server_hostname or self._peer.rpartition(":")[0].strip("[]")
        return await start_tls(self._stream, TLSSettings(context), name, self._peer, Deadline(timeout))

    def _close(self) -> None:
        if self._is_ours():
            self._stream.close()
            if self._on_close is not None:
                self._on_close()

    def get_extra_info(self, info: str) -> typing.Any:
        """Return `"client_addr"`, `"server_addr"`, `"socket"`, `"ssl_object"` or `"is_readable"`; None for others."""
        if info == "is_readable":
            return bool(self._leading) or self._stream.is_readable()
        return self._stream.extra(_NAMES[info]) if info in _NAMES else None


class NetworkStream(_HandedOver):
    """The connection of a `Client`."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return at most `max_bytes` of what arrives within `timeout` seconds; `b""` is the peer's goodbye.

        Raises `ReadTimeout`, `ReadError`.
        """
        return run_sync(self._read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer`; raises `WriteTimeout`, `WriteError`."""
        run_sync(self._write(buffer, timeout))

    def close(self) -> None:
        """Close the connection."""
        self._close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        """Return the same connection with TLS on it; raises `ConnectTimeout`, `ConnectError`."""
        stream = run_sync(self._start_tls(ssl_context, server_hostname, timeout))
        return NetworkStream(stream, self._peer, b"", self._on_close, self._is_ours)


class AsyncNetworkStream(_HandedOver):
    """The connection of an `AsyncClient`."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return at most `max_bytes` of what arrives within `timeout` seconds; `b""` is the peer's goodbye.

        Raises `ReadTimeout`, `ReadError`.
        """
        return await self._read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer`; raises `WriteTimeout`, `WriteError`."""
        await self._write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        self._close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        """Return the same connection with TLS on it; raises `ConnectTimeout`, `ConnectError`."""
        stream = await self._start_tls(ssl_context, server_hostname, timeout)
        return AsyncNetworkStream(stream, self._peer, b"", self._on_close, self._is_ours)
