"""An operator's own prices, and which of them counts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from proxyapp import runtime
from proxyapp.costs.present import own_entries
from proxyapp.costs.price import MOST_COST, Price, Rates
from proxyapp.costs.price_book import PriceBook
from proxyapp.costs.shipped import shipped_book
from proxyapp.ledger.counting import Counting
from proxyapp.models import ModelPrice
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.vocabulary.price_terms import MOST_PRICE, amount

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
MILLION = LlmTokens(1_000_000, 0)


def own(**terms: dict[str, Any]) -> PriceBook:
    rows = [ModelPrice(name=name.replace("_", "-"), terms=each) for name, each in terms.items()]
    return PriceBook(own_entries(rows), behind=shipped_book())


def flat(units: str) -> dict[str, Any]:
    return {"input": units, "output": units}


def cost(book: PriceBook, model: str, used: LlmTokens = MILLION, now: float = NOW) -> int | None:
    price = book.of(model, now)
    return None if price is None else price.cost_micros(used)


def test_an_own_price_counts_before_a_published_one() -> None:
    book = own(**{"gemini-2.5-flash": flat("7")})

    for model in ("gemini-2.5-flash", "google/gemini-2.5-flash", "gemini-2.5-flash-001"):
        assert cost(book, model) == 7_000_000
    assert cost(book, "gemini-2.5-flash-lite") == 100_000
    assert cost(book, "gpt-5") is None


def test_of_own_patterns_the_longest_counts_and_before_it_a_name() -> None:
    book = own(
        **{"*": flat("1"), "gemini-*": flat("2"), "gemini-2.5-*": flat("3"), "own": flat("4")}
    )

    models = ("gpt-5", "gemini-9", "gemini-2.5-flash", "own")
    assert [cost(book, model) for model in models] == [1_000_000, 2_000_000, 3_000_000, 4_000_000]


def test_a_pattern_takes_no_version_and_no_publishers_model_from_a_name() -> None:
    book = own(**{"*": flat("1"), "gemini-*": flat("2"), "gemini-2.5-flash": flat("3")})

    models = ("gemini-2.5-flash-001", "google/gemini-2.5-flash", "google/gemini-2.5-flash-latest")
    assert [cost(book, model) for model in models] == [3_000_000] * 3


def test_each_kind_has_its_price_by_the_length_of_the_prompt() -> None:
    long = {"above": 100, "input": "10", "output": "30"}
    book = own(m={"input": "1", "cached": "0.5", "output": "3", "thoughts": "5", "long": long})
    used = LlmTokens(100, 50, cached=40, thoughts=20)

    assert cost(book, "m", used) == 60 * 1 + 20 + 30 * 3 + 20 * 5
    assert cost(book, "m", used._replace(prompt=101)) == 101 * 10 + 50 * 30


def test_what_is_free_costs_nothing_and_what_comes_later_counts_from_its_day_on() -> None:
    later = {**flat("2"), "from": "2027-01-01"}
    book = own(gratis={"free": True}, m={**flat("1"), "later": later})

    assert cost(book, "gratis") == 0
    assert [cost(book, "m", now=at) for at in (NOW, NEW_YEAR)] == [1_000_000, 2_000_000]


@pytest.mark.parametrize("terms", [{}, {"input": "1"}, {"input": "x", "output": "1"}, {"long": 3}])
def test_a_price_that_nobody_can_read_is_none_and_stops_nothing(terms: dict[str, Any]) -> None:
    book = own(m=terms, n=flat("1"))

    assert (cost(book, "m"), cost(book, "n")) == (None, 1_000_000)


def test_no_request_costs_more_than_sums_can_hold() -> None:
    dearest = int(float(amount(MOST_PRICE))) * 1_000_000

    assert Price(Rates(dearest, dearest, dearest)).cost_micros(LlmTokens(1 << 42, 1)) == MOST_COST


def put(units: str) -> None:
    ModelPrice.objects.update_or_create(name="m", defaults={"terms": flat(units)})


@pytest.mark.parametrize("touched", [Touched(has_prices=True), None])
async def test_a_change_counts_within_a_second_in_a_running_process(
    async_database: None, touched: Touched | None
) -> None:
    await sync_to_async(put)("1")
    await sync_to_async(raise_pool_version)()
    running = await runtime.startup()
    try:
        assert cost_now(running.counting) == 1_000_000
        await sync_to_async(put)("2")
        await sync_to_async(raise_pool_version)(touched)
        async with asyncio.timeout(1):
            await until(lambda: cost_now(running.counting) == 2_000_000)
    finally:
        await runtime.shutdown()


def cost_now(counting: Counting) -> int | None:
    return counting.cost_of(None, "m", MILLION, NOW)


async def until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.01)
