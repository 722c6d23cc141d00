"""What LLM tokens cost, and which models have a price."""

from datetime import UTC, date, datetime

import pytest

from proxyapp.costs.price import Price, Rates
from proxyapp.costs.price_book import PriceBook, PriceEntry, PriceStep
from proxyapp.costs.shipped import shipped_book, shipped_prices
from proxyapp.provider.llm_tokens import LlmTokens

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC).timestamp()
DAY = 86_400


def priced(model: str, rate: int, since: date | None = None) -> PriceEntry:
    return PriceEntry(model, [PriceStep(Price(Rates(rate, rate, rate)), since)], "test")


def rate_of(book: PriceBook, model: str, now: float = NOW) -> int | None:
    price = book.of(model, now)
    return None if price is None else price.short.input


@pytest.mark.parametrize(
    ("model", "used", "micros"),
    [
        ("gemini-2.5-flash", LlmTokens(1_000_000, 0), 300_000),
        ("gemini-2.5-flash", LlmTokens(1_000_000, 0, cached=400_000), 192_000),
        ("gemini-2.5-flash", LlmTokens(0, 1_000_000, thoughts=900_000), 2_500_000),
        ("gemini-2.5-pro", LlmTokens(200_000, 1000), 260_000),
        ("gemini-2.5-pro", LlmTokens(200_001, 1000, cached=100_001), 290_000),
        ("gemini-2.5-flash-lite", LlmTokens(5, 0), 1),
        ("gemini-2.5-flash-lite", LlmTokens(4, 0), 0),
        ("gemini-embedding-001", LlmTokens(1_000_000, 0), 150_000),
    ],
)
def test_a_request_costs_what_was_published_for_its_model(model: str, used: LlmTokens, micros: int):
    price = shipped_book().of(model, NOW)

    assert price is not None
    assert price.cost_micros(used) == micros


@pytest.mark.parametrize(
    "model",
    ["", "gemini-9-ultra", "gemini-flash-latest", "gemini-2.5-flash-image", "gpt-5.6", "001"],
)
def test_a_model_that_nobody_published_a_price_of_has_none(model: str):
    assert shipped_book().of(model, NOW) is None


@pytest.mark.parametrize(
    "model", ["google/gemini-2.5-pro", "gemini-2.5-pro-001", "gemini-2.5-pro-latest"]
)
def test_a_version_of_a_model_and_one_with_its_publisher_cost_the_same(model: str):
    assert shipped_book().of(model, NOW) is shipped_book().of("gemini-2.5-pro", NOW)


def test_a_price_that_was_announced_holds_from_its_day_on():
    new_year = datetime(2027, 1, 1, tzinfo=UTC).timestamp()

    before, after = (rate_of(shipped_book(), "gemini-3.8-flash", at) for at in (NOW, new_year))

    assert (before, after) == (750_000, 1_500_000)


def test_the_first_entry_counts_and_a_name_before_a_pattern():
    book = PriceBook([priced("own-*", 1), priced("own-b", 2), priced("own-b", 3), priced("*", 4)])

    assert [rate_of(book, model) for model in ("own-a", "own-b", "else")] == [1, 2, 4]


def test_a_price_of_later_is_none_before():
    book = PriceBook([priced("m", 1, date(2026, 12, 1))])

    assert [rate_of(book, "m", at) for at in (NOW, NOW + DAY)] == [None, 1]


def test_the_table_says_where_its_numbers_are_from_and_of_which_day():
    table = shipped_prices()

    assert table.currency == "USD"
    assert table.source == "https://ai.google.dev/gemini-api/docs/pricing"
    assert table.date <= date(2026, 11, 30)
    assert all(
        step.price.short.input >= step.price.short.cached for e in table.entries for step in e.steps
    )
