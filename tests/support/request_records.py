"""Requests of clients as they ended."""

from proxyapp.requests.record import ClientOutcome, RequestRecord
from tests.support.pool_data import NOW

FLASH = "gemini-2.5-flash"


def ended(
    outcome: ClientOutcome,
    *,
    model: str = FLASH,
    client_id: int = 0,
    group: str = "main",
    at: float = NOW.timestamp(),
    first_byte_seconds: float = 0.0,
    seconds: float = 0.0,
) -> RequestRecord:
    """`at`: when it arrived."""
    record = RequestRecord("an-id", "POST", at)
    record.outcome = outcome
    record.model = model
    record.client_id = client_id
    record.group = group
    record.first_byte_seconds = first_byte_seconds
    record.seconds = seconds
    return record
