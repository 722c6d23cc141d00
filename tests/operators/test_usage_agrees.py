"""What the report of usage says of today, and what the dashboard does, is one truth."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.ledger.usage import AttemptOutcome, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ClientToken
from proxyapp.operators.charts import SERIES
from proxyapp.operators.dashboard import snapshot
from proxyapp.operators.usage_ranges import named_range
from proxyapp.operators.usage_report import BY, UsageReport, usage_report
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.vocabulary.money import CURRENCY, rounded_text
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=23, minutes=59, seconds=59)
# Of yesterday's end, and of today from its first second to its last.
AT = (-86_399, -1, 0, 59, 3_599, 3_600, 40_000, 86_399)


@pytest.fixture
def used() -> None:
    """Two keys, of which one is free and one has an answer without a price, and a client."""
    group = add_group("main")
    keys = [add_key(group, name, project=name).pk for name in ("one", "two")]
    token = ClientToken.objects.create(name="app", token_hash="0" * 64).pk
    tally = UsageTally()
    for number, seconds in enumerate(AT):
        at, llm_tokens = MIDNIGHT.timestamp() + seconds, LlmTokens(1000 + number, 10, 5, 2)
        cost = None if number == 5 else 1_230_000 + number
        tally.count(keys[0], "pro", AttemptOutcome.SUCCEEDED, at, llm_tokens, cost)
        tally.count(keys[1], "flash", AttemptOutcome.RATE_LIMITED, at)
        tally.add_llm_tokens(keys[1], "flash", LlmTokens(7, 1), at, 5)
        tally.clients.count_answer(token, "pro", 200, at)
        tally.clients.count_llm_tokens(token, "pro", 1000, 10, at, cost=cost)
    write_usage(tally)


def report(by: str) -> UsageReport:
    return usage_report(by, named_range("today", NOW))


def requests_of_today(shown: dict[str, Any]) -> int:
    chart = shown["chart"]["7d"]
    today = [n for n, label in enumerate(chart["labels"]) if label >= f"{MIDNIGHT:%Y-%m-%dT%H}"]
    return sum(chart[name][number] for name in SERIES for number in today)


@pytest.mark.parametrize("by", [by for by in BY if by != "client"])
def test_the_totals_of_today_are_the_dashboards(used: None, by: str):
    shown, total = snapshot(NOW), report(by).total

    cards = shown["cards"]
    assert total.requests == requests_of_today(shown) == 12
    tokens = {"prompt": total.prompt_tokens, "output": total.output_tokens}
    assert tokens == {name: cards["tokens_today"][name] for name in tokens}
    assert cards["cost_today"] == {
        "text": f"{rounded_text(total.cost_micros)} {CURRENCY}",
        "unpriced": total.unpriced_tokens,
    }
    assert total.cost_micros == 5 * 1_230_000 + 2 + 3 + 4 + 6 + 7 + 6 * 5
    assert total.unpriced_tokens == 1015


def test_a_clients_requests_of_today_are_the_dashboards(used: None):
    (row,), (shown,) = report("client").rows, snapshot(NOW)["clients"]["top"]

    assert (shown["name"], shown["requests"]) == (row.label, row.counts.requests) == ("app", 6)
    assert shown["tokens"] == row.counts.prompt_tokens + row.counts.output_tokens
