"""Counts one attempt, exactly once: for its key, its model and its client."""

import time
from typing import Final, Protocol

from proxyapp.access.token_book import ANYONE
from proxyapp.forwarding.llm_token_charge import LlmTokenCharge
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.usage import QUOTA_OUTCOMES, AttemptOutcome
from proxyapp.pool.probation import Recovery
from proxyapp.pool.turn_charge import TurnCharge
from proxyapp.pool.wish import Turn
from proxyapp.provider.llm_tokens import NONE, LlmTokenCounter, LlmTokens
from proxyapp.requests.record import AttemptRecord, ClientOutcome
from proxyapp.vocabulary.asgi import Header

# An enum's `value` is read by a function of Python's.
OUTCOMES: Final = {outcome: outcome.value for outcome in AttemptOutcome}
# How a good answer ends badly, and what its client sees then.
LATE: Final = {
    AttemptOutcome.RATE_LIMITED: ClientOutcome.NO_KEY,
    AttemptOutcome.CLIENT_ERROR: ClientOutcome.CLIENT_ERROR,
    AttemptOutcome.UPSTREAM_ERROR: ClientOutcome.UPSTREAM,
}


class Place(Protocol):
    """Of the client's requests that are under way."""

    def end(self) -> None: ...


class AttemptCount:
    """`client`: whose request it is. `is_over`: it is counted. `is_unsent`: nobody has it.

    `under_way`, `record`: of the request and the attempt; None: nobody hears of them.
    """

    def __init__(
        self, counting: Counting, recovery: Recovery, turn: Turn, request: RequestPlan
    ) -> None:
        self.client = request.client
        self._counting = counting
        self._recovery = recovery
        self._turn = turn
        self._model = request.model
        is_limited = request.client.is_charged
        self._charge = LlmTokenCharge(request) if is_limited else None
        self._counter: LlmTokenCounter | None = None
        self.is_over = False
        self.is_unsent = False
        self._place: Place | None = None
        self.under_way = under_way = request.under_way
        self.record: AttemptRecord | None = None
        if under_way is not None and under_way.record is not None:
            key = turn.key
            group = key.group
            self.record = under_way.begin_attempt(
                key.id, key.name, group.id, group.name, key.project, self._model
            )
        if turn.charge is not None:
            turn.charge.begin()

    def begin(self, coding: bytes, headers: list[Header]) -> LlmTokenCounter:
        """What the answer is fed to. `coding`: its Content-Encoding."""
        charge = self._charge
        counter = LlmTokenCounter(coding) if charge is None else charge.begin(coding, headers)
        self._counter = counter
        return counter

    def answered(self, status: int) -> None:
        """The head of the answer is here."""
        if self.record is not None and self.under_way is not None:
            self.under_way.attempt_answered(self.record, status)

    def judged(self, kind: str) -> None:
        """What a refusal meant."""
        if self.record is not None and self.under_way is not None:
            self.under_way.attempt_judged(self.record, kind)

    @property
    def request_id(self) -> str:
        return "" if self.under_way is None else self.under_way.id

    def release_charge(self) -> TurnCharge | None:
        """For a session, which lasts longer than the attempt: it ends what its turn took."""
        charge, self._turn = self._turn.charge, self._turn._replace(charge=None)
        return charge

    def keep_place(self, place: Place) -> None:
        """Until the answer has ended."""
        self._place = place
        if self.is_over:
            place.end()

    def end(self, outcome: AttemptOutcome, status: int) -> None:
        """Only the first call counts. `status`: 0 before there is an answer.

        A client's own mistakes are not kept by model: it could name endless ones.
        """
        if self.is_over:
            return
        self.is_over = True
        if self._place is not None:
            self._place.end()
        if self._turn.probe is not None:
            self._recovery.end_probe(self._turn.probe)
        now, key_id = time.time(), self._turn.key.id
        model = "" if outcome is AttemptOutcome.CLIENT_ERROR else self._name(now)
        llm_tokens = self._counter.llm_tokens() if self._counter is not None else NONE
        cost = self._cost(llm_tokens, now)
        self._counting.tally.count(
            key_id,
            self._counting.names.of_key(key_id, model, now),
            outcome,
            now,
            llm_tokens,
            cost,
        )
        if self.record is not None:
            self._end_record(outcome, status, llm_tokens, cost)
        if self._turn.charge is not None:
            self._turn.charge.end(
                None if self.is_unsent else llm_tokens, is_counted=outcome in QUOTA_OUTCOMES
            )
        if self.client is not ANYONE:
            charged = self._charged(llm_tokens, outcome, status)
            paid = cost if charged is llm_tokens else self._cost(charged, now)
            self._counting.count_llm_tokens(self.client, model, charged, now, paid)
        self._counting.touched()

    def _cost(self, used: LlmTokens, now: float) -> int | None:
        return self._counting.cost_of(self._turn.key.group, self._model, used, now)

    def _end_record(
        self, outcome: AttemptOutcome, status: int, llm_tokens: LlmTokens, cost: int | None
    ) -> None:
        under_way, record = self.under_way, self.record
        if under_way is None or record is None:
            return
        under_way.end_attempt(record, OUTCOMES[outcome], status, llm_tokens, cost)
        if 0 < status < 400 and outcome in LATE:
            under_way.note_late(LATE[outcome])

    def _name(self, now: float) -> str:
        """A client that names too many has no more of them counted for keys, either."""
        if self.client is ANYONE:
            return self._model
        return self._counting.names.of_client(self.client.id, self._model, now)

    def _charged(self, told: LlmTokens, outcome: AttemptOutcome, status: int) -> LlmTokens:
        """A refusal costs nothing; who leaves before the answer has still asked."""
        has_asked = status < 400 if status else outcome is AttemptOutcome.CANCELLED
        if self._charge is None or not has_asked:
            return told
        return self._charge.of(told, is_whole=outcome is AttemptOutcome.SUCCEEDED)
