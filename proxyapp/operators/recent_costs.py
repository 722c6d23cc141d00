"""What keys cost today and this month in UTC, from the rows that the page of usage adds up."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from proxyapp.costs.currencies import Currencies, currencies_of
from proxyapp.models import ApiKey
from proxyapp.operators.attempt_days import attempts_by_day
from proxyapp.operators.usage_ranges import named_range
from proxyapp.operators.usage_report import UsageCounts

COLUMNS = ("cost_micros", "unpriced_tokens")


class RecentCosts(NamedTuple):
    """`currencies`: of the month, in the order in which they were used."""

    today: UsageCounts
    month: UsageCounts
    currencies: Currencies


def costs_of_key(key_id: int, now: datetime) -> RecentCosts:
    return _costs(now, key=key_id)


def costs_of_project(name: str, now: datetime) -> RecentCosts:
    """Of the keys that have its label now, as in a report by project."""
    return _costs(now, key__in=ApiKey.objects.filter(project=name).order_by().values("pk"))


def _costs(now: datetime, **of: Any) -> RecentCosts:
    """Two queries."""
    today, days = now.astimezone(UTC).date(), named_range("month", now)
    spent = RecentCosts(UsageCounts(), UsageCounts(), currencies_of(days.first, today))
    for _, day, (cost, unpriced) in attempts_by_day("key_id", COLUMNS, days, **of):
        counts = UsageCounts(cost_micros=cost, unpriced_tokens=unpriced)
        of_today = spent.today.plus(counts) if day == today else spent.today
        spent = spent._replace(today=of_today, month=spent.month.plus(counts))
    return spent
