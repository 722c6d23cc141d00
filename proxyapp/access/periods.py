"""Days and months in UTC, numbered; each client token has what it may use of one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from proxyapp.vocabulary.durations import DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Period:
    """`number_at`: of the one in which a moment is, in seconds since the epoch; later ones have
    higher numbers. `end_of`: when the one with that number ends.
    """

    name: str
    number_at: Callable[[float], int]
    end_of: Callable[[int], float]


def day_at(now: float) -> int:
    return int(now) // DAY_SECONDS


def month_at(now: float) -> int:
    moment = datetime.fromtimestamp(int(now), UTC)
    return moment.year * 12 + moment.month - 1


def first_day_of_month(now: float) -> int:
    """Days since the epoch."""
    return int(_start_of_month(month_at(now)).timestamp()) // DAY_SECONDS


def _start_of_month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


DAY = Period("day", day_at, lambda number: (number + 1.0) * DAY_SECONDS)
MONTH = Period("month", month_at, lambda number: _start_of_month(number + 1).timestamp())
