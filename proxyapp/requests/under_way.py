"""A request of a client while it is being answered: what it is called, and what becomes of it."""

import time
from collections.abc import Sequence
from typing import Final

from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.outcomes import outcome_of_answer, outcome_of_error
from proxyapp.requests.record import AttemptRecord, ClientOutcome, RequestRecord
from proxyapp.requests.told import RequestsTold
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.request_ids import HEADER, header_of, request_id_of

# Where an ASGI scope has it.
UNDER_WAY: Final = "gateway.request"
TRACE_PARENT: Final = b"traceparent"
FAILED: Final = 500


class RequestUnderWay:
    """`record` None: nobody hears of it. `told` None: who does is not known before the end.

    `is_shown`: its answer tells of it.
    """

    def __init__(
        self,
        method: str,
        headers: Sequence[Header],
        told: RequestsTold | None,
        *,
        is_shown: bool = False,
    ) -> None:
        self.id = request_id_of(headers)
        self.record: RequestRecord | None = None
        self.began = time.monotonic()
        self._told = told
        self._late: ClientOutcome | None = None
        if told is not None:
            told.under_way += 1
        if is_shown or told is None or told.is_heard:
            record = RequestRecord(self.id, method, time.time())
            record.traceparent = header_of(headers, TRACE_PARENT).decode("latin-1")
            record.outcome = ClientOutcome.LEFT
            self.record = record

    # Attempts.

    def begin_attempt(
        self, key_id: int, key_name: str, group_id: int, group: str, project: str, model: str
    ) -> AttemptRecord | None:
        record = self.record
        if record is None:
            return None
        self._late = None
        attempt = AttemptRecord(key_id, key_name, group_id, group, project, model)
        attempt.began_after = time.monotonic() - self.began
        record.attempts.append(attempt)
        record.group = group
        return attempt

    def attempt_answered(self, attempt: AttemptRecord, status: int) -> None:
        """The head of its answer is here."""
        if self.record is None:
            return
        attempt.status = status
        attempt.seconds = time.monotonic() - self.began - attempt.began_after

    def attempt_judged(self, attempt: AttemptRecord, kind: str) -> None:
        """What its refusal meant."""
        if self.record is not None:
            attempt.verdict = kind

    def end_attempt(
        self,
        attempt: AttemptRecord,
        outcome: str,
        status: int,
        used: LlmTokens,
        cost: int | None,
    ) -> None:
        """Nothing once the request has ended: others read its record then."""
        record = self.record
        if record is None:
            return
        if not attempt.seconds:
            attempt.seconds = time.monotonic() - self.began - attempt.began_after
        attempt.status = status
        if not attempt.verdict:
            attempt.verdict = outcome
        if 0 < status < 400:
            record.llm_tokens = used
            record.cost_micros = cost

    def add_llm_tokens(self, used: LlmTokens, cost: int | None) -> None:
        """Of a session, as they come."""
        record = self.record
        if record is not None:
            sums = [mine + theirs for mine, theirs in zip(record.llm_tokens, used, strict=True)]
            record.llm_tokens = LlmTokens(*sums)
            before = record.cost_micros
            record.cost_micros = None if before is None or cost is None else before + cost

    def note_late(self, outcome: ClientOutcome) -> None:
        """What has begun well has not ended well."""
        self._late = outcome

    # What the client is told.

    def id_header(self) -> Header:
        return HEADER, self.id.encode("ascii")

    def answered(self, status: int) -> None:
        """The head goes to the client now."""
        record = self.record
        if record is not None:
            record.status = status
            record.first_byte_seconds = time.monotonic() - self.began

    def relayed(self) -> None:
        """All of an upstream's answer went to the client."""
        record = self.record
        if record is None:
            return
        verdict = record.attempts[-1].verdict if record.attempts else ""
        outcome = outcome_of_answer(record.status, verdict)
        is_late = outcome is ClientOutcome.OK and self._late is not None
        record.outcome = self._late if is_late and self._late is not None else outcome

    def refused(self, error: GatewayError) -> None:
        """The gateway answers on its own."""
        record = self.record
        if record is not None:
            record.status = error.status
            record.error = error.code
            record.outcome = outcome_of_error(error)

    def broke(self) -> None:
        """The upstream did, in the middle of its answer, or the gateway itself."""
        record = self.record
        if record is not None:
            record.status = record.status or FAILED
            record.outcome = ClientOutcome.UPSTREAM

    def closed(self, outcome: ClientOutcome) -> None:
        """A session is over, if it has not ended yet."""
        record = self.record
        if record is not None and record.outcome is ClientOutcome.LEFT:
            record.outcome = outcome

    def end(self, told: RequestsTold | None) -> None:
        """`told`: who hears, where that was not known at first."""
        record, self.record = self.record, None
        if self._told is not None:
            self._told.under_way -= 1
            told = self._told
        if record is not None and told is not None:
            record.seconds = time.monotonic() - self.began
            told.end(record)
