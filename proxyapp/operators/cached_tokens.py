"""How much of a group's prompts the provider had in its cache, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncDay

from proxyapp.models import HourlyUsage

DAYS = 7


@dataclass(frozen=True, slots=True)
class CachedDay:
    """LLM tokens of prompts, and which of them were cached; by the day in UTC."""

    day: date
    prompt: int = 0
    cached: int = 0

    @property
    def share(self) -> str:
        return f"{self.cached / self.prompt:.0%}" if self.prompt else "-"


def cached_by_day(group_id: int, now: datetime, days: int = DAYS) -> list[CachedDay]:
    """The newest first; the last one is today's, so far."""
    today = now.astimezone(UTC).date()
    found = {each.day: each for each in _used(group_id, today - timedelta(days=days - 1))}
    dates = (today - timedelta(days=ago) for ago in range(days))
    return [found.get(day, CachedDay(day)) for day in dates]


def _used(group_id: int, since: date) -> Iterator[CachedDay]:
    rows = HourlyUsage.objects.filter(
        key__group_id=group_id, hour__gte=datetime.combine(since, time(), UTC)
    )
    days = rows.annotate(day=TruncDay("hour", tzinfo=UTC)).order_by("day").values("day")
    sums = days.annotate(prompt=Sum("prompt_tokens"), cached=Sum("cached_tokens"))
    for row in sums:
        yield CachedDay(row["day"].date(), int(row["prompt"]), int(row["cached"]))
