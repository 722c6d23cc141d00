"""From which day to which a report of usage goes. Days are UTC's, as usage is kept."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.utils.translation import gettext as _

from proxyapp.vocabulary.marks import gettext_noop

# By the name that a page's address has.
RANGES = {
    "today": gettext_noop("Today"),
    "yesterday": gettext_noop("Yesterday"),
    "7d": gettext_noop("Last 7 days"),
    "30d": gettext_noop("Last 30 days"),
    "month": gettext_noop("This month"),
    "last-month": gettext_noop("Last month"),
}
DEFAULT_RANGE = "month"
# As long as a year and the day before it: each is a bar of the chart.
MOST_DAYS = 367


class DayRange(NamedTuple):
    """Both days are in it."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(ago) for ago in range((self.last - self.first).days + 1)]

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return _("%(first)s to %(last)s") % {"first": self.first, "last": self.last}


def named_range(name: str, now: datetime) -> DayRange:
    """An unknown name is the default's."""
    today = now.astimezone(UTC).date()
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    ranges = {
        "today": DayRange(today, today),
        "yesterday": DayRange(today - timedelta(days=1), today - timedelta(days=1)),
        "7d": DayRange(today - timedelta(days=6), today),
        "30d": DayRange(today - timedelta(days=29), today),
        "month": DayRange(month, today),
        "last-month": DayRange(before.replace(day=1), before),
    }
    return ranges.get(name, ranges[DEFAULT_RANGE])


def chosen_range(first: date | None, last: date | None, now: datetime) -> DayRange:
    """What is not said: from the last day's month on, until today. Raises ValueError."""
    today = now.astimezone(UTC).date()
    until = today if last is None else last
    since = until.replace(day=1) if first is None else first
    if since > until:
        raise ValueError(_("%(since)s is after %(until)s") % {"since": since, "until": until})
    if (until - since).days >= MOST_DAYS:
        given = {"since": since, "until": until, "most": MOST_DAYS}
        raise ValueError(_("%(since)s to %(until)s is more than %(most)d days") % given)
    return DayRange(since, until)
