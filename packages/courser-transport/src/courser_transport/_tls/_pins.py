"""Pins: for some hosts no authority's word is enough, and the server must have one of a few keys (RFC 7469 §2.6).

A pin is `sha256/` and the base64 of the SHA-256 of a public key (SubjectPublicKeyInfo), as curl and OkHttp write it, or
a certificate's SHA-256 in hexadecimal, as `openssl x509 -fingerprint -sha256` prints it. It is the server's own
certificate that must match, not one of the authorities above it.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping, Sequence

from courser_models import URL, InvalidURL

from ._der import public_key_info

PinTypes = Mapping[str, str | Sequence[str]]


def public_key_pin(certificate: bytes | str) -> str:
    """Return the pin of a certificate's public key: `sha256/` and 44 characters. `certificate` is PEM, or DER as bytes.

    Of a file with several certificates it is that of the first. Raises `ValueError` for what is no certificate.
    """
    if isinstance(certificate, str) or b"-----BEGIN " in certificate:
        text = certificate if isinstance(certificate, str) else certificate.decode("ascii", "ignore")
        _, begin, rest = text.partition(ssl.PEM_HEADER)
        body, end, _ = rest.partition(ssl.PEM_FOOTER)
        try:
            certificate = base64.b64decode(body) if begin and end else b""
        except binascii.Error:
            certificate = b""
    return "sha256/" + base64.b64encode(_digest_of_key(certificate)).decode("ascii")


class Pins:
    """The pins of a transport, by host. `pins` is as the user gave it.

    A host is an exact name or address, `*.example.org` for all names below, or `*` for all; the most exact one counts.
    Raises `ValueError` for a host that is none, a pin that is none, and a host without a pin.
    """

    def __init__(self, pins: PinTypes) -> None:
        self._by_host = {_canonical(host): HostPins(host, given) for host, given in pins.items()}

    def of(self, host: str) -> HostPins | None:
        """Return the pins of a host, which is as TLS names it; None where it has none."""
        found = self._by_host.get(host)
        while found is None and host:
            _, _, host = host.partition(".")
            found = self._by_host.get(f"*.{host}" if host else "*")
        return found


class HostPins:
    """What a server of one host may show: `complaint` is why it may not."""

    def __init__(self, host: str, given: str | Sequence[str]) -> None:
        self._host = host
        self._keys: set[bytes] = set()
        self._certificates: set[bytes] = set()
        for pin in [given] if isinstance(given, str) else given:
            kind, digest = _read(host, pin)
            (self._keys if kind == "key" else self._certificates).add(digest)
        if not self._keys and not self._certificates:
            raise ValueError(f"pins[{host!r}] is empty, so that no server could be right; leave it out to pin nothing")

    def complaint(self, certificate: bytes | None) -> str | None:
        """Return what is wrong with a certificate (DER) of this host; None where it is one of those that are pinned."""
        if not certificate:
            return f"it shows no certificate, and pins= has some for {self._host!r}"
        import hashlib  # loads OpenSSL's, and few programs pin

        fingerprint = hashlib.sha256(certificate).digest()
        if fingerprint in self._certificates:
            return None
        shown = []
        if self._keys:
            try:
                key = _digest_of_key(certificate)
            except ValueError as error:
                return f"its public key cannot be found: {error}"
            if key in self._keys:
                return None
            shown.append(f"the key sha256/{base64.b64encode(key).decode('ascii')}")
        if self._certificates:
            shown.append(f"the certificate {fingerprint.hex()}")
        return f"its certificate is none of those that pins= has for {self._host!r}: it shows {' in '.join(shown)}"


def _digest_of_key(certificate: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(public_key_info(certificate)).digest()


def _read(host: str, pin: str) -> tuple[str, bytes]:
    """Return whether a pin is of a `"key"` or a `"certificate"`, and the digest that it says."""
    kind = "key" if pin.startswith("sha256/") else "certificate"
    try:
        if kind == "key":
            # curl writes two slashes. A base64 may begin with one of its own, so only the last 44 characters are it.
            encoded = pin.removeprefix("sha256/")
            digest = base64.b64decode(encoded[encoded.startswith("/") and len(encoded) == 45 :], validate=True)
        else:
            digest = bytes.fromhex(pin.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != 32:  # bytes, of SHA-256
        raise ValueError(
            f"pins[{host!r}]: {pin!r} is neither 'sha256/' and the base64 of a public key's SHA-256 nor "
            "a certificate's SHA-256 in 64 hexadecimal digits"
        )
    return kind, digest


def _canonical(host: str) -> str:
    """Return a host as TLS names it: lower case, A-labels, no brackets, no final dot; with its star if it has one."""
    if host == "*":
        return host
    name = host.removeprefix("*.")
    star = "*." if name != host else ""
    try:
        url = URL(scheme="https", host=name)
    except InvalidURL as error:
        raise ValueError(f"pins[{host!r}] is for no host: {error}") from None
    canonical = url.raw_host.decode("ascii").removesuffix(".")
    if not canonical or "*" in canonical or url.port is not None or (star and ":" in canonical):
        raise ValueError(f"pins[{host!r}] is for no host; it should be a name, an address, '*.' and a name, or '*'")
    return star + canonical
