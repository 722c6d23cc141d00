"""The published prices that this version knows."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from proxyapp.costs.price_book import PriceBook, PriceEntry
from proxyapp.costs.terms import steps_of

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
