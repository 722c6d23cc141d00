"""Makes operators' own prices in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.apply_rows import apply_rows
from proxyapp.config.report import Report
from proxyapp.models import ModelPrice
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.price_fields import PRICE_FIELDS, PriceSettings


def apply_prices(prices: Sequence[PriceSettings] | None, report: Report, *, prune: bool) -> Touched:
    """`prices` None: the file says nothing of them, and they stay. `prune`: the others go."""
    if prices is None:
        return Touched()
    apply_rows(ModelPrice, prices, PRICE_FIELDS, report, prune=prune)
    return Touched(has_prices=report.prices.changed)
