"""The prices that count now: an operator's own, and behind them the published ones."""

from collections.abc import Iterable

from proxyapp.costs.price_book import PriceBook, PriceEntry
from proxyapp.costs.shipped import shipped_book
from proxyapp.costs.terms import steps_of
from proxyapp.models import ModelPrice

OWN = "own"


def present_book() -> PriceBook:
    """Runs on a database thread."""
    return PriceBook(own_entries(ModelPrice.objects.all()), behind=shipped_book())


def own_entries(rows: Iterable[ModelPrice]) -> list[PriceEntry]:
    """Of several patterns that fit the longest counts: it says most of the name."""
    in_order = sorted(rows, key=lambda row: (-len(row.name.replace("*", "")), row.name))
    return [PriceEntry(row.name, steps_of(row.terms), OWN) for row in in_order]
