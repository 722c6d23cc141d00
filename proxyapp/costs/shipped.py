"""The published prices that this version knows."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from proxyapp.costs.price_book import PriceBook, PriceEntry
from proxyapp.costs.terms import ONE, steps_of

TABLE = Path(__file__).with_name("prices.yaml")


class ShippedPrices(NamedTuple):
    currency: str
    source: str
    date: date
    entries: tuple[PriceEntry, ...]


@cache
def shipped_prices() -> ShippedPrices:
    table = _table()
    return ShippedPrices(table["currency"], table["source"], table["date"], shipped_entries(ONE))


def shipped_entries(rate: Decimal) -> tuple[PriceEntry, ...]:
    """In the currency of which the table's unit is worth so many."""
    table = _table()
    source = f"{table['source']}, {table['date']}"
    rows = table["models"].items()
    return tuple(PriceEntry(name, steps_of(row, rate), source) for name, row in rows)


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


@cache
def shipped_book() -> PriceBook:
    return PriceBook(shipped_prices().entries)
