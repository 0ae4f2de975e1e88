"""Where the public key is in a certificate (X.509, RFC 5280 §4.1, in DER, X.690): the one thing that `ssl` cannot say.

    Certificate ::= SEQUENCE {
        tbsCertificate  SEQUENCE {
            version [0] OPTIONAL, serialNumber, signature, issuer, validity, subject,
            subjectPublicKeyInfo SEQUENCE …

Only lengths are followed, and each must be as DER wants it and end within what surrounds it.
"""

from __future__ import annotations

_SEQUENCE = 0x30
_INTEGER = 0x02
_VERSION = 0xA0

# What a certificate has between its version and its public key.
_BEFORE_THE_KEY = [_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE]


def public_key_info(certificate: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate, both in DER; raises `ValueError` for anything else."""
    start, end = _element(certificate, 0, len(certificate), _SEQUENCE)
    if end != len(certificate):
        raise ValueError("there is more after the certificate")
    start, end = _element(certificate, start, end, _SEQUENCE)
    if certificate[start : start + 1] == bytes([_VERSION]):
        _, start = _element(certificate, start, end, _VERSION)
    for tag in _BEFORE_THE_KEY:
        _, start = _element(certificate, start, end, tag)
    _, after = _element(certificate, start, end, _SEQUENCE)
    return certificate[start:after]


def _element(data: bytes, start: int, limit: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends; it has `tag`, and ends before `limit`."""
    if limit - start < 2 or data[start] != tag:
        raise ValueError(f"this is no certificate: byte {start} should begin an element {tag:#04x}")
    length, begin = data[start + 1], start + 2
    if length >= 0x80:  # then it says how many bytes the length has; DER allows no more than are needed
        size = length & 0x7F
        digits = data[begin : min(begin + size, limit)]
        length, begin = int.from_bytes(digits, "big"), begin + size
        if not 1 <= size <= 4 or len(digits) < size or digits[0] == 0 or length < 0x80:
            raise ValueError(f"this is no certificate: the length at byte {start + 1} is not DER")
    if begin + length > limit:
        raise ValueError(f"this is no certificate: the element at byte {start} is longer than what surrounds it")
    return begin, begin + length
