"""What client tokens may cost a day and a month."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

from proxyapp.access.budgets import budget_texts, cost_of_day, cost_of_month
from proxyapp.access.limits import ClientLimits
from proxyapp.access.periods import DAY, MONTH, first_day_of_month
from proxyapp.access.token_book import Client, TokenBook, token_hash
from proxyapp.models import ClientToken, TokenUsage
from proxyapp.vocabulary.errors import LimitReached

NOW = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
SECONDS = NOW.timestamp()


class Stored:
    """What is written: `cost`, by what reads it."""

    def __init__(self, **cost: int) -> None:
        self.cost = cost

    async def read(self, work: Any) -> dict[int, int]:
        return {1: self.cost.get(work.func.__name__, 0)}

    urgent = read


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def process(stored: Stored, client: Client) -> ClientLimits:
    limits = ClientLimits(stored)  # type: ignore[arg-type]
    limits.install(TokenBook([(token_hash("t", "s"), client)], ["s"]))
    return limits


@pytest.mark.parametrize(
    ("budgets", "words", "wait"),
    [
        ({"cost_per_day": 5}, "0.000005 USD a day", 3600),
        ({"cost_per_month": 5}, "0.000005 USD a month", 3600),
        ({"cost_per_day": 5, "cost_per_month": 5}, "USD a month", 3600),
    ],
)
async def test_what_all_processes_have_spent_counts(
    clock: Any, budgets: dict[str, Any], words: str, wait: int
):
    client = Client(id=1, **budgets)
    stored = Stored(cost_of_day=2, cost_of_month=2)
    limits = process(stored, client)
    await limits.take(client)
    limits.add_used(1, 100, 2, SECONDS)
    assert limits.charge_now(client)
    limits.add_used(1, 100, 1, SECONDS)

    assert not limits.charge_now(client)
    with pytest.raises(LimitReached, match=words) as refused:
        await limits.take(client)
    assert (refused.value.retry_after, refused.value.is_worth_trying) == (wait, False)


async def test_a_new_month_has_its_budget_again_and_what_is_unwritten_counts(clock: Any):
    client = Client(id=1, cost_per_month=5)
    stored = Stored(cost_of_month=4)
    limits = process(stored, client)
    await limits.take(client)
    await limits.reread({}, {}, {1: 1})
    with pytest.raises(LimitReached):
        await limits.take(client)
    clock.shift(3600)
    stored.cost.clear()

    await limits.take(client)


async def test_a_clock_that_steps_over_the_months_turn_and_back_gives_no_second_budget(clock: Any):
    client = Client(id=1, cost_per_month=5)
    limits = process(Stored(cost_of_month=5), client)
    with pytest.raises(LimitReached):
        await limits.take(client)
    clock.shift(3600)
    assert limits.charge_now(client)
    clock.shift(-3600)

    limits.charge_now(client)
    await limits.reread({})

    assert not limits.charge_now(client)
    with pytest.raises(LimitReached):
        await limits.take(client)


def test_days_and_months_end_in_utc():
    assert DAY.end_of(DAY.number_at(SECONDS)) == SECONDS + 3600
    assert MONTH.end_of(MONTH.number_at(SECONDS)) == SECONDS + 3600
    assert MONTH.number_at(SECONDS + 3600) == MONTH.number_at(SECONDS) + 1
    assert first_day_of_month(SECONDS) == DAY.number_at(SECONDS) - 30


@pytest.mark.django_db
def test_what_was_spent_is_read_from_the_usage():
    token = ClientToken.objects.create(name="t", token_hash="0" * 64, cost_per_day=2_500_000)
    for day, model, cost in ((31, "a", 1), (31, "b", 2), (1, "a", 4)):
        TokenUsage.objects.create(
            token=token, model=model, day=date(2026, 12, day), cost_micros=cost
        )
    TokenUsage.objects.create(token=token, model="a", day=date(2026, 11, 30), cost_micros=8)

    assert cost_of_day([token.pk], NOW) == {token.pk: 3}
    assert cost_of_month([token.pk], NOW) == {token.pk: 7}
    assert budget_texts(token) == [("budget a day", "2.50 USD")]
