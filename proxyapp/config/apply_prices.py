"""Makes operators' own prices in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.apply_rows import apply_rows
from proxyapp.config.contents import ConfigError
from proxyapp.config.report import Report
from proxyapp.models import ModelPrice
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.price_fields import PRICE_FIELDS, PriceSettings
from proxyapp.vocabulary.price_terms import MOST_PRICES


def apply_prices(prices: Sequence[PriceSettings] | None, report: Report, *, prune: bool) -> Touched:
    """`prices` None: the file says nothing of them, and they stay. `prune`: the others go.

    Raises ConfigError where there are too many.
    """
    if prices is None:
        return Touched()
    apply_rows(ModelPrice, prices, PRICE_FIELDS, report, prune=prune)
    if (count := ModelPrice.objects.count()) > MOST_PRICES:
        raise ConfigError(
            [
                f"prices: with those that are there, {count} models; {MOST_PRICES} are allowed:"
                " remove some in the admin, or import with --prune"
            ]
        )
    return Touched(has_prices=report.prices.changed)
