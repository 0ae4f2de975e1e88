"""Why TLS failed, in words that help: OpenSSL's reason, and a hint where that alone leaves people guessing."""

from __future__ import annotations

import ssl

from .._exceptions import CertificateError, ConnectError

# What is wrong with the peer's certificate, by OpenSSL's number (X509_V_ERR_…), and what may be behind it.
_UNKNOWN_AUTHORITY = "; its authority is none that verify= trusts, or the server leaves out a certificate in between"
_NOT_NOW = ", unless this machine's clock is wrong"
_BEHIND_IT = {
    2: _UNKNOWN_AUTHORITY,
    9: _NOT_NOW,
    10: _NOT_NOW,
    18: "; verify= may be a file with this very certificate, to trust it",
    19: "; the authority at its top is none that verify= trusts",
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
}
# Those that are found only where RFC 5280 is taken at its word.
_STRICT = range(79, 94)
_STRICT_HINT = (
    "; certificates are held to RFC 5280 since Python 3.13; to accept this one, take ssl.VERIFY_X509_STRICT out of the "
    "verify_flags of a context of your own"
)

_WANTS_CERTIFICATE = "the peer wants a client certificate, and cert= gives none"
# What the peer says in an alert about the certificate that we show (RFC 8446 §6.2), as OpenSSL spells it.
_OF_OURS = (
    "alert access denied",
    "alert bad certificate",
    "alert certificate expired",
    "alert certificate revoked",
    "alert certificate unknown",
    "alert unknown ca",
    "alert unsupported certificate",
)
_HINTS = {
    "wrong version number": "the peer may speak plain HTTP on this port",
    "record layer failure": "the peer may speak plain HTTP on this port",
    "http request": "the peer may speak plain HTTP on this port",
    "alert protocol version": "the peer speaks no version of TLS that is allowed here, most likely none from 1.2 on",
    "unsupported protocol": "the peer speaks no version of TLS that is allowed here, most likely none from 1.2 on",
    "unrecognized name": "the peer knows no host of this name",
    "no application protocol": "the peer speaks none of the protocols that were offered",
}


def handshake_failure(peer: str, error: ssl.SSLError, tls: ssl.SSLObject) -> ConnectError:
    """Return what a caller is told of a handshake that OpenSSL gave up."""
    failed = f"TLS handshake with {peer} failed"
    if isinstance(error, ssl.SSLCertVerificationError):
        behind = _BEHIND_IT.get(error.verify_code, "")
        if error.verify_code in _STRICT and tls.context.verify_flags & ssl.VERIFY_X509_STRICT:
            behind = _STRICT_HINT
        untrusted = CertificateError(
            f"{failed}: the certificate is not trusted: {error.verify_message.rstrip('.')}{behind}"
        )
        untrusted.verify_code = error.verify_code
        return untrusted
    complaint = about_our_certificate(error)
    if complaint is not None:
        return CertificateError(f"{failed}: {complaint}")
    why = tls_reason(error)
    if "alert handshake failure" in why:
        # Before TLS 1.3 this is all that a server says. By then it has agreed to a cipher, or else that is the trouble.
        agreed = tls.cipher() is not None
        why += f"; {'the peer may want a client certificate' if agreed else 'no cipher is allowed on both sides'}"
    return ConnectError(f"{failed}: {why}")


def about_our_certificate(error: ssl.SSLError) -> str | None:
    """Return what the peer says against our certificate, or the lack of one; None where it is about something else."""
    why = _words(error)
    if "alert certificate required" in why:
        return _WANTS_CERTIFICATE
    for alert in _OF_OURS:
        if alert in why:
            return f"the peer does not accept our certificate: {alert.removeprefix('alert ')}"
    return None


def tls_reason(error: ssl.SSLError) -> str:
    """Return why TLS failed."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the peer closed the connection"
    why = _words(error)
    hints = [hint for reason, hint in _HINTS.items() if reason in why]
    return "; ".join([why or str(error), *hints[:1]])


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "").lower().replace("_", " ")
