"""What client tokens may cost a day and a month: their budgets, and what they have spent."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.db.models import Subquery, Sum, Value
from django.db.models.functions import Coalesce

from proxyapp.access.periods import Period
from proxyapp.models import ClientToken, CurrencyChange, TokenUsage
from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.money import amount_text, currency, rounded_text
from proxyapp.vocabulary.times import countdown, utc_second

# In millionths.
BUDGETS = ("cost_per_day", "cost_per_month")


def cost_of_day(token_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """What all processes have written down of the day in UTC, in millionths."""
    return _cost_since(now.astimezone(UTC).date(), token_ids)


def cost_of_month(token_ids: Sequence[int], now: datetime) -> dict[int, int]:
    return _cost_since(now.astimezone(UTC).date().replace(day=1), token_ids)


def _cost_since(day: date, token_ids: Sequence[int]) -> dict[int, int]:
    """Without the days before the currency changed: those amounts are in another."""
    changed = CurrencyChange.objects.order_by("-at").values("day")[:1]
    present = Coalesce(Subquery(changed), Value(date.min))
    rows = TokenUsage.objects.filter(day__gte=day, token__in=token_ids).order_by()
    rows = rows.filter(day__gte=present)
    sums = rows.values("token_id").annotate(spent=Sum("cost_micros"))
    return {token_id: int(spent) for token_id, spent in sums.values_list("token_id", "spent")}


def budget_texts(token: ClientToken) -> list[tuple[str, str]]:
    """`("budget a day", "5.00 USD")`, those that it has."""
    amounts = (
        (gettext_noop("budget a day"), token.cost_per_day),
        (gettext_noop("budget a month"), token.cost_per_month),
    )
    return [(name, f"{amount_text(micros)} {currency()}") for name, micros in amounts if micros]


def budget_spent(budget: int, spent: int, period: Period, now: float) -> LimitReached:
    ends_at = period.end_of(period.number_at(now))
    back = datetime.fromtimestamp(ends_at, UTC)
    return LimitReached(
        f"The budget of this client token, {amount_text(budget)} {currency()} a {period.name}, is"
        f" spent ({rounded_text(spent)}). It is let in again at {utc_second(back)}, in"
        f" {countdown(back, datetime.fromtimestamp(now, UTC))}.",
        retry_after=max(1, math.ceil(ends_at - now)),
        is_worth_trying=False,
    )
