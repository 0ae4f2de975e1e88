"""TLS: contexts that are built once, and streams that are encrypted and sure of their peer."""

from ._context import CertTypes, VerifyTypes, create_ssl_context, shared_ssl_context
from ._stream import TLSStream, is_final, start_tls

__all__ = [
    "CertTypes",
    "TLSStream",
    "VerifyTypes",
    "create_ssl_context",
    "is_final",
    "shared_ssl_context",
    "start_tls",
]
