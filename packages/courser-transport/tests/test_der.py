"""The public key in a certificate: found where a real parser finds it, and never by reading on in what is none."""

from __future__ import annotations

import datetime
import functools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from courser_transport._tls._der import public_key_info


@functools.cache
def key_of(kind: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ed448":
        return ed448.Ed448PrivateKey.generate()  # type: ignore[return-value]
    return ed25519.Ed25519PrivateKey.generate()


def certificate_of(kind: str, subject: str, serial: int, names: list[str]) -> x509.Certificate:
    key = key_of(kind)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject)])
    begin = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, begin, begin + datetime.timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
    return builder.sign(key, None if kind.startswith("ed") else hashes.SHA256())


CERTIFICATES = st.builds(
    certificate_of,
    st.sampled_from(["rsa", "p256", "ed25519", "ed448"]),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.integers(min_value=1, max_value=2**158),
    st.lists(st.sampled_from(["example.org", "a" * 60 + ".example"]), max_size=40),
)


@given(CERTIFICATES)
def test_it_is_what_a_parser_finds(certificate: x509.Certificate) -> None:
    expected = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public_key_info(certificate.public_bytes(serialization.Encoding.DER)) == expected


PLAIN = certificate_of("p256", "example", 1, ["example.org"]).public_bytes(serialization.Encoding.DER)


def test_a_certificate_that_is_cut_anywhere_is_none() -> None:
    for length in range(len(PLAIN)):
        with pytest.raises(ValueError, match="this is no certificate"):
            public_key_info(PLAIN[:length])


def test_what_follows_a_certificate_is_no_part_of_it() -> None:
    with pytest.raises(ValueError, match="there is more after the certificate"):
        public_key_info(PLAIN + b"\0")


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_one_that_is_damaged_is_refused_or_has_a_key_within_itself(position: int, value: int) -> None:
    damaged = PLAIN[:position] + bytes([value]) + PLAIN[position + 1 :]
    try:
        found = public_key_info(damaged)
    except ValueError:
        return
    assert found in damaged
    assert len(found) >= 2


@given(st.binary(max_size=200))
def test_anything_else_is_no_certificate(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"this is no certificate|there is more after"):
        public_key_info(data)


@pytest.mark.parametrize(
    "length",
    [b"\x80", b"\x81\x7f", b"\x82\x00\x80", b"\x85\x00\x00\x00\x00\x80", b"\x84\xff\xff\xff\xff", b"\xff"],
    ids=["indefinite", "could be shorter", "leading zero", "five bytes", "four gigabytes", "reserved"],
)
def test_lengths_must_be_der(length: bytes) -> None:
    with pytest.raises(ValueError, match="this is no certificate"):
        public_key_info(b"\x30" + length + PLAIN)
