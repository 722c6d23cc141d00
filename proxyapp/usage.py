"""Counting what keys are used for: in memory by key, model and hour, added to the database in one statement a row."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import connection, transaction

from proxyapp.models import ApiKey, HourlyUsage

HOUR_SECONDS = 3600


class Outcome(StrEnum):
    """How an attempt ended. Every attempt has exactly one."""

    SUCCEEDED = "succeeded"
    RATE_LIMITED = "rate_limited"
    CLIENT_ERROR = "client_errors"
    UPSTREAM_ERROR = "upstream_errors"
    CANCELLED = "cancelled"

    @classmethod
    def of_status(cls, status: int) -> "Outcome":
        if status < 400:
            return cls.SUCCEEDED
        if status == 429:
            return cls.RATE_LIMITED
        return cls.CLIENT_ERROR if status < 500 else cls.UPSTREAM_ERROR


class Place(NamedTuple):
    """What a count belongs to. `hour`: hours since the epoch."""

    key_id: int
    model: str
    hour: int


@dataclass(slots=True)
class Counts:
    requests: int = 0
    succeeded: int = 0
    rate_limited: int = 0
    client_errors: int = 0
    upstream_errors: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: "Counts") -> None:
        for name in COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


COLUMNS = tuple(field.name for field in fields(Counts))


class Tally:
    """The counts since the last flush. Belongs to one thread."""

    def __init__(self) -> None:
        self.counts: dict[Place, Counts] = {}
        self.last_used: dict[int, float] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def count(
        self, key_id: int, model: str, outcome: Outcome, now: float, *, prompt_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        """One finished attempt; `now` in seconds since the epoch."""
        place = Place(key_id, model, int(now) // HOUR_SECONDS)
        counts = self.counts.get(place)
        if counts is None:
            counts = self.counts[place] = Counts()
        counts.requests += 1
        setattr(counts, outcome, getattr(counts, outcome) + 1)
        counts.prompt_tokens += prompt_tokens
        counts.output_tokens += output_tokens
        self.last_used[key_id] = now

    def merge(self, other: "Tally") -> None:
        for place, counts in other.counts.items():
            self.counts.setdefault(place, Counts()).add(counts)
        for key_id, used in other.last_used.items():
            self.last_used[key_id] = max(used, self.last_used.get(key_id, 0.0))


def write_usage(tally: Tally) -> None:
    """Adds the counts to the rows of their hours, in one transaction; keys that are gone are skipped."""
    with transaction.atomic():
        known = set(ApiKey.objects.filter(pk__in=list(tally.last_used)).values_list("pk", flat=True))
        _add_counts({place: counts for place, counts in tally.counts.items() if place.key_id in known})
        for key_id, used in tally.last_used.items():
            ApiKey.objects.filter(pk=key_id).update(last_used_at=datetime.fromtimestamp(used, UTC))


def _add_counts(counts: Mapping[Place, Counts]) -> None:
    table = connection.ops.quote_name(HourlyUsage._meta.db_table)
    sums = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in COLUMNS)
    names = ", ".join(("key_id", "model", "hour", *COLUMNS))
    marks = ", ".join(["%s"] * (3 + len(COLUMNS)))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (key_id, hour, model) DO UPDATE SET {sums}"  # noqa: S608 (no outside value)
    rows = [_row(place, count) for place, count in sorted(counts.items())]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _row(place: Place, counts: Counts) -> list[str | int]:
    hour = datetime.fromtimestamp(place.hour * HOUR_SECONDS, UTC)
    values = [getattr(counts, column) for column in COLUMNS]
    return [place.key_id, place.model, str(connection.ops.adapt_datetimefield_value(hour)), *values]
