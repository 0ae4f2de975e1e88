"""An origin: who a request is for (RFC 9110 §4.3.1, RFC 6454).

Connections, credentials and cookies belong to an origin, so it is the key of everything that must not be mixed up.
"""

from __future__ import annotations

import typing

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}


class Origin(typing.NamedTuple):
    """Scheme, host and port of a URL, with the scheme's default port filled in; hashable, comparable, printable.

    `host` is in the form that goes on the wire: lower case, A-labels, IPv6 without brackets.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as one text, IPv6 in brackets: `example.org:443`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        if DEFAULT_PORTS.get(self.scheme) == self.port:
            return f"{self.scheme}://{host}"
        return f"{self.scheme}://{host}:{self.port}"
