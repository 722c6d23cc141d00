"""What the log leaves out."""

import logging
import sys

import pytest

from proxyapp.vocabulary.log_masking import MaskingFormatter, RefusalFilter

TOKEN = "gk-" + "a" * 43


def line(status: int, message: str = "%s") -> str:
    try:
        raise PermissionError("the reason")
    except PermissionError:
        record = logging.LogRecord(
            "django.request", logging.WARNING, "", 0, message, (TOKEN,), sys.exc_info()
        )
    record.status_code = status
    assert RefusalFilter().filter(record)
    return MaskingFormatter("%(message)s").format(record)


@pytest.mark.parametrize(("status", "has_traceback"), [(400, False), (403, False), (500, True)])
def test_only_a_fault_of_the_gateway_has_a_traceback(status: int, has_traceback: bool) -> None:
    assert ("Traceback" in line(status)) == has_traceback


def test_a_token_is_masked_in_lines_and_tracebacks() -> None:
    assert TOKEN not in line(500)
    assert "gk-a" in line(500)


def test_the_id_of_an_upload_is_masked() -> None:
    upload_id = "gku-" + "gAAAAA" * 20

    assert upload_id not in line(404, f"%s /upload/v1beta/files?upload_id={upload_id}")
