"""In which currency amounts are kept: a setting says it, and the database since when.

Amounts that are there stay as they are when it changes. Whoever adds them up over the change says
so.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from proxyapp.costs.terms import ONE
from proxyapp.models import CurrencyChange, DailyUsage, HourlyUsage, TokenUsage
from proxyapp.vocabulary.kept_settings import kept
from proxyapp.vocabulary.money import CURRENCY, currency

logger = logging.getLogger(__name__)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def rate_of(given: str) -> Decimal | None:
    """What one unit of a currency is in the gateway's. None: nobody has said."""
    if given == currency():
        return ONE
    rate: str = kept.CURRENCY_RATE
    return Decimal(rate) if rate and given == CURRENCY else None


class Change(NamedTuple):
    """`day`: of UTC; its amounts may be in either."""

    day: date
    before: str
    after: str


class Currencies(NamedTuple):
    """Of some days: in the order in which they were used, and the changes in between."""

    names: tuple[str, ...] = (CURRENCY,)
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.names)

    @property
    def column(self) -> str:
        """The head of amounts in a table for programs."""
        return "_".join(("cost", *self.names)).lower()

    def on(self, day: date) -> str:
        """Of one that is not before these."""
        return ", ".join(self._used_on(day))

    def since(self, day: date) -> str:
        """From one on that is not before these."""
        later = [change.after for change in self.changes if change.day > day]
        return ", ".join(dict.fromkeys([*self._used_on(day), *later]))

    def _used_on(self, day: date) -> list[str]:
        used = [self.names[0]]
        for change in self.changes:
            if change.day == day:
                used += change.before, change.after
            elif change.day < day:
                used = [change.after]
        return list(dict.fromkeys(used))


def currencies_of(first: date, last: date) -> Currencies:
    return _between(_steps(), first, last)


def currency_at(moment: datetime) -> str:
    """Of an amount that was counted then."""
    earlier = CurrencyChange.objects.filter(at__lte=moment).order_by("-at")
    return earlier.values_list("currency", flat=True).first() or CURRENCY


def note_currency(now: datetime) -> Currencies:
    """Writes down that amounts are in another currency from now on, if they are; what today's are
    in. Where nothing has cost anything yet there is nothing to tell apart.
    """
    today = now.astimezone(UTC).date()
    _forget_to_come(today)
    _, present = _steps()[-1]
    if present == currency():
        return currencies_of(today, today)
    if _last_day_with_amounts() is not None:
        _begin(now)
        logger.warning(
            "Amounts of money are in %s from now on, by CURRENCY. Those before stay as they are, in"
            " %s; budgets of client tokens keep their numbers.",
            currency(),
            present,
        )
    else:
        CurrencyChange.objects.all().delete()
        _begin(BEGINNING)
    return currencies_of(today, today)


def _forget_to_come(today: date) -> None:
    """A clock that was ahead has dated a change after which nothing has cost anything."""
    since, _ = _steps()[-1]
    if since > today:
        last = max(today, _last_day_with_amounts() or today)
        CurrencyChange.objects.filter(day__gt=last).delete()


def _begin(at: datetime) -> None:
    """Behind the change before it, whose day may be the same."""
    if (newest := CurrencyChange.objects.order_by("-at").first()) is not None:
        at = max(at, newest.at + timedelta(microseconds=1))
    day = at.astimezone(UTC).date()
    CurrencyChange.objects.update_or_create(currency=currency(), day=day, defaults={"at": at})


def _last_day_with_amounts() -> date | None:
    days = [
        table.objects.filter(cost_micros__gt=0).order_by("-day").values_list("day", flat=True)
        for table in (TokenUsage, DailyUsage)
    ]
    hours = HourlyUsage.objects.filter(cost_micros__gt=0).order_by("-hour")
    hour = hours.values_list("hour", flat=True).first()
    found = [*(each.first() for each in days), hour and hour.astimezone(UTC).date()]
    return max(filter(None, found), default=None)


def _steps() -> Sequence[tuple[date, str]]:
    rows = CurrencyChange.objects.order_by("at", "pk").values_list("day", "currency")
    return [(date.min, CURRENCY), *rows]


def _between(steps: Sequence[tuple[date, str]], first: date, last: date) -> Currencies:
    names = [name for name, since, until in _times(steps) if since <= last and until >= first]
    changes = [
        Change(day, before, after)
        for (_, before), (day, after) in pairwise(steps)
        if first <= day <= last and before != after
    ]
    return Currencies(tuple(dict.fromkeys(names)), tuple(changes))


def _times(steps: Sequence[tuple[date, str]]) -> Iterator[tuple[str, date, date]]:
    """Each with its first and its last day."""
    for (since, name), (until, _) in pairwise([*steps, (date.max, "")]):
        yield name, since, until
