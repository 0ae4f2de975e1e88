"""`TLSStream`: one pump that runs TLS over any stream, in every world.

OpenSSL works on two memory buffers here: what arrives is put into one, what is to leave is taken from the other. So
nothing below knows of TLS, and nothing above.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import typing

from .._backends._reasons import closed_here
from .._deadline import Deadline
from .._exceptions import (
    CertificateError,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    ReadError,
    TimeoutException,
    WriteError,
)
from .._network import READ_SIZE, Backend, SharedStream, Stream
from ._sessions import Key, Resumable, Sessions
from ._settings import TLSSettings

if typing.TYPE_CHECKING:
    from ._pins import HostPins

# More than a record at a time, so that a large body takes few steps, and less than would matter.
_WRITE_SIZE = 262144

# What a record holds at most (RFC 8446 §5.1), and OpenSSL returns at once: asking for more only has `ssl` make room.
_RECORD_SIZE = 16384


class TLSStream:
    """TLS over another stream; itself a stream."""

    def __init__(
        self,
        stream: Stream,
        context: ssl.SSLContext,
        server_name: str,
        peer: str,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._stream = stream
        self._peer = peer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        # OpenSSL bears one caller at a time, and a connection may be closed from another thread while it is read.
        self._guard = threading.Lock()
        self._early = b""  # decrypted while looking whether the connection is still clean
        self._has_more = True  # something may be here already that no read has decrypted
        self._has_heard = False
        self._is_ended = False
        self._failure: ssl.SSLError | None = None  # met while looking, or behind content; the next read tells it
        self._is_closed = False
        self._shared: SharedStream | None = None

    async def handshake(self, deadline: Deadline, pins: HostPins | None = None) -> None:
        """Agree on keys and check who the peer is, before `deadline`; with `pins`, that it is one of those.

        Raises `CertificateError` and other `ConnectError`s with the reason, `ConnectTimeout`. The stream below is
        closed then.
        """
        try:
            while not self._shakes_hands():
                await self._flush(deadline.left())
                await self._fill(deadline.left())
            complaint = None if pins is None else pins.complaint(self._tls.getpeercert(binary_form=True))
            if complaint is not None:  # and what would show the peer who we are does not leave
                raise CertificateError(f"TLS handshake with {self._peer} failed: {complaint}")
            await self._flush(deadline.left())
        except ssl.SSLError as error:
            # The alert that tells the peer why is ready to leave.
            self._stream.close(self._outgoing.read())
            from ._reasons import handshake_failure

            raise handshake_failure(self._peer, error, self._tls) from error
        except TimeoutException:
            self._stream.close()
            raise ConnectTimeout(f"TLS handshake with {self._peer} timed out {deadline.words}") from None
        except NetworkError as error:
            self._stream.close()
            if isinstance(error, CertificateError):
                raise
            raise ConnectError(f"TLS handshake with {self._peer} failed: {error}") from error
        except BaseException:
            self._stream.close()
            raise

    def _shakes_hands(self) -> bool:
        """Go on as far as what has arrived allows; return whether that was all."""
        try:
            with self._guard:
                self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def keep_session(self, sessions: Sessions, key: Key, offered: Resumable | None) -> None:
        """Let other handshakes resume what this one has agreed on."""
        sessions.keep(key, self._tls, self._guard, offered)

    async def _flush(self, timeout: float | None) -> None:
        leaving = self._take_outgoing()
        if leaving:  # and not what another thread, which closes, has taken for its goodbye
            await self._stream.write(leaving, timeout)

    def _take_outgoing(self) -> bytes:
        with self._guard:
            return self._outgoing.read()

    def _encrypt(self, data: bytes | memoryview) -> bytes:
        with self._guard:
            self._tls.write(data)
            return self._outgoing.read()

    async def _fill(self, timeout: float | None, limit: int = READ_SIZE) -> None:
        data = await self._stream.read(max(limit, READ_SIZE), timeout)
        with self._guard:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def read(self, limit: int, timeout: float | None) -> bytes:
        """Return what has arrived, decrypted; `b""` only for a goodbye that the peer signed (close_notify)."""
        if self._early:
            early, self._early = self._early, b""
            return early
        if self._is_ended:
            if self._failure is not None:
                raise self._read_failure(self._failure) from self._failure
            return b""
        if not self._has_more:  # OpenSSL would only say that it wants more, and an exception is a dear way to learn it
            await self._fill(timeout, limit)
        most = min(limit, _RECORD_SIZE)
        while True:
            try:
                with self._guard:
                    data = self._tls.read(most)
                    if self._incoming.pending:
                        data = self._more_records(data, limit)
                    else:
                        self._has_more = len(data) >= most
            except ssl.SSLWantReadError:
                if self._outgoing.pending:  # TLS 1.3 may answer a key update of the peer's
                    if self._shared is None:
                        await self._flush(timeout)
                    else:
                        self.post(b"")
                await self._fill(timeout, limit)
            except ssl.SSLError as error:
                self._fail(error)
                raise self._read_failure(error) from error
            else:
                self._has_heard = True
                if not data:
                    self._is_ended = True
                return data

    def _fail(self, error: ssl.SSLError) -> None:
        """Note what has gone wrong: OpenSSL says it once, and afterwards that the peer has said goodbye."""
        self._failure = error
        self._is_ended = True

    def _read_failure(self, error: ssl.SSLError) -> NetworkError:
        if self._is_closed:  # from another thread, and what OpenSSL and the peer make of it says nothing
            return ReadError(closed_here(self._peer))
        if isinstance(error, ssl.SSLEOFError):
            return ReadError(f"{self._peer} cut the connection without a TLS goodbye; what came may not be all")
        from ._reasons import about_our_certificate, tls_reason

        # In TLS 1.3 the handshake is over here before the peer has looked at our certificate, and what it makes of it
        # comes in the place of its first words.
        complaint = None if self._has_heard else about_our_certificate(error)
        if complaint is not None:
            return CertificateError(f"TLS handshake with {self._peer} failed: {complaint}")
        return ReadError(f"reading from {self._peer} failed: {tls_reason(error)}")

    def _write_failure(self, error: ssl.SSLError) -> WriteError:
        from ._reasons import tls_reason

        why = f"writing to {self._peer} failed: {tls_reason(error)}"
        return WriteError(closed_here(self._peer) if self._is_closed else why)

    def _more_records(self, data: bytes, limit: int) -> bytes:
        """Add the records that are here already: one step of the caller's for all of them."""
        pieces = [data]
        left = limit - len(data)
        # A goodbye, and whatever else goes wrong now, is told by the next read; what came before is delivered first.
        self._has_more = True
        try:
            while left > 0:
                piece = self._tls.read(min(left, _RECORD_SIZE))
                if not piece:
                    break
                pieces.append(piece)
                left -= len(piece)
        except ssl.SSLWantReadError:
            self._has_more = False
        except ssl.SSLError as error:
            self._fail(error)
        return b"".join(pieces)

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Return when all of `data` was encrypted and accepted."""
        try:
            if len(data) <= _WRITE_SIZE:
                await self._stream.write(self._encrypt(data) if data else b"", timeout)
                return
            view = memoryview(data)
            for start in range(0, len(view), _WRITE_SIZE):
                await self._stream.write(self._encrypt(view[start : start + _WRITE_SIZE]), timeout)
        except ssl.SSLError as error:
            raise self._write_failure(error) from error

    async def push(self, data: bytes | memoryview, timeout: float | None) -> bool:
        """Return whether all of `data` was encrypted and accepted."""
        try:
            leaving = self._encrypt(data) if data else self._take_outgoing()
        except ssl.SSLError as error:
            raise self._write_failure(error) from error
        return await self._stream.push(leaving, timeout)

    def share(self) -> TLSStream:
        """Return itself; from now on what is encrypted leaves at once, because records must leave in their order."""
        self._stream = self._shared = self._stream.share()
        return self

    def post(self, data: bytes) -> bool:
        """Encrypt `data`, and send what is accepted at once."""
        assert self._shared is not None
        try:
            with self._guard:
                if data:
                    self._tls.write(data)
                return self._shared.post(self._outgoing.read())
        except ssl.SSLError as error:
            raise self._write_failure(error) from error

    async def writable(self, timeout: float | None, or_readable: bool) -> None:
        """Wait until the stream below accepts more."""
        assert self._shared is not None
        await self._shared.writable(timeout, or_readable)

    def take(self) -> bytes | None:
        """Return what has arrived already, decrypted."""
        if not self.is_readable():
            return None
        early, self._early = self._early, b""
        return early

    def is_readable(self) -> bool:
        """Return whether content or a goodbye is there to read.

        A session ticket may arrive after the response, so bytes on the connection below are no proof of either:
        they are taken and decrypted to see.
        """
        if self._early or self._is_ended:
            return True
        # OpenSSL may hold the rest of a record that a read did not ask for; nothing of it is with the system any more.
        while self._tls.pending() or self._incoming.pending or self._stream.is_readable():
            arrived = self._stream.take()
            if arrived == b"" and not self._tls.pending():
                return True
            with self._guard:
                if arrived:
                    self._incoming.write(arrived)
                self._has_more = True
                try:
                    self._early = self._tls.read(READ_SIZE)
                except ssl.SSLWantReadError:
                    if not arrived:
                        return False
                except ssl.SSLError as error:
                    self._fail(error)
                    return True
                else:
                    return True
        return False

    def close(self, farewell: bytes = b"") -> None:
        """Close at once; our signed goodbye leaves if that needs no waiting (RFC 8446 §6.1)."""
        self._is_closed = True
        goodbye = b""
        if self._guard.acquire(blocking=False):  # another thread at work with it would be waited for, and is not
            try:
                with contextlib.suppress(ssl.SSLError, ValueError):
                    if farewell:
                        self._tls.write(farewell)
                    self._tls.unwrap()
                goodbye = self._outgoing.read()
            finally:
                self._guard.release()
        self._stream.close(goodbye)

    def abandon(self) -> None:
        """Give the descriptor back."""
        self._stream.abandon()

    def extra(self, name: str) -> typing.Any:
        """Return the TLS object, or what the stream below has."""
        return self._tls if name == "ssl_object" else self._stream.extra(name)


async def start_tls(
    stream: Stream,
    settings: TLSSettings,
    host: str,
    peer: str,
    deadline: Deadline,
    backend: Backend | None = None,
    pinned: str | None = None,
    way: str = "",
) -> TLSStream:
    """Return TLS over `stream` with the peer proven to be `host`; the stream is closed if it cannot be had.

    `way` is the proxy on the way, if any: a session is resumed by the way by which it was made, since the server would
    know again who comes by another. `pinned` is the host whose pins hold where the peer is asked for by another name
    than its own.
    `backend` is the world in which this runs: with it an event loop does not stand still while authorities are loaded.
    Raises `ConnectError`, `ConnectTimeout` at the deadline.
    """
    try:
        context = settings.context or await settings.ready(peer, backend, deadline)
        name = _server_name(host)
        sessions = settings.sessions
        offered = None if sessions is None else sessions.take((name, peer, way))
        tls = TLSStream(stream, context, name, peer, None if offered is None else offered.session)
    except BaseException as error:
        stream.close()
        if isinstance(error, (OSError, ValueError)):  # authorities that cannot be loaded, a name TLS cannot carry
            raise ConnectError(f"TLS with {peer} could not begin: {error}") from error
        raise
    own = None if pinned is None or pinned == host else settings.pins_of(_server_name(pinned))
    await tls.handshake(deadline, own or settings.pins_of(name))
    if sessions is not None:
        tls.keep_session(sessions, (name, peer, way), offered)
    return tls


def _server_name(host: str) -> str:
    """Return what is asked for and checked: without a zone, which is ours alone, and a final dot, which none has."""
    return host.partition("%")[0].removesuffix(".")


def is_final(error: Exception) -> bool:
    """Return whether a failure to connect will not pass: what TLS does not trust now it will not trust in a second."""
    if isinstance(error, CertificateError):
        return True
    return isinstance(error.__cause__, ssl.SSLError) and not isinstance(error.__cause__, ssl.SSLEOFError)
