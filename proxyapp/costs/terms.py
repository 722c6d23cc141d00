"""Prices of a table's row, as it is shipped or as an operator writes it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from proxyapp.costs.price import Price, Rates
from proxyapp.costs.price_book import PriceStep
from proxyapp.vocabulary.money import micros_of

ONE = Decimal(1)
NOTHING = Price(Rates(0, 0, 0))


def steps_of(row: Mapping[str, Any], rate: Decimal = ONE) -> list[PriceStep]:
    """`row`: of what was checked. `rate`: of the currency, for one unit of the row's."""
    if row.get("free"):
        return [PriceStep(NOTHING)]
    steps = [PriceStep(price_of(row, rate))]
    if later := row.get("later"):
        since = later["from"]
        day = since if isinstance(since, date) else date.fromisoformat(since)
        steps.append(PriceStep(price_of(later, rate), day))
    return steps


def price_of(row: Mapping[str, Any], rate: Decimal = ONE) -> Price:
    long = row.get("long")
    short = _rates(row, rate)
    return Price(short, long["above"], _rates(long, rate)) if long else Price(short)


def _rates(row: Mapping[str, Any], rate: Decimal) -> Rates:
    """What a cache answers costs what other input does, where nothing else is said, and thoughts
    what other output does.
    """
    kinds = ("input", "cached", "output", "thoughts")
    # YAML's 0.075 is not quite that.
    prices = {kind: micros_of(Decimal(str(row[kind])) * rate) for kind in kinds if kind in row}
    cached = prices.get("cached", prices["input"])
    return Rates(prices["input"], cached, prices["output"], prices.get("thoughts"))
