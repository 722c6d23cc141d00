"""The certificate that a start serves with: loaded, doubted where it is doubtful, renewed."""

import logging

from proxyapp.process import file_modes
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import (
    BadCertificate,
    CertificateFiles,
    ServerCertificate,
    date_trouble,
)

logger = logging.getLogger(__name__)


def loaded(files: CertificateFiles | None) -> ServerCertificate | None:
    """Raises StartError."""
    try:
        return None if files is None else ServerCertificate(files)
    except BadCertificate as error:
        raise StartError(str(error)) from error


def warnings(files: CertificateFiles | None) -> list[str]:
    if files is None:
        return []
    trouble = date_trouble(files.certificate)
    dates = [f"warning: {files.certificate_name}: {trouble}"] if trouble else []
    return [*dates, *file_modes.private_key_warnings(files.private_key)]


def renew(certificate: ServerCertificate) -> None:
    """New connections begin with what the files hold now; a bad file changes nothing."""
    try:
        certificate.reload()
    except BadCertificate as error:
        logger.error("The certificate stays the one before. %s", error)
        return
    for warning in warnings(certificate.files):
        logger.warning("%s", warning.removeprefix("warning: "))
    logger.info("The certificate was loaded again: new connections get it.")
