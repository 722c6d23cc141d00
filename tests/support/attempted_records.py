"""Requests of clients as they ended, with their attempts."""

from proxyapp.provider.llm_tokens import NONE, LlmTokens
from proxyapp.requests.record import AttemptRecord, ClientOutcome, RequestRecord


def attempted(
    model: str = "gemini-2.5-flash",
    outcome: ClientOutcome = ClientOutcome.OK,
    *,
    verdicts: tuple[str, ...] = ("succeeded",),
    group: str = "main",
    status: int = 200,
    seconds: float = 0.2,
    first_byte_seconds: float = 0.1,
    llm_tokens: LlmTokens = NONE,
    cost_micros: int | None = None,
) -> RequestRecord:
    """One whose attempts ended so."""
    record = RequestRecord("an-id", "POST", 1_700_000_000.0)
    record.model, record.group, record.outcome, record.status = model, group, outcome, status
    record.seconds, record.first_byte_seconds = seconds, first_byte_seconds
    record.llm_tokens, record.cost_micros = llm_tokens, cost_micros
    for verdict in verdicts:
        attempt = AttemptRecord(7, "laptop", 1, group, "")
        attempt.verdict = verdict
        record.attempts.append(attempt)
    return record
