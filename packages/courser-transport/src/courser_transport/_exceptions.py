"""What can go wrong on the way to a peer and back; raised as the class the caller catches, at the lowest place that
knows the story.

    TransportError (courser-models)
    ├── TimeoutException            a phase took longer than its limit
    │   ├── ConnectTimeout, ReadTimeout, WriteTimeout, PoolTimeout
    ├── NetworkError                the system or the peer's machine refused
    │   ├── ConnectError, ReadError, WriteError, CloseError
    │   │   ├── AddressNotAllowed   the filter of addresses refused to connect
    │   │   └── CertificateError    … and a certificate is the reason
    ├── ProxyError                  a proxy answered, and did not lead on to the peer
    ├── ProtocolError
    │   └── RemoteProtocolError     the peer broke the grammar of HTTP
    └── UnsupportedProtocol         no way to speak this URL's scheme
"""

from __future__ import annotations

import typing

from courser_models import ProtocolError, TransportError

if typing.TYPE_CHECKING:
    from courser_models import Request, Response


class TimeoutException(TransportError):
    """A phase of the exchange took longer than its limit; the subclass tells which."""


class ConnectTimeout(TimeoutException):
    """Looking up the name, connecting, or the TLS handshake took too long."""


class ReadTimeout(TimeoutException):
    """The peer sent nothing for too long."""


class WriteTimeout(TimeoutException):
    """The peer accepted nothing for too long."""


class PoolTimeout(TimeoutException):
    """All connections were in use, and none came free in time."""


class NetworkError(TransportError):
    """The network failed; the subclass tells in which phase."""


class ConnectError(NetworkError):
    """No connection could be made: name unknown, refused, unreachable, or no trust in the peer's certificate."""


class AddressNotAllowed(ConnectError):
    """The peer's address is one that `connect_filter` refuses; nobody was connected to."""


class CertificateError(ConnectError):
    """The peer's certificate is not trusted, or not among those that are pinned, or the peer does not accept ours.

    `verify_code` is OpenSSL's number for what is wrong with the peer's certificate (`X509_V_ERR_…`: 10 where it has
    expired, 62 where it is another host's), or None where something else decided.
    """

    verify_code: int | None = None


class ReadError(NetworkError):
    """The connection broke while it was being read."""


class WriteError(NetworkError):
    """The connection broke while it was being written to."""


class CloseError(NetworkError):
    """What was to be closed did not close as it should: an app that runs in this process could not shut down.

    Closing a connection is a plain call here, which always succeeds.
    """


class ProxyError(TransportError):
    """A proxy answered, and not with a way to the server.

    `response` is what an HTTP proxy said, with up to 64 KiB of its body; None where it said nothing of that kind.
    """

    def __init__(self, message: str, *, request: Request | None = None, response: Response | None = None) -> None:
        super().__init__(message, request=request)
        self.response = response


class RemoteProtocolError(ProtocolError):
    """The peer sent something that HTTP does not allow, or ended a message before its end."""


class UnsupportedProtocol(TransportError):
    """The URL has a scheme that this transport does not speak, or none."""
