"""An authority made on the spot, and the other end of a TLS stream in the test's own hands, over memory."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import trustme

from courser_transport import ReadTimeout, create_ssl_context
from courser_transport._tls import TLSSettings


class Authority:
    """A certificate authority, and what servers and clients of it use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.pem = self.ca.cert_pem.bytes()
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)
        self.certificate = self.ca.issue_cert("example.org")
        self.server = self.server_with(self.certificate)
        self.certificate_file = str(folder / "client.pem")
        self.certificate.private_key_and_cert_chain_pem.write_to_path(self.certificate_file)

    def server_with(self, certificate: trustme.LeafCert, tls: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Return a server's context with this certificate, which speaks this version of TLS alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        if tls is not None:
            context.minimum_version = context.maximum_version = tls
        return context

    def asking(self, tls: ssl.TLSVersion) -> ssl.SSLContext:
        """Return a server's context that wants a certificate of this authority from the client too."""
        context = self.server_with(self.certificate, tls)
        context.verify_mode = ssl.CERT_REQUIRED
        self.ca.configure_trust(context)
        return context

    def client(self) -> ssl.SSLContext:
        return create_ssl_context(verify=self.file)

    def settings(self, **others: Any) -> TLSSettings:
        return TLSSettings(self.file, **others)


class TLSPeer:
    """A stream whose other end is an OpenSSL server in memory; `say` is what it says after the handshake."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.heard = b""
        self.is_closed = False
        self.has_gone = False
        self.most_at_once = 1 << 20

    def say(self, data: bytes) -> None:
        self.tls.write(data)

    def goodbye(self) -> None:
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.has_gone = True

    async def write(self, data: bytes, timeout: float | None) -> None:
        self._incoming.write(data)
        try:
            if not self.tls.version() or not self.tls.cipher():
                self.tls.do_handshake()
            while True:
                self.heard += self.tls.read(65536)
        except ssl.SSLError:  # it wants more, has heard a goodbye, or has put its alert into what it says
            pass

    def take(self) -> bytes | None:
        if self._outgoing.pending:
            return self._outgoing.read(self.most_at_once)
        return b"" if self.has_gone else None

    async def read(self, limit: int, timeout: float | None) -> bytes:
        data = self.take()
        if data is None:
            raise ReadTimeout("nothing to read")
        return data

    def is_readable(self) -> bool:
        return bool(self._outgoing.pending) or self.has_gone

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        await self.write(bytes(data), timeout)
        return True

    def share(self) -> TLSPeer:
        return self

    def abandon(self) -> None:
        self.is_closed = True

    def close(self, farewell: bytes = b"") -> None:
        self.is_closed = True
        self._incoming.write(farewell)

    def extra(self, name: str) -> Any:
        return None
