"""When a daily quota is full again."""

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings

PACIFIC = ZoneInfo("America/Los_Angeles")  # where Google's days begin


def next_reset(now: datetime, *, at: time, zone: tzinfo) -> datetime:
    """The first instant after `now` (aware) at which clocks in `zone` show `at`; exactly `at` means
    tomorrow.

    Where the clocks jump over `at`, the reset is when they have jumped; where they show it twice,
    the first time.
    """
    today = now.astimezone(zone).date()
    for day in (today, today + timedelta(days=1)):
        reset = _reset_of(day, at, zone, now.tzinfo)
        if reset > now:
            return reset
    return _reset_of(today + timedelta(days=2), at, zone, now.tzinfo)


@lru_cache(maxsize=32)
def _reset_of(day: date, at: time, zone: tzinfo, shown_in: tzinfo | None) -> datetime:
    """Each 429 of a day asks for the same one or two."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(shown_in)


def next_daily_reset(now: datetime) -> datetime:
    """By RATE_LIMIT_RESET_TIME and RATE_LIMIT_RESET_TZ."""
    at = time.fromisoformat(settings.RATE_LIMIT_RESET_TIME)
    return next_reset(now, at=at, zone=ZoneInfo(settings.RATE_LIMIT_RESET_TZ))
