"""Field lists to bytes and back (HPACK, RFC 7541): the only file that knows the library hpack.

Both directions remember what went before. So what was encoded must leave, and in this order, and what arrives must be
decoded even where nobody is interested in it any more.
"""

from __future__ import annotations

import hpack
from hpack.exceptions import HPACKError, OversizedHeaderListError

# What the peer may let us remember; more would only cost memory.
_LARGEST_TABLE = 4096


class ListTooLarge(Exception):
    """A field list is longer than the limit."""


class Undecodable(Exception):
    """A field block is not HPACK; nothing after it can be decoded either."""


class Compression:
    """Both directions of one connection; a field list that arrives may have `limit` bytes (RFC 9113 §10.5.1)."""

    def __init__(self, limit: int) -> None:
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder(max_header_list_size=limit)

    def resize(self, size: int) -> None:
        """Remember no more than `size` bytes of what leaves: the peer's SETTINGS_HEADER_TABLE_SIZE."""
        self._encoder.header_table_size = min(size, _LARGEST_TABLE)

    def encode(self, fields: list[tuple[bytes, bytes, bool]]) -> bytes:
        """Return a block; a field whose last entry is true is a secret, and remembered by nobody (RFC 7541 §7.1.3)."""
        return bytes(self._encoder.encode(fields))

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        """Return the fields of a block; raises `ListTooLarge`, `Undecodable`."""
        try:
            return list(self._decoder.decode(block, raw=True))
        except OversizedHeaderListError as error:
            raise ListTooLarge from error
        except (HPACKError, IndexError, ValueError) as error:
            raise Undecodable(str(error)) from error
