"""Counts what clients' requests came to, in the memory of one process."""

from collections.abc import Collection
from typing import Final

from proxyapp.metrics.counts import (
    ATTEMPTS,
    COST,
    DURATION,
    DURATION_BOUNDS,
    FIRST_BYTE,
    FIRST_BYTE_BOUNDS,
    LLM_TOKENS,
    REQUESTS,
    Counts,
)
from proxyapp.provider.llm_tokens import NONE
from proxyapp.requests.record import ClientOutcome, RequestRecord
from proxyapp.vocabulary.buckets import Buckets

MOST_MODELS = 200
LONGEST_MODEL: Final = 100
# Of groups, models and outcomes together; what is beyond counts as another model's.
MOST_ROWS = 5_000
OTHER: Final = "other"
SWITCHED: Final = 101  # a Live session lasts as long as its client likes
# An enum's `value` is read by a function of Python's.
OUTCOMES: Final = {outcome: outcome.value for outcome in ClientOutcome}
KINDS: Final = ("prompt", "output", "cached", "thoughts", "tool_use")  # as LlmTokens has them


class ModelTally:
    """Of the requests for one model. `cost`: in millionths."""

    __slots__ = ("cost", "durations", "first_bytes", "llm_tokens")

    def __init__(self) -> None:
        self.first_bytes = Buckets(FIRST_BYTE_BOUNDS)
        self.durations = Buckets(DURATION_BOUNDS)
        self.llm_tokens = [0, 0, 0, 0, 0]
        self.cost = 0


class RequestTally:
    """Only a model that has answered well has a name here, and only a group that there is: clients
    can name endless ones. `groups`: those that there are.
    """

    def __init__(self) -> None:
        self.groups: Collection[str] = ()
        self.is_dirty = False
        self._requests: dict[tuple[str, str, str], int] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._models: dict[str, ModelTally] = {}

    def hear(self, record: RequestRecord) -> None:
        self.is_dirty = True
        model = self._name(record)
        group = record.group if record.group in self.groups else ""
        outcome = OUTCOMES[record.outcome]
        place = group, model, outcome
        count = self._requests.get(place)
        if count is None:
            if len(self._requests) >= MOST_ROWS:
                place = group, OTHER, outcome
            count = self._requests.get(place, 0)
        self._requests[place] = count + 1
        if record.attempts:
            self._hear_answer(record, model)

    def _name(self, record: RequestRecord) -> str:
        model = record.model
        if not model or model in self._models:
            return model
        is_full = len(self._models) >= MOST_MODELS
        if is_full or record.outcome is not ClientOutcome.OK or not record.attempts:
            return OTHER
        return model if len(model) <= LONGEST_MODEL else OTHER

    def _hear_answer(self, record: RequestRecord, model: str) -> None:
        """Of a request that reached an upstream: the gateway's own refusals say nothing of how
        quick a model is.
        """
        for attempt in record.attempts:
            way = attempt.group, attempt.verdict
            self._attempts[way] = self._attempts.get(way, 0) + 1
        tally = self._models.get(model)
        if tally is None:
            tally = self._models[model] = ModelTally()
        if record.status != SWITCHED:
            tally.durations.add(record.seconds)
            if record.first_byte_seconds:
                tally.first_bytes.add(record.first_byte_seconds)
        used = record.llm_tokens
        if used is not NONE:
            sums = tally.llm_tokens
            for index in range(len(used)):
                sums[index] += used[index]
        if record.cost_micros is not None:
            tally.cost += record.cost_micros

    def counts(self) -> Counts:
        """All since the process began."""
        found: Counts = {
            REQUESTS: {place: [count] for place, count in self._requests.items()},
            ATTEMPTS: {way: [count] for way, count in self._attempts.items()},
            FIRST_BYTE: {},
            DURATION: {},
            LLM_TOKENS: {},
            COST: {},
        }
        for model, tally in self._models.items():
            labels = (model,)
            found[FIRST_BYTE][labels] = tally.first_bytes.numbers
            found[DURATION][labels] = tally.durations.numbers
            for kind, count in zip(KINDS, tally.llm_tokens, strict=True):
                if count:
                    found[LLM_TOKENS][(model, kind)] = [count]
            if tally.cost:
                found[COST][labels] = [tally.cost]
        return found
