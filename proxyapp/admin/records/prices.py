"""The page of prices: what models cost, and who says so."""

from collections.abc import Iterator, Mapping

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from proxyapp.admin.records.page import page
from proxyapp.costs.price import Rates
from proxyapp.costs.price_book import PriceEntry
from proxyapp.costs.shipped import shipped_prices
from proxyapp.vocabulary.money import amount_text


def prices_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("proxyapp.view_hourlyusage"):
        raise PermissionDenied
    table = shipped_prices()
    context = {
        "title": _("Prices"),
        "table": table,
        "rows": [row for entry in table.entries for row in _rows(entry)],
    }
    return page(request, "prices", context)


def _rows(entry: PriceEntry) -> Iterator[Mapping[str, str]]:
    for step in entry.steps:
        since = _("from %(day)s on") % {"day": step.since} if step.since else ""
        price = step.price
        yield {"model": entry.model, "when": since, **_rates(price.short)}
        if price.above:
            longer = _("prompts above %(count)s tokens") % {"count": f"{price.above:,}"}
            yield {"model": entry.model, "when": longer, **_rates(price.long)}


def _rates(rates: Rates) -> Mapping[str, str]:
    return {
        "input": amount_text(rates.input),
        "cached": amount_text(rates.cached),
        "output": amount_text(rates.output),
    }
