"""Counts of the last hour or day that begin anew by themselves: in front of each stands its time.

A row of each key with these is small and soon read, where the hours of a day of 50,000 keys are a
million rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Case, F, Value, When
from django.db.models.expressions import Combinable

from proxyapp.ledger.many_rows import STAMP_LIMIT
from proxyapp.ledger.usage import HOUR_SECONDS

HOURS = 24
HOUR_COLUMNS = tuple(f"hour_{number}" for number in range(HOURS))
DAY_COLUMNS = ("day_requests", "day_rate_limited")


def base(number: int) -> int:
    """The least value that counts for the hour or day of this number."""
    return number * STAMP_LIMIT


def hour_column(hour: int) -> str:
    return HOUR_COLUMNS[hour % HOURS]


def hour_number(moment: datetime) -> int:
    """Hours since the epoch."""
    return int(moment.timestamp()) // HOUR_SECONDS


def day_number(moment: datetime) -> int:
    """Days of UTC since the epoch."""
    return hour_number(moment.astimezone(UTC)) // HOURS


def last_hours(moment: datetime) -> Sequence[int]:
    """The hour that runs is the last."""
    last = hour_number(moment)
    return range(last - HOURS + 1, last + 1)


def count_of(column: str, number: int) -> Combinable:
    """What the column counted in the hour or day of this number."""
    low = base(number)
    is_of_it = {f"{column}__range": (low, base(number + 1) - 1)}
    return Case(When(**is_of_it, then=F(column) - Value(low)), default=Value(0))


def last_day(prefix: str, moment: datetime) -> Combinable:
    """The requests of the last 24 hours."""
    first, *others = (count_of(f"{prefix}{hour_column(hour)}", hour) for hour in last_hours(moment))
    for other in others:
        first += other
    return first


def counted(value: int, number: int) -> int:
    """As `count_of`, of a value."""
    return value - base(number) if base(number) <= value < base(number + 1) else 0
