"""Authorities that a group trusts besides the usual ones: certificates as PEM text in one form."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from proxyapp.vocabulary.file_errors import NOT_FROM_AFAR, why_unread
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

if TYPE_CHECKING:
    from cryptography import x509

# Dozens of certificates; all that a system trusts would be more, and is trusted anyway.
MAX_CHARACTERS = 64 * 1024
BEGIN = "-----BEGIN CERTIFICATE-----"
NOT_PEM = gettext_noop("holds no certificates in PEM form (text that starts with %(begin)s)")


class BadCertificates(ValueError):
    """The text says what is wrong and what is allowed, and quotes nothing."""


class Authority(NamedTuple):
    subject: str
    expires_at: datetime

    def __str__(self) -> str:
        is_over = self.expires_at <= datetime.now(UTC)
        text = (
            _("%(subject)s, until %(day)s (expired)")
            if is_over
            else _("%(subject)s, until %(day)s")
        )
        return text % {"subject": self.subject, "day": f"{self.expires_at:%Y-%m-%d}"}


def read_certificates(path: str, folder: Path | None) -> str:
    """A file's text; a relative path starts at the folder.

    Raises BadCertificates, which does not quote the content.
    """
    if folder is None:
        raise BadCertificates(_("%(problem)s; use ca_certificates") % {"problem": _(NOT_FROM_AFAR)})
    try:
        with (folder / path).open("rb") as file:
            return file.read(MAX_CHARACTERS + 1).decode("ascii", "replace")
    except (OSError, ValueError) as error:
        raise BadCertificates(
            _("cannot be read: %(path)s: %(why)s")
            % {"path": folder / path, "why": why_unread(error)}
        ) from None


def in_one_form(text: str) -> str:
    """The certificates alone, each once, in their order. Raises BadCertificates."""
    if len(text) > MAX_CHARACTERS:
        raise BadCertificates(
            _("has %(count)s characters; %(most)s are allowed: leave out what is not needed")
            % {"count": len(text), "most": MAX_CHARACTERS}
        )
    if "PRIVATE KEY" in text:
        raise BadCertificates(
            _("holds a private key, which nobody else should have; only certificates are allowed")
        )
    from cryptography.hazmat.primitives.serialization import Encoding

    pems = dict.fromkeys(
        certificate.public_bytes(Encoding.PEM).decode() for certificate in _certificates(text)
    )
    joined = "".join(pems)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=joined)
    except ssl.SSLError:
        raise BadCertificates(_(NOT_PEM) % {"begin": BEGIN}) from None
    return joined


def listed_certificates(text: str) -> list[Authority]:
    """What the certificates say of themselves. Raises BadCertificates."""
    return [
        Authority(
            certificate.subject.rfc4514_string() or _("(no name)"), certificate.not_valid_after_utc
        )
        for certificate in _certificates(text)
    ]


def counted_certificates(text: str) -> str:
    """For a line that says what changed."""
    count = text.count(BEGIN)
    return f"{count} certificate{'' if count == 1 else 's'}" if count else "none"


def _certificates(text: str) -> "list[x509.Certificate]":
    from cryptography import x509  # half a megabyte, and few groups have certificates

    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise BadCertificates(_(NOT_PEM) % {"begin": BEGIN}) from None
