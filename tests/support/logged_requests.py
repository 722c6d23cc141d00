"""Records of requests, as forwarding fills them, and rows of the log that come of them."""

from collections.abc import Sequence
from typing import Any

from proxyapp.ledger.request_log_rows import LogBatch
from proxyapp.models import RequestLogEntry
from proxyapp.requests.record import AttemptRecord, ClientOutcome, RequestRecord

AT = 1_795_000_000.0


def made_attempt(
    key_id: int, verdict: str = "succeeded", status: int = 200, **more: Any
) -> AttemptRecord:
    attempt = AttemptRecord(key_id, f"key-{key_id}", 1, "main", "project")
    attempt.verdict, attempt.status, attempt.seconds = verdict, status, 0.25
    for name, value in more.items():
        setattr(attempt, name, value)
    return attempt


def made_record(
    request_id: str = "r-1",
    status: int = 200,
    at: float = AT,
    attempts: Sequence[AttemptRecord] = (),
    **more: Any,
) -> RequestRecord:
    record = RequestRecord(request_id, "POST", at)
    record.status = status
    record.outcome = ClientOutcome.OK if status < 400 else ClientOutcome.UPSTREAM
    record.model, record.group, record.endpoint = "gemini-2.5-flash", "main", "generate"
    record.address, record.seconds, record.first_byte_seconds = "10.0.0.9", 0.5, 0.4
    record.attempts = list(attempts)
    for name, value in more.items():
        setattr(record, name, value)
    return record


def log(*records: RequestRecord) -> list[RequestLogEntry]:
    """Written; their rows, the newest first."""
    LogBatch(records, {}).write()
    return list(RequestLogEntry.objects.order_by("-id"))
