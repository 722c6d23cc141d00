"""Which client tokens have spent most of a budget."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from proxyapp.access.budgets import cost_of_day, cost_of_month
from proxyapp.models import ClientToken
from proxyapp.operators.attention import Item, item
from proxyapp.operators.token_standing import MOST, tokens_in
from proxyapp.vocabulary.money import amount_text, currency, rounded_text

BY_DAY, BY_MONTH = "day", "month"
TEXTS = {
    BY_DAY: _("Client token %(token)s has spent %(spent)s of its %(budget)s a day."),
    BY_MONTH: _("Client token %(token)s has spent %(spent)s of its %(budget)s a month."),
}
# Of its budget.
NEARLY_SPENT = 0.8


def near_budgets(now: datetime) -> Iterator[Item]:
    """Three queries; one where no token has a budget."""
    budgeted = ClientToken.objects.exclude(Q(cost_per_day=None) & Q(cost_per_month=None))
    tokens = list(tokens_in(budgeted, "active", now).order_by("pk"))
    if not tokens:
        return
    ids = [token.pk for token in tokens]
    days, months = cost_of_day(ids, now), cost_of_month(ids, now)
    found = 0
    for token in tokens:
        for budget, spent, period in (
            (token.cost_per_day, days.get(token.pk, 0), BY_DAY),
            (token.cost_per_month, months.get(token.pk, 0), BY_MONTH),
        ):
            if budget and spent >= NEARLY_SPENT * budget and found < MOST:
                found += 1
                yield _item(token, budget, spent, period)


def _item(token: ClientToken, budget: int, spent: int, period: str) -> Item:
    text = TEXTS[period] % {
        "token": token.name,
        "spent": rounded_text(spent),
        "budget": f"{amount_text(budget)} {currency()}",
    }
    url = reverse("admin:proxyapp_clienttoken_change", args=[token.pk])
    return item("warning", text, f"{url}#{period}")
