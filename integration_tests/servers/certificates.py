"""Certificates made for one test run: an authority that our clients are told to trust, and one that they are not."""

import datetime
import hashlib
import ssl
import warnings
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ONE_DAY = datetime.timedelta(days=1)
YESTERDAY = datetime.datetime.now(datetime.UTC) - ONE_DAY
LAST_YEAR = YESTERDAY - 365 * ONE_DAY


class Authority:
    """A certificate authority, with the contexts that servers and clients make of it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._authority = trustme.CA()
        self._directory = directory
        self._issued: dict[tuple[str, ...], trustme.LeafCert] = {}
        self.bundle = directory / "authority.pem"
        self._authority.cert_pem.write_to_path(self.bundle)

    def write_directory(self, directory: Path) -> None:
        """Write the authority's certificate under the name by which OpenSSL looks for it in a directory."""
        (directory / f"{_subject_hash(self.bundle.read_bytes())}.0").write_bytes(self.bundle.read_bytes())

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this authority and nobody else."""
        return ssl.create_default_context(cafile=self.bundle)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return a server's context for the names, by default those of this machine."""
        names = names or ("localhost", "127.0.0.1")
        if names not in self._issued:
            self._issued[names] = self._authority.issue_cert(*names)
        return self._context(self._issued[names])

    def expired_context(self) -> ssl.SSLContext:
        """Return a server's context whose certificate ran out yesterday."""
        names = ("localhost", "127.0.0.1")
        return self._context(self._authority.issue_cert(*names, not_before=LAST_YEAR, not_after=YESTERDAY))

    def self_signed_context(self) -> ssl.SSLContext:
        """Return a server's context whose certificate nobody but itself has signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "a server by itself")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, YESTERDAY, YESTERDAY + 2 * ONE_DAY)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
        path = self._directory / "self-signed.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def old_context(self) -> ssl.SSLContext:
        """Return a server's context that speaks TLS 1.0 and nothing else."""
        context = self.server_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is what it is for
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        return context

    def asking_context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Return a server's context that wants a certificate of this authority from the client too."""
        context = self.server_context()
        if version is not None:
            context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context

    def write_server_certificate(self) -> tuple[Path, Path]:
        """Return the files (certificate chain, key) of a certificate for this machine."""
        return self._write("server", self._authority.issue_cert("localhost", "127.0.0.1"))

    def write_client_certificate(self) -> tuple[Path, Path]:
        """Return the files (certificate chain, key) of a certificate for a client."""
        return self._write("client", self._authority.issue_cert("client@example.org"))

    def _context(self, certificate: trustme.LeafCert) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def _write(self, name: str, certificate: trustme.LeafCert) -> tuple[Path, Path]:
        chain, key = self._directory / f"{name}.pem", self._directory / f"{name}-key.pem"
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(chain, append=number > 0)
        certificate.private_key_pem.write_to_path(key)
        return chain, key


def _subject_hash(pem: bytes) -> str:
    """Return what `openssl x509 -subject_hash` prints: a hash of the subject in lower case and UTF-8."""
    canonical = b""
    for attribute in x509.load_pem_x509_certificate(pem).subject:
        first, second, *rest = (int(part) for part in attribute.oid.dotted_string.split("."))
        oid = bytes([first * 40 + second, *rest])
        value = str(attribute.value).lower().encode()
        canonical += _der(0x31, _der(0x30, _der(0x06, oid) + _der(0x0C, value)))
    return hashlib.sha1(canonical).digest()[3::-1].hex()


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content
