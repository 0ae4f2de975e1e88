"""Contexts: whom to trust and who to be, loaded once for all who want the same."""

from __future__ import annotations

import os
import ssl
import threading
import typing

CertTypes = str | tuple[str, str] | tuple[str, str | None, str | None]
VerifyTypes = bool | str | ssl.SSLContext


def create_ssl_context(
    verify: VerifyTypes = True, cert: CertTypes | None = None, trust_env: bool = True, http2: bool = False
) -> ssl.SSLContext:
    """Return a new context for clients: TLS 1.2 or later, host names checked, no renegotiation.

    `verify` is True for certifi's authorities, a path of a file or directory of others, False for no verification
    at all (anybody can then read and change what is sent), or a context, which is returned as it is.
    `cert` is a client certificate: a path, `(certificate, key)`, or `(certificate, key, password)`.
    With `http2` the peer is offered HTTP/2 and HTTP/1.1 (ALPN, RFC 7301), otherwise HTTP/1.1 alone.
    With `trust_env` the variables SSL_CERT_FILE and SSL_CERT_DIR replace certifi's authorities, and TLS secrets are
    logged to SSLKEYLOGFILE.

    Raises `OSError` (`FileNotFoundError`, `ssl.SSLError`) for files that cannot be used.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context(**_authorities(verify, trust_env))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # The context logs secrets by itself where the variable is set; here the caller decides about the environment.
    context.keylog_filename = os.environ.get("SSLKEYLOGFILE") or None if trust_env else None  # type: ignore[assignment]
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    if cert is not None:
        certificate, key, password = (*((cert,) if isinstance(cert, str) else cert), None, None)[:3]
        assert certificate is not None  # the first of each form is a path
        context.load_cert_chain(certificate, key, password)
    return context


def _authorities(verify: bool | str, trust_env: bool) -> dict[str, typing.Any]:
    """Return where the trusted authorities are, as `ssl.create_default_context` takes it."""
    if isinstance(verify, str):
        if not os.path.exists(verify):
            raise FileNotFoundError(f"verify={verify!r}: there is no such file or directory of certificates")
        return {"capath": verify} if os.path.isdir(verify) else {"cafile": verify}
    if trust_env and os.environ.get("SSL_CERT_FILE"):
        return {"cafile": os.environ["SSL_CERT_FILE"]}
    if trust_env and os.environ.get("SSL_CERT_DIR"):
        return {"capath": os.environ["SSL_CERT_DIR"]}
    import certifi

    return {"cafile": certifi.where()}


_shared: dict[tuple[typing.Any, ...], ssl.SSLContext] = {}
_shared_lock = threading.Lock()
_SHARED_AT_MOST = 64


def shared_ssl_context(
    verify: VerifyTypes, cert: CertTypes | None, trust_env: bool, http2: bool = False
) -> ssl.SSLContext:
    """Return a context that all who want the same share: loading the authorities takes longer than many requests.

    Files that changed since make a new one. Nobody may change what this returns. A context that is given offers HTTP/2
    from now on where `http2` asks for it: a context has one offer for all its connections, and cannot be copied.
    """
    if isinstance(verify, ssl.SSLContext):
        if cert is not None:
            raise ValueError("a client certificate belongs into the SSLContext that is given: use load_cert_chain()")
        if http2:
            verify.set_alpn_protocols(["h2", "http/1.1"])
        return verify
    variables = [os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")]
    paths = [verify if isinstance(verify, str) else None, *((cert,) if isinstance(cert, str) else cert or ())]
    stamps = [_changed_at(path) for path in (*paths[:3], *variables[:2])]
    key = (verify, cert, trust_env, http2, *(variables if trust_env else ()), *stamps)
    with _shared_lock:
        context = _shared.get(key)
        if context is None:
            context = create_ssl_context(verify, cert, trust_env, http2)
            while len(_shared) >= _SHARED_AT_MOST:
                del _shared[next(iter(_shared))]
            _shared[key] = context
    return context


def _changed_at(path: str | None) -> int | None:
    if path is None:
        return None
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
