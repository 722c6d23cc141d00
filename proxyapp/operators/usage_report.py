"""What was used in a range of days, by whom or by what, and what it cost.

Attempts at upstreams count by key, and so by project, group and model; requests of clients, each
once however many keys it took, by client token. Hours that have grown old are days.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from proxyapp.models import ApiKey, ClientToken, DailyUsage, HourlyUsage, RemovedKey, TokenUsage
from proxyapp.operators.usage_ranges import DayRange

KEY_COLUMNS = ("requests", "succeeded", "prompt_tokens", "output_tokens")
COST_COLUMNS = ("cost_micros", "unpriced_tokens")
COLUMNS = (*KEY_COLUMNS, *COST_COLUMNS)
NO_LABEL = "none"


class UsageCounts(NamedTuple):
    """In the order of COLUMNS."""

    requests: int = 0
    succeeded: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    unpriced_tokens: int = 0

    def plus(self, other: "UsageCounts") -> "UsageCounts":
        return UsageCounts(*map(int.__add__, self, other))


class UsageRow(NamedTuple):
    label: str
    counts: UsageCounts


@dataclass(frozen=True, slots=True)
class UsageReport:
    """`rows`: what cost most first, then what was used most. `days`: every one."""

    by: str
    range: DayRange
    rows: list[UsageRow]
    days: list[tuple[date, UsageCounts]]
    total: UsageCounts


Found = Iterable[tuple[Any, date, UsageCounts]]
Labels = Callable[[set[Any]], Mapping[Any, str]]


def usage_report(by: str, days: DayRange) -> UsageReport:
    """`by`: one of BY."""
    place, labels_of = BY[by]
    found = list(_of_clients(place, days) if by == "client" else _of_keys(place, days))
    labels = labels_of({value for value, _, _ in found})
    rows: defaultdict[str, UsageCounts] = defaultdict(UsageCounts)
    of_day: defaultdict[date, UsageCounts] = defaultdict(UsageCounts)
    total = UsageCounts()
    for value, day, counts in found:
        label = labels[value]
        rows[label] = rows[label].plus(counts)
        of_day[day] = of_day[day].plus(counts)
        total = total.plus(counts)
    ordered = sorted(rows.items(), key=lambda row: (-row[1].cost_micros, -row[1].requests, row[0]))
    return UsageReport(
        by,
        days,
        [UsageRow(*row) for row in ordered],
        [(day, of_day[day]) for day in days.days],
        total,
    )


def _of_keys(place: str, days: DayRange) -> Found:
    """Rows move from hours to days in one transaction: both are read in one statement."""
    start = datetime.combine(days.first, time(), UTC)
    end = datetime.combine(days.last + timedelta(days=1), time(), UTC)
    hours = HourlyUsage.objects.filter(hour__gte=start, hour__lt=end)
    of_hours = _sums(hours.annotate(on=TruncDate("hour", tzinfo=UTC)), place)
    old = DailyUsage.objects.filter(day__gte=days.first, day__lte=days.last)
    for value, on, *counts in of_hours.union(_sums(old, place, "day"), all=True):
        yield value, on, UsageCounts(*map(int, counts))


def _of_clients(place: str, days: DayRange) -> Found:
    rows = TokenUsage.objects.filter(day__gte=days.first, day__lte=days.last)
    for value, on, *counts in _sums(rows, place, "day"):
        yield value, on, UsageCounts(*map(int, counts))


def _sums(rows: QuerySet[Any], place: str, day: str = "on") -> Any:
    sums = {f"sum_{name}": Sum(name) for name in COLUMNS}
    return rows.order_by().values(place, day).annotate(**sums).values_list(place, day, *sums)


def _keys(key_ids: set[int]) -> Mapping[int, str]:
    names = _removed(key_ids)
    keys = ApiKey.objects.filter(pk__in=key_ids) if len(key_ids) < 500 else ApiKey.objects.all()
    return names | {key.pk: str(key) for key in keys.only("name", "masked")}


def _removed(key_ids: set[int]) -> dict[int, str]:
    gone = {row.key_id: str(row) for row in RemovedKey.objects.all()}
    return {pk: gone.get(pk, f"key {pk}, removed") for pk in key_ids}


def _projects(key_ids: set[int]) -> Mapping[int, str]:
    labels = dict(ApiKey.objects.values_list("pk", "project"))
    return {pk: labels[pk] or "no project" if pk in labels else "removed keys" for pk in key_ids}


def _groups(key_ids: set[int]) -> Mapping[int, str]:
    names = dict(RemovedKey.objects.values_list("key_id", "group"))
    names |= dict(ApiKey.objects.values_list("pk", "group__name"))
    return {pk: names.get(pk, "removed keys") for pk in key_ids}


def _models(names: set[str]) -> Mapping[str, str]:
    return {name: name or "no model" for name in names}


def _clients(token_ids: set[int]) -> Mapping[int, str]:
    return dict(ClientToken.objects.filter(pk__in=token_ids).values_list("pk", "name"))


# What the rows stand for: the column that says it, and what to call its values.
BY: dict[str, tuple[str, Labels]] = {
    "model": ("model", _models),
    "client": ("token_id", _clients),
    "project": ("key_id", _projects),
    "group": ("key_id", _groups),
    "key": ("key_id", _keys),
}
