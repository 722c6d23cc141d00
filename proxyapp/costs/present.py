"""The prices that count now: an operator's own, and behind them the published ones."""

from collections.abc import Iterable, Sequence

from proxyapp.costs.currencies import rate_of
from proxyapp.costs.price_book import PriceBook, PriceEntry, PriceStep
from proxyapp.costs.shipped import shipped_entries, shipped_prices
from proxyapp.costs.terms import ONE, steps_of
from proxyapp.models import ModelPrice
from proxyapp.vocabulary.price_terms import Terms, are_terms, currency_of

OWN = "own"


def present_book() -> PriceBook:
    """Runs on a database thread."""
    return PriceBook(own_entries(ModelPrice.objects.all()), behind=published_book())


def published_book() -> PriceBook:
    """In the gateway's currency; without a rate none of them counts."""
    table = shipped_prices()
    rate = rate_of(table.currency)
    return PriceBook(() if rate is None else shipped_entries(rate))


def own_entries(rows: Iterable[ModelPrice]) -> list[PriceEntry]:
    """Of several patterns that fit the longest counts: it says most of the name."""
    in_order = sorted(rows, key=lambda row: (-len(row.name.replace("*", "")), row.name))
    return [PriceEntry(row.name, _steps(row.terms), OWN) for row in in_order]


def _steps(terms: Terms) -> Sequence[PriceStep]:
    """None where they are none, or nobody knows what their currency is worth: the model has
    no price then, and all else goes on.
    """
    if not are_terms(terms):
        return []
    rate = ONE if terms.get("free") else rate_of(currency_of(terms))
    return [] if rate is None else steps_of(terms, rate)
