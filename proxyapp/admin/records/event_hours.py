"""How many events there were in each of the last 24 hours, for a bar chart above their list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, QuerySet, Value

from proxyapp.models import RateLimitEvent

# One for each bar: a day, as the sparklines of keys.
HOURS = 24
WIDTH, HEIGHT = 10, 40  # in the units of the drawing


@dataclass(frozen=True, slots=True)
class EventBar:
    hour: datetime
    count: int
    x: int
    height: float

    @property
    def y(self) -> float:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Hours:
    bars: Sequence[EventBar]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max(bar.count for bar in self.bars)


def last_hours(now: datetime) -> Hours:
    """The hour that runs is the last. One query, which looks only into the index of the times."""
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(
        hours=HOURS - 1
    )
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    first_count, *others = (_count(number, hour) for number, hour in enumerate(hours))
    counts = dict(first_count.union(*others, all=True))
    most = max([*counts.values(), 1])
    return Hours(
        [_bar(number, hour, counts.get(number, 0), most) for number, hour in enumerate(hours)]
    )


def _count(number: int, hour: datetime) -> QuerySet[RateLimitEvent, tuple[int, int]]:
    events = RateLimitEvent.objects.filter(
        occurred_at__gte=hour, occurred_at__lt=hour + timedelta(hours=1)
    ).order_by()
    return (
        events.values(number=Value(number))
        .annotate(count=Count("pk"))
        .values_list("number", "count")
    )


def _bar(number: int, hour: datetime, count: int, most: int) -> EventBar:
    """One event is still seen beside a thousand."""
    return EventBar(
        hour, count, number * WIDTH, max(round(HEIGHT * count / most, 1), 1.5) if count else 0.0
    )
