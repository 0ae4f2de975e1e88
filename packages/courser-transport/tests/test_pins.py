"""Pins: some hosts must show one of a few keys, whoever else signed for them."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from authorities import Authority, TLSPeer
from courser_transport import CertificateError, ConnectError, Deadline, HTTPTransport, public_key_pin, run_sync
from courser_transport._tls import TLSSettings, start_tls
from courser_transport._tls._pins import _read

OTHER = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def connect(authority: Authority, pins: Any, host: str = "example.org", **settings: Any) -> TLSPeer:
    """Shake hands with a server that has a certificate for example.org."""
    other_end = TLSPeer(authority.server)
    tls = TLSSettings(**{"verify": authority.file, "pins": pins, **settings})
    try:
        run_sync(start_tls(other_end, tls, host, f"{host}:443", Deadline(None)))
    except ConnectError:
        assert other_end.is_closed
        raise
    return other_end


def pem(authority: Authority) -> bytes:
    return authority.certificate.cert_chain_pems[0].bytes()


def fingerprint(authority: Authority) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem(authority).decode("ascii"))).hexdigest()


def key_pin(authority: Authority) -> str:
    """Return the pin as a real parser sees it."""
    key = x509.load_pem_x509_certificate(pem(authority)).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256/" + base64.b64encode(hashlib.sha256(info).digest()).decode("ascii")


def test_a_server_with_the_key_that_is_pinned_is_spoken_to(authority: Authority) -> None:
    pin = key_pin(authority)
    for pins in (pin, [OTHER, pin], (pin,), pin.replace("sha256/", "sha256//")):
        assert not connect(authority, {"example.org": pins}).is_closed


def test_a_server_with_the_certificate_that_is_pinned_is_spoken_to(authority: Authority) -> None:
    digits = fingerprint(authority)
    as_openssl_prints_it = ":".join(digits[i : i + 2] for i in range(0, 64, 2)).upper()
    for pins in (digits, [OTHER, digits.upper()], as_openssl_prints_it):
        assert not connect(authority, {"example.org": pins}).is_closed


def test_a_server_with_another_is_refused_and_its_pin_told(authority: Authority) -> None:
    with pytest.raises(CertificateError) as caught:
        connect(authority, {"example.org": [OTHER]})
    assert str(caught.value) == (
        "TLS handshake with example.org:443 failed: its certificate is none of those that pins= has for 'example.org': "
        f"it shows the key {key_pin(authority)}"
    )
    assert isinstance(caught.value, ConnectError)
    assert caught.value.verify_code is None
    with pytest.raises(CertificateError, match=f"it shows the certificate {fingerprint(authority)}$"):
        connect(authority, {"example.org": "00" * 32})
    with pytest.raises(CertificateError, match=r"it shows the key sha256/.* in the certificate "):
        connect(authority, {"example.org": ["00" * 32, OTHER]})


def test_a_server_that_is_refused_never_learns_who_we_are(authority: Authority) -> None:
    """In TLS 1.3 the client's certificate is in its last flight, and that does not leave."""
    other_end = TLSPeer(authority.asking(ssl.TLSVersion.TLSv1_3))
    settings = authority.settings(pins={"example.org": OTHER}, cert=authority.certificate_file)
    with pytest.raises(CertificateError):
        run_sync(start_tls(other_end, settings, "example.org", "example.org:443", Deadline(None)))
    assert other_end.is_closed
    with pytest.raises(ValueError, match="handshake not done yet"):
        other_end.tls.getpeercert()


def test_a_pin_alone_is_enough_where_no_authority_is_asked(authority: Authority) -> None:
    assert not connect(authority, {"example.org": key_pin(authority)}, verify=False).is_closed
    with pytest.raises(CertificateError):
        connect(authority, {"example.org": OTHER}, verify=False)


def test_a_pin_does_not_make_up_for_trust(authority: Authority) -> None:
    with pytest.raises(CertificateError, match="unable to get local issuer certificate"):
        connect(authority, {"example.org": key_pin(authority)}, verify=trustme.CA().cert_pem.bytes())


@pytest.mark.parametrize(
    ("pinned", "host"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.ORG.", "example.org"),
        ("example.org", "example.org."),
        ("*.example.org", "a.example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*", "example.org"),
        ("*", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("fe80::1", "fe80::1%eth0"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_hosts_that_are_pinned(authority: Authority, pinned: str, host: str) -> None:
    with pytest.raises(CertificateError, match="none of those that pins= has for"):
        connect(authority, {pinned: OTHER}, host, verify=False)


@pytest.mark.parametrize(
    ("pinned", "host"),
    [
        ("*.example.org", "example.org"),
        ("*.example.org", "anexample.org"),
        ("example.org", "a.example.org"),
        ("example.org", "example.org.evil"),
        ("127.0.0.1", "::1"),
    ],
)
def test_hosts_that_are_not(authority: Authority, pinned: str, host: str) -> None:
    assert not connect(authority, {pinned: OTHER}, host, verify=False).is_closed


def test_the_most_exact_entry_counts(authority: Authority) -> None:
    good = key_pin(authority)
    pins = {"*": OTHER, "*.org": OTHER, "*.example.org": good, "b.a.example.org": OTHER}
    assert not connect(authority, pins, "a.example.org", verify=False).is_closed
    for host in ("example.org", "b.a.example.org", "example.com"):
        with pytest.raises(CertificateError):
            connect(authority, pins, host, verify=False)


@pytest.mark.parametrize("host", ["a.example", "a.example.", "fe80::1%eth0"])
def test_asking_for_another_name_leads_past_no_pin(authority: Authority, host: str) -> None:
    settings = authority.settings(pins={host.partition("%")[0]: OTHER})
    asked = start_tls(TLSPeer(authority.server), settings, "example.org", "peer:443", Deadline(None), None, pinned=host)
    with pytest.raises(CertificateError, match="none of those that pins= has for"):
        run_sync(asked)


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "sha256/",
        "sha256/AAAA",
        "sha256/" + "?" * 44,
        "sha1/" + "A" * 28,
        "00" * 20,
        "00" * 33,
        "zz" * 32,
        OTHER[:-1],
    ],
)
def test_what_is_no_pin_is_refused_when_the_transport_is_made(pin: str) -> None:
    with pytest.raises(ValueError, match=r"pins\['example.org'\]: .* is neither 'sha256/' and the base64"):
        HTTPTransport(pins={"example.org": [OTHER, pin]})


@pytest.mark.parametrize(
    "host", ["", "*.", "*.*", "a*.example", "example.org:443", "https://example.org", "*.[::1]", "a b"]
)
def test_what_is_no_host_is_refused_when_the_transport_is_made(host: str) -> None:
    with pytest.raises(ValueError, match="is for no host"):
        HTTPTransport(pins={host: OTHER})


def test_a_host_whose_pins_are_missing_is_not_a_host_without_pins() -> None:
    with pytest.raises(ValueError, match="is empty, so that no server could be right"):
        HTTPTransport(pins={"example.org": []})


def test_the_pin_of_a_certificate_can_be_had_from_its_file(authority: Authority) -> None:
    text = pem(authority).decode("ascii")
    expected = key_pin(authority)
    assert public_key_pin(text) == public_key_pin(text.encode()) == expected
    assert public_key_pin(ssl.PEM_cert_to_DER_cert(text)) == expected
    assert public_key_pin(f"Zürich\n{text}{authority.pem.decode()}") == expected
    for junk in ("", b"", "-----BEGIN CERTIFICATE-----", text.replace("CERTIFICATE", "PUBLIC KEY"), b"junk"):
        with pytest.raises(ValueError, match="this is no certificate"):
            public_key_pin(junk)


def test_another_name_in_the_handshake_does_not_lead_around_the_pins_of_the_host(authority: Authority) -> None:
    tls = TLSSettings(authority.file, pins={"internal.example": OTHER, "example.org": key_pin(authority)})
    for host, is_refused in (("internal.example", True), ("example.org", False), ("unpinned.example", False)):
        other_end = TLSPeer(authority.server)
        connecting = start_tls(other_end, tls, "example.org", f"{host}:443", Deadline(None), pinned=host)
        if is_refused:
            with pytest.raises(CertificateError, match="pin"):
                run_sync(connecting)
        else:
            run_sync(connecting)
        assert other_end.is_closed is is_refused


def test_settings_for_one_request_keep_the_pins_and_are_made_once(authority: Authority) -> None:
    tls = TLSSettings(True, pins={"example.org": OTHER})
    for verify in (authority.file, False):
        other = tls.instead(verify)
        assert tls.instead(verify) is other
        with pytest.raises(CertificateError, match="pin"):
            run_sync(start_tls(TLSPeer(authority.server), other, "example.org", "example.org:443", Deadline(None)))
    assert tls.for_proxy() is tls.for_proxy()
    assert tls.for_proxy().pins_of("example.org") is not None


@pytest.mark.parametrize("slashes", ["/", "//"])
@pytest.mark.parametrize("first", range(0, 256, 4))
def test_a_pin_may_begin_with_any_character(first: int, slashes: str) -> None:
    digest = bytes([first]) + bytes(range(31))
    pin = "sha256" + slashes + base64.b64encode(digest).decode("ascii")
    assert _read("example.org", pin) == ("key", digest)
