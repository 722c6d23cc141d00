"""What was used in a range of days, by whom or by what, and what it cost.

Attempts at upstreams count by key, and so by project, group and model; requests of clients, each
once however many keys it took, by client token. Hours that have grown old are days.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from proxyapp.costs.currencies import Currencies, currencies_of
from proxyapp.models import ApiKey, ClientToken, RemovedKey, TokenUsage
from proxyapp.operators.attempt_days import DaySums, attempts_by_day, sums_by_day
from proxyapp.operators.usage_ranges import DayRange


class UsageCounts(NamedTuple):
    """Its names are the tables' columns."""

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
    currencies: Currencies


Labels = Callable[[set[Any]], Mapping[Any, str]]


def usage_report(by: str, days: DayRange) -> UsageReport:
    """`by`: one of BY."""
    place, labels_of = BY[by]
    found = list(_found(by, place, days))
    names = labels_of({value for value, _, _ in found})
    rows: defaultdict[tuple[str, int], UsageCounts] = defaultdict(UsageCounts)
    of_day: defaultdict[date, UsageCounts] = defaultdict(UsageCounts)
    total = UsageCounts()
    for value, day, sums in found:
        counts = UsageCounts(*sums)
        row = names[value], value if by == "key" else 0  # keys may look the same
        rows[row] = rows[row].plus(counts)
        of_day[day] = of_day[day].plus(counts)
        total = total.plus(counts)
    told = [UsageRow(label, counts) for (label, _), counts in rows.items()]
    return UsageReport(
        by,
        days,
        sorted(told, key=lambda row: (-row.counts.cost_micros, -row.counts.requests, row.label)),
        [(day, of_day[day]) for day in days.days],
        total,
        currencies_of(days.first, days.last),
    )


def _found(by: str, place: str, days: DayRange) -> DaySums:
    if by != "client":
        return attempts_by_day(place, UsageCounts._fields, days)
    rows = TokenUsage.objects.filter(day__gte=days.first, day__lte=days.last)
    return sums_by_day(rows, place, UsageCounts._fields)


def _keys(key_ids: set[int]) -> Mapping[int, str]:
    names = _removed(key_ids)
    keys = ApiKey.objects.filter(pk__in=key_ids) if len(key_ids) < 500 else ApiKey.objects.all()
    return names | {key.pk: str(key) for key in keys.only("name", "masked")}


def _removed(key_ids: set[int]) -> dict[int, str]:
    gone = {row.key_id: str(row) for row in RemovedKey.objects.all()}
    return {pk: gone.get(pk) or _("key %(id)d, removed") % {"id": pk} for pk in key_ids}


def _projects(key_ids: set[int]) -> Mapping[int, str]:
    labels = dict(ApiKey.objects.values_list("pk", "project"))
    nameless, gone = _("no project"), _("removed keys")
    return {pk: labels[pk] or nameless if pk in labels else gone for pk in key_ids}


def _groups(key_ids: set[int]) -> Mapping[int, str]:
    names = dict(RemovedKey.objects.values_list("key_id", "group"))
    names |= dict(ApiKey.objects.values_list("pk", "group__name"))
    gone = _("removed keys")
    return {pk: names.get(pk, gone) for pk in key_ids}


def _models(names: set[str]) -> Mapping[str, str]:
    nameless = _("no model")
    return {name: name or nameless for name in names}


def _clients(token_ids: set[int]) -> Mapping[int, str]:
    names = dict(ClientToken.objects.filter(pk__in=token_ids).values_list("pk", "name"))
    gone = _("deleted clients")
    return {pk: names.get(pk, gone) for pk in token_ids}


# What the rows stand for: the column that says it, and what to call its values.
BY: dict[str, tuple[str, Labels]] = {
    "model": ("model", _models),
    "client": ("token_id", _clients),
    "project": ("key_id", _projects),
    "group": ("key_id", _groups),
    "key": ("key_id", _keys),
}
