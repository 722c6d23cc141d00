"""Client tokens that have spent most of a budget."""

from datetime import UTC, date, datetime

import pytest

from proxyapp.operators.budget_attention import near_budgets
from tests.support.client_tokens import add_token, use_token

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def test_from_80_percent_of_a_day_or_a_month_on() -> None:
    of_day = add_token("day", cost_per_day=10_000_000)
    of_month = add_token("month", cost_per_month=20_000_000)
    below = add_token("below", cost_per_day=10_000_001, cost_per_month=90_000_000)
    none = add_token("none")
    for each in (of_day, of_month, below, none):
        for day, spent in ((date(2026, 11, 30), 8_000_000), (date(2026, 11, 3), 8_000_000)):
            use_token(each, day, cost_micros=spent)

    assert [found["text"] for found in near_budgets(NOW)] == [
        "Client token day has spent 8.00 of its 10.00 USD a day.",
        "Client token month has spent 16.00 of its 20.00 USD a month.",
    ]
    assert {found["level"] for found in near_budgets(NOW)} == {"warning"}
