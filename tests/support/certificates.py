"""A certificate authority that lives as long as a test.

Its servers are on 127.0.0.1, ::1 and localhost.
"""

import datetime
import ipaddress
import ssl
import tempfile
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxyapp.server.certificate import CertificateFiles

NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
ELSEWHERE = (x509.DNSName("elsewhere.test"),)


@cache
def pem(
    subject: str = "tests", names: tuple[x509.GeneralName, ...] = NAMES, *, days: int = 1
) -> bytes:
    """A self-signed certificate with its key, good for so many days.

    It is the same in all of a test run's process.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=9))
    builder = builder.not_valid_after(now + datetime.timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    key_pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    return builder.sign(key, hashes.SHA256()).public_bytes(encoding) + key_pem


def files(directory: Path) -> CertificateFiles:
    """As a gateway's operator has them."""
    return CertificateFiles(directory / "certificate.pem", directory / "private_key.pem")


def write(directory: Path, certificate: bytes = b"") -> CertificateFiles:
    """The certificate, and its key for its owner alone."""
    chain, separator, key = (certificate or pem()).partition(b"-----BEGIN PRIVATE KEY")
    written = files(directory)
    written.private_key.touch(mode=0o600)
    written.certificate.write_bytes(chain)
    written.private_key.write_bytes(separator + key)
    return written


def server_context(certificate: bytes = b"") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_bytes(certificate or pem())
        context.load_cert_chain(file.name)
    return context


def client_context() -> ssl.SSLContext:
    """Trusts `server_context` and nobody else."""
    return ssl.create_default_context(cadata=authority())


def authority(certificate: bytes = b"") -> str:
    """The certificate without its key."""
    return (certificate or pem()).decode().split("-----BEGIN PRIVATE KEY")[0]
