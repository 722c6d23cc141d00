"""The gateway's own certificate and its private key, as files that are renewed while it runs."""

import re
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from proxyapp.vocabulary.file_errors import why_unread

if TYPE_CHECKING:
    from cryptography import x509

MAX_BYTES = 1024 * 1024
_CERTIFICATE = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
_PASSPHRASE = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
_OTHERS_KEY = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})


class BadCertificate(Exception):
    """The files cannot be used; the text names the one, says why and what to do."""


class CertificateFiles(NamedTuple):
    """`…_name`: where the file was named, such as `config.yaml: server.certificate`."""

    certificate: Path
    private_key: Path
    certificate_name: str = "server.certificate"
    private_key_name: str = "server.private_key"


class ServerCertificate:
    """`context` is what a new connection begins with; those that are open keep theirs."""

    def __init__(self, files: CertificateFiles) -> None:
        """Raises BadCertificate."""
        self.files = files
        self.context = server_context(files)

    def reload(self) -> None:
        """Raises BadCertificate, and goes on with what it had."""
        self.context = server_context(self.files)


class ClientPort(NamedTuple):
    """A bound socket for clients; with a certificate it speaks TLS."""

    socket: socket.socket
    certificate: ServerCertificate | None = None


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """Raises BadCertificate."""
    _check_texts(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password of ours OpenSSL would ask the terminal for one.
        context.load_cert_chain(files.certificate, files.private_key, password="")
    except (OSError, ValueError) as error:
        raise BadCertificate(_refusal(files, error)) from None
    return context


def _check_texts(files: CertificateFiles) -> None:
    certificate = _text(files.certificate, files.certificate_name)
    if not _CERTIFICATE.search(certificate):
        found = "a private key only" if _PRIVATE_KEY.search(certificate) else "none"
        raise BadCertificate(
            f"{files.certificate_name}: {files.certificate} has to hold certificates in PEM form,"
            f" the server's own first and its chain after it, and holds {found}."
        )
    key = _text(files.private_key, files.private_key_name)
    place = f"{files.private_key_name}: {files.private_key}"
    if _PASSPHRASE.search(key):
        raise BadCertificate(
            f"{place} has a passphrase, which nobody would be there to type at a restart: write it"
            " without one (openssl pkey -in KEY -out NEW, then chmod 600 NEW)."
        )
    if not _PRIVATE_KEY.search(key):
        found = "certificates only" if _CERTIFICATE.search(key) else "none"
        raise BadCertificate(f"{place} has to hold a private key in PEM form, and holds {found}.")


def _text(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        raise BadCertificate(f"{name}: {path} cannot be read: {why_unread(error)}.") from None


def _refusal(files: CertificateFiles, error: Exception) -> str:
    reason = getattr(error, "reason", None) or "UNREADABLE"
    if reason in _OTHERS_KEY:
        return (
            f"{files.private_key_name}: {files.private_key} does not belong to the first"
            f" certificate of {files.certificate}: name the key that this was made with."
        )
    words = str(reason).replace("_", " ").lower()
    return (
        f"{files.certificate_name}: {files.certificate} and {files.private_key} cannot be used"
        f" (OpenSSL says: {words}): copy them whole, or have them issued again."
    )


def own_certificate(path: Path) -> "x509.Certificate | None":
    """The first of the file; None where it cannot be told."""
    from cryptography import x509  # half a megabyte, and most gateways have no certificate

    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError):
        return None


def date_trouble(path: Path) -> str:
    """What is wrong with its dates today; empty when nothing is."""
    certificate = own_certificate(path)
    now = datetime.now(UTC)
    if certificate is None:
        return ""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        return f"{path} expired on {ends:%Y-%m-%d}: clients refuse it until it is renewed"
    if begins > now:
        return f"{path} is not valid before {begins:%Y-%m-%d %H:%M} UTC: clients refuse it so long"
    return ""


def host_names(path: Path) -> list[str]:
    """Those that it is issued for, as Django's ALLOWED_HOSTS has them."""
    from cryptography import x509

    certificate = own_certificate(path)
    try:
        if certificate is None:
            return []
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    hosts = [name.removeprefix("*") for name in names.get_values_for_type(x509.DNSName)]
    addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    return [*hosts, *(f"[{each}]" if ":" in each else each for each in addresses)]
