"""TLS: contexts that are built once, and streams that are encrypted and sure of their peer."""

from ._certificates import CertTypes
from ._context import VerifyTypes, create_ssl_context, shared_ssl_context
from ._pins import PinTypes, public_key_pin
from ._settings import TLSSettings
from ._stream import TLSStream, is_final, start_tls

__all__ = [
    "CertTypes",
    "PinTypes",
    "TLSSettings",
    "TLSStream",
    "VerifyTypes",
    "create_ssl_context",
    "is_final",
    "public_key_pin",
    "shared_ssl_context",
    "start_tls",
]
