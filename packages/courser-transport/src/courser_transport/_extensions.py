"""The extensions of a response: notes that are made for all, and others that are made when somebody asks.

Who the peer was and how the connection is secured can be told at any time as long as the connection is remembered, so
a response remembers it, and pays for nothing else.
"""

from __future__ import annotations

import typing
from collections.abc import Callable


class Source(typing.Protocol):
    """What a response's extensions need of its connection."""

    def network_stream(self, exchange: int) -> object:
        """Return the connection as HTTPX has it, for as long as it serves this exchange."""
        ...

    def extra(self, name: str) -> typing.Any:
        """Return what a `Stream` tells about itself."""
        ...


class ResponseExtensions(dict[str, typing.Any]):
    """What a response's `extensions` is: a dictionary some of whose values are found out when they are asked for.

    - `http_version`, `reason_phrase`: bytes
    - `eof_delimited`: True where nothing but the end of the connection marks that of the body; else absent
    - `network_stream`: the connection itself, as HTTPX has it
    - `peer_address`, `local_address`: socket addresses
    - `tls_version`, `tls_cipher`: such as `"TLSv1.3"` and `"TLS_AES_256_GCM_SHA384"`; None without TLS
    - `tls_certificate`: the peer's certificate (DER), or None
    """

    __slots__ = ("exchange", "source")

    source: Source
    """Where answers come from."""

    exchange: int
    """Which of its exchanges this was."""

    def __missing__(self, name: str) -> typing.Any:
        if name == "network_stream":
            value: typing.Any = self.source.network_stream(self.exchange)
        elif name in ("peer_address", "local_address"):
            value = self.source.extra(name)
        elif name in _OF_TLS:
            tls = self.source.extra("ssl_object")
            value = None if tls is None else _OF_TLS[name](tls)
        else:
            raise KeyError(name)
        self[name] = value
        return value

    def get(self, name: str, default: typing.Any = None) -> typing.Any:
        """Return a value, found out now where need be, or `default`."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return name in _FOUND_OUT or super().__contains__(name)


_OF_TLS: dict[str, Callable[[typing.Any], typing.Any]] = {
    "tls_version": lambda tls: tls.version(),
    "tls_cipher": lambda tls: tls.cipher()[0],
    "tls_certificate": lambda tls: tls.getpeercert(binary_form=True),
}
_FOUND_OUT = {"network_stream", "peer_address", "local_address", *_OF_TLS}
