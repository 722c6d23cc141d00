"""What keys were used for, summed by the day: hours that have grown old are days."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from proxyapp.models import DailyUsage, HourlyUsage
from proxyapp.operators.usage_ranges import DayRange

DaySums = Iterable[tuple[Any, date, tuple[int, ...]]]


def attempts_by_day(place: str, columns: Sequence[str], days: DayRange, **of: Any) -> DaySums:
    """By `place`, a column; an hour's row and a day's may both tell of a day. `of`: whose rows.

    Rows move from hours to days in one transaction: both are read in one statement.
    """
    start, end = (
        datetime.combine(days.first, time(), UTC),
        datetime.combine(days.last, time.max, UTC),
    )
    hours = HourlyUsage.objects.filter(hour__gte=start, hour__lte=end, **of)
    of_hours = _sums(hours.annotate(on=TruncDate("hour", tzinfo=UTC)), place, "on", columns)
    old = DailyUsage.objects.filter(day__gte=days.first, day__lte=days.last, **of)
    return _found(of_hours.union(_sums(old, place, "day", columns), all=True))


def sums_by_day(rows: QuerySet[Any], place: str, columns: Sequence[str]) -> DaySums:
    """Of a table of days."""
    return _found(_sums(rows, place, "day", columns))


def _sums(rows: QuerySet[Any], place: str, day: str, columns: Sequence[str]) -> Any:
    sums = {f"sum_{name}": Sum(name) for name in columns}
    return rows.order_by().values(place, day).annotate(**sums).values_list(place, day, *sums)


def _found(rows: Iterable[Sequence[Any]]) -> DaySums:
    for value, day, *counts in rows:
        yield value, day, tuple(map(int, counts))
