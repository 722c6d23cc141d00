"""The published prices that this version knows."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from proxyapp.costs.price import Price, Rates
from proxyapp.costs.price_book import PriceBook, PriceEntry, PriceStep
from proxyapp.vocabulary.money import micros_of

TABLE = Path(__file__).with_name("prices.yaml")


class ShippedPrices(NamedTuple):
    currency: str
    source: str
    date: date
    entries: tuple[PriceEntry, ...]


@cache
def shipped_prices() -> ShippedPrices:
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    source = f"{table['source']}, {table['date']}"
    entries = [PriceEntry(name, steps_of(row), source) for name, row in table["models"].items()]
    return ShippedPrices(table["currency"], table["source"], table["date"], tuple(entries))


@cache
def shipped_book() -> PriceBook:
    return PriceBook(shipped_prices().entries)


def steps_of(row: Mapping[str, Any]) -> list[PriceStep]:
    """`row`: of numbers that were checked."""
    steps = [PriceStep(price_of(row))]
    if later := row.get("later"):
        steps.append(PriceStep(price_of(later), later["from"]))
    return steps


def price_of(row: Mapping[str, Any]) -> Price:
    long = row.get("long")
    return Price(_rates(row), long["above"], _rates(long)) if long else Price(_rates(row))


def _rates(row: Mapping[str, Any]) -> Rates:
    """What a cache answers costs what other input does, where nothing else is said."""
    prices = {name: _micros(row[name]) for name in ("input", "cached", "output") if name in row}
    return Rates(prices["input"], prices.get("cached", prices["input"]), prices["output"])


def _micros(number: float) -> int:
    """YAML's 0.075 is not quite that."""
    return micros_of(Decimal(str(number)))
