"""`RawURL`: what `URL.raw` gives, for programs that were written for HTTPX."""

from __future__ import annotations

import typing


class RawURL(typing.NamedTuple):
    """The parts of a URL that a request is sent with, as `URL.raw` gives them."""

    raw_scheme: bytes
    raw_host: bytes
    port: int | None
    raw_path: bytes
