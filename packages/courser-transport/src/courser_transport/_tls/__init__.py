"""TLS: contexts that are built once, and streams that are encrypted and sure of their peer."""

from ._settings import TLSSettings
from ._stream import TLSStream, is_final, start_tls

__all__ = [
    "TLSSettings",
    "TLSStream",
    "is_final",
    "start_tls",
]
