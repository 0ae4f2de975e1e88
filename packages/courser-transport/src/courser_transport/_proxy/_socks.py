"""SOCKS: a connection through a proxy that knows nothing of HTTP, on a stream that leads to the proxy.

SOCKS 5 is RFC 1928, its credentials RFC 1929. SOCKS 4 is older than RFCs: it knows IPv4 addresses only, and 4a names.
Each handshake is a few messages of a known length, so what arrives may be cut into segments in any way.
"""

from __future__ import annotations

import ipaddress

from .._deadline import Deadline
from .._exceptions import NetworkError, ProxyError
from .._network import READ_SIZE, Stream
from ._settings import Proxy

_REPLIES_5 = {
    1: "general failure",
    2: "its rules do not allow it",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}
_REPLIES_4 = {
    91: "rejected or failed",
    92: "it cannot reach the identd of this machine",
    93: "the user is not the one that identd tells",
}
# Reasons that are about one address, and may not hold for another of the same host.
_OF_ADDRESS_5 = {1, 3, 4, 5, 6, 8}
_LONGEST = 255


class AddressRefused(ProxyError):
    """A SOCKS proxy could not connect to this address; to another of the same host perhaps."""


async def open_socks(stream: Stream, proxy: Proxy, host: str, port: int, deadline: Deadline) -> None:
    """Let the proxy behind `stream` connect to `host`, a name or an address, and `port`.

    Raises `ProxyError` where it does not, or does not speak SOCKS; what reading and writing raise at the deadline.
    """
    peer = _Peer(stream, proxy, f"{host}:{port}" if ":" not in host else f"[{host}]:{port}", deadline)
    try:
        if proxy.url.scheme in ("socks5", "socks5h"):
            await _greet_5(peer)
            await _connect_5(peer, host, port)
        else:
            await _connect_4(peer, host, port)
        peer.end()
    except NetworkError as error:
        raise peer.failure(str(error)) from error


class _Peer:
    """A SOCKS proxy, and what has arrived from it."""

    def __init__(self, stream: Stream, proxy: Proxy, target: str, deadline: Deadline) -> None:
        self.proxy = proxy
        self.target = target
        self._stream = stream
        self._deadline = deadline
        self._received = b""

    async def say(self, message: bytes) -> None:
        await self._stream.write(message, self._deadline.left())

    async def hear(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        while len(self._received) < count:
            arrived = await self._stream.read(READ_SIZE, self._deadline.left())
            if not arrived:
                raise self.failure("it closed the connection in the middle of the SOCKS handshake")
            self._received += arrived
        data, self._received = self._received[:count], self._received[count:]
        return data

    def end(self) -> None:
        if self._received:
            raise self.failure(f"it sent {len(self._received)} bytes before anything was asked of the server")

    def failure(self, reason: str) -> ProxyError:
        return ProxyError(f"{self.proxy.name} did not connect to {self.target}: {reason}")

    def refusal(self, reason: str) -> AddressRefused:
        return AddressRefused(f"{self.proxy.name} did not connect to {self.target}: {reason}")


async def _greet_5(peer: _Peer) -> None:
    """Agree on how to say who we are (RFC 1928 §3), and say it (RFC 1929 §2)."""
    credentials = peer.proxy.raw_auth
    # The method without credentials is offered too: a proxy may know us by our address.
    await peer.say(b"\x05\x01\x00" if credentials is None else b"\x05\x02\x00\x02")
    version, method = await peer.hear(2)
    if version != 5:
        raise peer.failure(f"it does not speak SOCKS 5, its answer begins with the byte {version}")
    if method == 0:
        return
    if method == 0xFF or credentials is None:
        offered = "this client without credentials" if credentials is None else "a name and a password"
        raise peer.failure(f"it does not accept {offered}")
    if method != 2:
        raise peer.failure(f"it chose authentication method {method}, which was not offered")
    name, password = credentials
    if not (1 <= len(name) <= _LONGEST and 1 <= len(password) <= _LONGEST):
        raise peer.failure(f"SOCKS 5 takes names and passwords of 1 to {_LONGEST} bytes (RFC 1929 §2)")
    await peer.say(b"\x01%c%b%c%b" % (len(name), name, len(password), password))
    _, status = await peer.hear(2)
    if status != 0:
        raise peer.failure("it does not accept the name and the password")


async def _connect_5(peer: _Peer, host: str, port: int) -> None:
    """Ask for the connection (RFC 1928 §4), and hear how it went (§6)."""
    address = _address(host)
    if address is None:
        name = host.encode("ascii")
        if len(name) > _LONGEST:
            raise peer.failure(f"SOCKS 5 takes names of {_LONGEST} bytes at most")
        destination = b"\x03%c%b" % (len(name), name)
    else:
        destination = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    await peer.say(b"\x05\x01\x00" + destination + port.to_bytes(2, "big"))
    version, reply, _, kind = await peer.hear(4)
    if version != 5:
        raise peer.failure(f"its answer begins with the byte {version}, and is not SOCKS 5")
    if reply in _OF_ADDRESS_5:
        raise peer.refusal(_REPLIES_5[reply])
    if reply != 0:
        raise peer.failure(_REPLIES_5.get(reply, f"reply {reply}"))
    # Where it connects from is of no interest, and has to be read all the same.
    if kind == 3:
        (length,) = await peer.hear(1)
    elif kind in (1, 4):
        length = 4 if kind == 1 else 16
    else:
        raise peer.failure(f"its answer has an address of the unknown type {kind}")
    await peer.hear(length + 2)


async def _connect_4(peer: _Peer, host: str, port: int) -> None:
    """Ask for the connection, and hear how it went."""
    address = _address(host)
    name, password = peer.proxy.raw_auth or (b"", b"")
    if password:
        raise peer.failure("SOCKS 4 knows a name and no password; use socks5://")
    if b"\x00" in name:
        raise peer.failure("SOCKS 4 takes no name with a NUL in it")
    if address is not None and address.version == 4:
        packed, suffix = address.packed, b""
    elif address is not None:
        raise peer.refusal("SOCKS 4 knows no IPv6 addresses; use socks5://")
    else:
        packed, suffix = b"\x00\x00\x00\x01", host.encode("ascii") + b"\x00"  # 4a: an address that nobody has
    await peer.say(b"\x04\x01" + port.to_bytes(2, "big") + packed + name + b"\x00" + suffix)
    version, reply = (await peer.hear(8))[:2]
    if version != 0:
        raise peer.failure(f"its answer begins with the byte {version}, and is not SOCKS 4")
    if reply != 90:
        raise peer.refusal(_REPLIES_4.get(reply, f"reply {reply}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that `host` is; None for a name. A zone means nothing to another machine."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
