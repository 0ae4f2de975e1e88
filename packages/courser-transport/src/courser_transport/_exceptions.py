"""What can go wrong on the way to a peer and back; raised as the class the caller catches, at the lowest place that
knows the story.

    TransportError (courser-models)
    ├── TimeoutException            a phase took longer than its limit
    │   ├── ConnectTimeout, ReadTimeout, WriteTimeout, PoolTimeout
    ├── NetworkError                the system or the peer's machine refused
    │   ├── ConnectError, ReadError, WriteError
    │   │   └── CertificateError    … and a certificate is the reason
    ├── ProtocolError
    │   └── RemoteProtocolError     the peer broke the grammar of HTTP
    └── UnsupportedProtocol         no way to speak this URL's scheme
"""

from __future__ import annotations

from courser_models import ProtocolError, TransportError


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


class RemoteProtocolError(ProtocolError):
    """The peer sent something that HTTP does not allow, or ended a message before its end."""


class UnsupportedProtocol(TransportError):
    """The URL has a scheme that this transport does not speak, or none."""
