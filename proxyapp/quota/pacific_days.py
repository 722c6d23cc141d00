"""Google's days, which begin at midnight Pacific."""

from datetime import UTC, datetime, time

from proxyapp.provider.reset_times import PACIFIC, next_reset

MIDNIGHT = time()


class _Day:
    """The one that was asked for last: nearly always the one that is asked for."""

    def __init__(self) -> None:
        self.number = 0
        self.starts_at = 0.0
        self.ends_at = 0.0

    def at(self, now: float) -> "_Day":
        if not self.starts_at <= now < self.ends_at:
            moment = datetime.fromtimestamp(now, UTC)
            date = moment.astimezone(PACIFIC).date()
            self.number = date.toordinal()
            self.starts_at = datetime.combine(date, MIDNIGHT, tzinfo=PACIFIC).timestamp()
            self.ends_at = next_reset(moment, at=MIDNIGHT, zone=PACIFIC).timestamp()
        return self


_day = _Day()


def day_of(now: float) -> int:
    """A number of its own for each day."""
    return _day.at(now).number


def day_starts_at(now: float) -> float:
    return _day.at(now).starts_at


def day_ends_at(now: float) -> float:
    return _day.at(now).ends_at
