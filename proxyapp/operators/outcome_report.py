"""What clients saw, split by model, client or group, and how long a model's answers took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from proxyapp.ledger.outcomes import TIME_COLUMNS
from proxyapp.models import (
    FIRST_COLUMNS,
    SEEN_COLUMNS,
    AnswerTimes,
    ClientToken,
    OutcomeHour,
)
from proxyapp.operators.minutes import percentile
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.times import iso_utc

OUTCOMES = tuple(ClientOutcome)
# Lines of a table; the others are added up in one.
MOST_ROWS = 50
OTHER = gettext_noop("other")
NONE = {
    "model": gettext_noop("no model"),
    "client": gettext_noop("no token"),
    "group": gettext_noop("no group"),
}
# Hours that are read for a period: those that are counted by the hour begin with a full one.
HOURS = {"1h": 2, "24h": 24, "7d": 7 * 24}


class Split(StrEnum):
    MODEL = "model"
    CLIENT = "client"
    GROUP = "group"

    @property
    def column(self) -> str:
        return {Split.CLIENT: "token_id", Split.GROUP: "group_name"}.get(self, "model")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds; None: there was no good answer."""

    p50: float | None
    p95: float | None

    @classmethod
    def of(cls, buckets: Sequence[int]) -> "Quantiles":
        return cls(percentile(buckets, 0.5), percentile(buckets, 0.95))

    def as_json(self) -> dict[str, float | None]:
        return {
            name: None if value is None else round(value)
            for name, value in (("p50", self.p50), ("p95", self.p95))
        }


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """`token_id`: of a client that has one. `first`, `whole`: of a model."""

    name: str
    counts: tuple[int, ...]
    token_id: int | None = None
    first: Quantiles | None = None
    whole: Quantiles | None = None

    @property
    def total(self) -> int:
        return sum(self.counts)

    def as_json(self) -> dict[str, Any]:
        times = {"first": self.first, "whole": self.whole}
        return (
            {"name": self.name, "token_id": self.token_id, "requests": self.total}
            | {outcome.value: count for outcome, count in zip(OUTCOMES, self.counts, strict=True)}
            | {f"{name}_ms": each.as_json() for name, each in times.items() if each is not None}
        )


def since_of(period: str, now: datetime) -> datetime:
    """The start of an hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=HOURS[period] - 1)


def outcome_report(split: Split, since: datetime) -> list[OutcomeRow]:
    """The largest first."""
    sums = {name: Sum(name) for name in SEEN_COLUMNS}
    rows = OutcomeHour.objects.filter(hour__gte=since).order_by().values(split.column)
    found = rows.annotate(**sums).values_list(split.column, *SEEN_COLUMNS)
    counts = {place: tuple(map(int, numbers)) for place, *numbers in found}
    ordered = sorted(counts, key=lambda place: (-sum(counts[place]), str(place)))
    shown, rest = ordered[:MOST_ROWS], ordered[MOST_ROWS:]
    names = _client_names(shown) if split is Split.CLIENT else {}
    times = _times(since) if split is Split.MODEL else {}
    report = [
        OutcomeRow(
            names.get(place) or (str(place) if place else _(NONE[split])),
            counts[place],
            place if place in names else None,
            *times.get(place, ()),
        )
        for place in shown
    ]
    return (
        [*report, OutcomeRow(_(OTHER), _sum(counts[place] for place in rest))] if rest else report
    )


def outcomes_json(split: Split, period: str, now: datetime) -> dict[str, Any]:
    since = since_of(period, now)
    rows = [row.as_json() for row in outcome_report(split, since)]
    return {"by": split.value, "since": iso_utc(since), "rows": rows}


def _client_names(ids: Iterable[int]) -> Mapping[int, str]:
    """Of tokens that are gone the number is left."""
    return dict(ClientToken.objects.filter(pk__in=list(ids)).values_list("pk", "name"))


def _times(since: datetime) -> dict[str, tuple[Quantiles, Quantiles]]:
    sums = {name: Sum(name) for name in TIME_COLUMNS}
    rows = AnswerTimes.objects.filter(hour__gte=since).order_by().values("model").annotate(**sums)
    first = len(FIRST_COLUMNS)
    return {
        model: (Quantiles.of(numbers[:first]), Quantiles.of(numbers[first:]))
        for model, *numbers in rows.values_list("model", *TIME_COLUMNS)
    }


def _sum(counts: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*counts, strict=True)))
