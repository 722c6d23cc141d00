"""What the pages of keys tell of them: state, usage, the last day hour by hour, the newest event.

Five queries, however many keys there are.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery, Sum
from django.utils import timezone

from proxyapp.models import ApiKey, HourlyUsage, RateLimitEvent
from proxyapp.operators.key_report import KeyRow, key_report

# A bar of the sparkline each.
HOURS = 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LastDay:
    """`hours`: requests in each, the present one last."""

    hours: tuple[int, ...] = (0,) * HOURS
    requests: int = 0
    succeeded: int = 0


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """At `now`. `event`: the newest one of the key itself."""

    row: KeyRow
    day: LastDay
    event: RateLimitEvent | None
    now: datetime


def facts(key: ApiKey) -> KeyFacts | None:
    """Asked for once where no list has given them. None of a key that was deleted meanwhile."""
    if "facts" not in key.__dict__:
        key.__dict__["facts"] = facts_of([key.pk], timezone.now()).get(key.pk)
    found: KeyFacts | None = key.__dict__["facts"]
    return found


def facts_of(key_ids: Collection[int], now: datetime) -> dict[int, KeyFacts]:
    rows = key_report(ApiKey.objects.filter(pk__in=key_ids), now, finds_unreadable=True)
    days, events = last_days(key_ids, now), newest_events(key_ids)
    return {
        row.id: KeyFacts(row, days.get(row.id, LastDay()), events.get(row.id), now) for row in rows
    }


def last_days(key_ids: Collection[int], now: datetime) -> dict[int, LastDay]:
    """Of those keys that were used."""
    first = first_hour(now)
    usage = HourlyUsage.objects.filter(key__in=key_ids, hour__gte=first, hour__lte=now).order_by()
    sums = usage.values("key_id", "hour").annotate(sent=Sum("requests"), good=Sum("succeeded"))
    hours: defaultdict[int, list[int]] = defaultdict(lambda: [0] * HOURS)
    succeeded: defaultdict[int, int] = defaultdict(int)
    for key_id, hour, sent, good in sums.values_list("key_id", "hour", "sent", "good"):
        hours[key_id][(hour - first) // HOUR] += sent
        succeeded[key_id] += good
    return {
        key_id: LastDay(tuple(counts), sum(counts), succeeded[key_id])
        for key_id, counts in hours.items()
    }


def first_hour(now: datetime) -> datetime:
    """The first of the last 24, the present one included."""
    return now.replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR


def newest_events(key_ids: Collection[int]) -> dict[int, RateLimitEvent]:
    of_key = RateLimitEvent.objects.filter(key=OuterRef("pk")).order_by("-occurred_at").values("pk")
    newest = ApiKey.objects.filter(pk__in=key_ids).order_by().values(newest=Subquery(of_key[:1]))
    events = RateLimitEvent.objects.filter(pk__in=newest).only(
        "key_id", "kind", "model", "occurred_at"
    )
    return {event.key_id: event for event in events}
