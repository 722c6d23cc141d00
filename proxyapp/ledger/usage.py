"""Counting in memory what keys are used for, and what clients see.

Attempts at upstreams count by key, model and hour, and once more by minute; answers to clients by
minute only.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from proxyapp.ledger.client_usage import ClientTally
from proxyapp.ledger.outcomes import OutcomeTally, add
from proxyapp.models import LATENCY_BOUNDS_MS, LATENCY_COLUMNS, QUOTA_COLUMNS, SEEN_COLUMNS
from proxyapp.provider.llm_tokens import NONE, LlmTokens
from proxyapp.requests.record import RequestRecord
from proxyapp.vocabulary.errors import GatewayError, NoKeyAvailable, ProxyFailed

MINUTE_SECONDS: Final = 60
HOUR_SECONDS: Final = 3600


class AttemptOutcome(StrEnum):
    """How an attempt ended. Every attempt has exactly one."""

    SUCCEEDED = "succeeded"
    RATE_LIMITED = "rate_limited"
    CLIENT_ERROR = "client_errors"
    UPSTREAM_ERROR = "upstream_errors"
    CANCELLED = "cancelled"

    @classmethod
    def of_status(cls, status: int) -> "AttemptOutcome":
        if status < 400:
            return cls.SUCCEEDED
        if status == 429:
            return cls.RATE_LIMITED
        return cls.CLIENT_ERROR if status < 500 else cls.UPSTREAM_ERROR


QUOTA_OUTCOMES: Final = frozenset(map(AttemptOutcome, QUOTA_COLUMNS))


class UsagePlace(NamedTuple):
    """What a count belongs to. `hour`: hours since the epoch."""

    key_id: int
    model: str
    hour: int


@dataclass(slots=True)
class AttemptCounter:
    requests: int = 0
    succeeded: int = 0
    rate_limited: int = 0
    client_errors: int = 0
    upstream_errors: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    tool_use_tokens: int = 0
    cost_micros: int = 0
    unpriced_tokens: int = 0

    def add(self, other: "AttemptCounter") -> None:
        for name in COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def add_llm_tokens(self, used: LlmTokens) -> None:
        self.prompt_tokens += used.prompt
        self.output_tokens += used.output
        self.cached_tokens += used.cached
        self.thought_tokens += used.thoughts
        self.tool_use_tokens += used.tool_use

    def add_cost(self, used: LlmTokens, cost: int | None) -> None:
        """None: there is no price."""
        if cost is None:
            self.unpriced_tokens += used.prompt + used.output
        else:
            self.cost_micros += cost


COLUMNS: Final = tuple(column.name for column in fields(AttemptCounter))
attempt_values: Callable[[AttemptCounter], tuple[int, ...]] = attrgetter(*COLUMNS)


@dataclass(slots=True)
class ClientAnswers:
    """What clients saw.

    `latency`: of the answers with a status below 400, how many fell into which bucket.
    """

    answered: int = 0
    answered_well: int = 0
    no_key: int = 0
    proxy_failed: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * len(LATENCY_COLUMNS))

    def add(self, other: "ClientAnswers") -> None:
        for name in ANSWER_COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency = [
            mine + theirs for mine, theirs in zip(self.latency, other.latency, strict=True)
        ]


ANSWER_COLUMNS: Final = ("answered", "answered_well", "no_key", "proxy_failed")
answer_values: Callable[[ClientAnswers], tuple[int, ...]] = attrgetter(*ANSWER_COLUMNS)
MINUTE_COLUMNS: Final = (*COLUMNS, *ANSWER_COLUMNS, *SEEN_COLUMNS, *LATENCY_COLUMNS)


@dataclass(slots=True)
class Minute:
    """`seen`: what clients saw, in the order of SEEN_COLUMNS."""

    attempts: AttemptCounter = field(default_factory=AttemptCounter)
    answers: ClientAnswers = field(default_factory=ClientAnswers)
    seen: list[int] = field(default_factory=lambda: [0] * len(SEEN_COLUMNS))

    def add(self, other: "Minute") -> None:
        self.attempts.add(other.attempts)
        self.answers.add(other.answers)
        add(self.seen, other.seen)


class UsageTally:
    """The counts since the last flush. Belongs to one thread. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self.counts: dict[UsagePlace, AttemptCounter] = {}
        self.minutes: dict[int, Minute] = {}
        self.last_used: dict[int, float] = {}
        self.clients = ClientTally()
        self.outcomes = OutcomeTally()

    def __bool__(self) -> bool:
        return bool(
            self.counts
            or self.minutes
            or self.last_used
            or self.clients.counts
            or self.clients.last_used
            or self.outcomes.counts
        )

    def count(
        self,
        key_id: int,
        model: str,
        outcome: AttemptOutcome,
        now: float,
        used: LlmTokens = NONE,
        cost: int | None = 0,
    ) -> None:
        """One finished attempt. `cost`: in millionths; None: there is no price."""
        for counts in (self._of_key(key_id, model, now), self._minute(now).attempts):
            counts.requests += 1
            if outcome is AttemptOutcome.SUCCEEDED:
                counts.succeeded += 1
            else:
                setattr(counts, outcome, getattr(counts, outcome) + 1)
            counts.add_llm_tokens(used)
            counts.add_cost(used, cost)
        self.last_used[key_id] = now

    def add_llm_tokens(
        self, key_id: int, model: str, used: LlmTokens, now: float, cost: int | None = 0
    ) -> None:
        """Of an attempt that is counted and goes on."""
        for counts in (self._of_key(key_id, model, now), self._minute(now).attempts):
            counts.add_llm_tokens(used)
            counts.add_cost(used, cost)
        self.last_used[key_id] = now

    def _of_key(self, key_id: int, model: str, now: float) -> AttemptCounter:
        place = key_id, model, int(now) // HOUR_SECONDS
        # As in `OutcomeTally`.
        counter: AttemptCounter | None = self.counts.get(place)  # type: ignore[call-overload]
        if counter is None:
            counter = self.counts[UsagePlace(*place)] = AttemptCounter()
        return counter

    def count_answer(self, status: int, waited_seconds: float, now: float) -> None:
        """An upstream's answer begins to go to the client that waited for it."""
        answers = self._minute(now).answers
        answers.answered += 1
        if status < 400:
            answers.answered_well += 1
            answers.latency[bisect_left(LATENCY_BOUNDS_MS, waited_seconds * 1000)] += 1

    def count_failure(self, error: GatewayError, now: float) -> None:
        """The gateway answers on its own."""
        answers = self._minute(now).answers
        answers.answered += 1
        answers.no_key += isinstance(error, NoKeyAvailable)
        answers.proxy_failed += isinstance(error, ProxyFailed)

    def count_outcome(self, record: RequestRecord, model: str, now: float) -> None:
        """A client's request has ended."""
        number = self.outcomes.count(record, model, int(now) // HOUR_SECONDS)
        self._minute(now).seen[number] += 1

    def _minute(self, now: float) -> Minute:
        number = int(now) // MINUTE_SECONDS
        minute = self.minutes.get(number)
        if minute is None:
            minute = self.minutes[number] = Minute()
        return minute

    def pieces(self, most: int) -> "list[UsageTally]":
        """What adds up to it, with no more than `most` of anything in each; minutes are few."""
        clients = self.clients
        mine = (self.counts, self.last_used, clients.counts, clients.last_used)
        longest = max(len(self.outcomes.counts), *[len(each) for each in mine])
        if longest <= most:
            return [self]
        return [self._piece(start, start + most) for start in range(0, longest, most)]

    def _piece(self, start: int, stop: int) -> "UsageTally":
        piece = UsageTally()
        piece.counts = dict(islice(self.counts.items(), start, stop))
        piece.last_used = dict(islice(self.last_used.items(), start, stop))
        piece.clients = self.clients.piece(start, stop)
        piece.outcomes = self.outcomes.piece(start, stop)
        if start == 0:
            piece.minutes = self.minutes
        return piece

    def merge(self, other: "UsageTally") -> None:
        for place, counts in other.counts.items():
            self.counts.setdefault(place, AttemptCounter()).add(counts)
        for number, minute in other.minutes.items():
            self.minutes.setdefault(number, Minute()).add(minute)
        for key_id, used in other.last_used.items():
            self.last_used[key_id] = max(used, self.last_used.get(key_id, 0.0))
        self.clients.merge(other.clients)
        self.outcomes.merge(other.outcomes)
