"""The page of prices: what models cost, and who says so."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from proxyapp.admin.records.page import page
from proxyapp.costs.currencies import rate_of
from proxyapp.costs.present import own_entries
from proxyapp.costs.price import Rates
from proxyapp.costs.price_book import PriceBook, PriceEntry
from proxyapp.costs.shipped import shipped_entries, shipped_prices
from proxyapp.models import ModelPrice
from proxyapp.vocabulary.money import amount_text, currency
from proxyapp.vocabulary.price_terms import are_terms


def prices_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("proxyapp.view_hourlyusage"):
        raise PermissionDenied
    table, may_see = shipped_prices(), request.user.has_perm("proxyapp.view_modelprice")
    rate = rate_of(table.currency)
    own = {row.name: row for row in ModelPrice.objects.all()}
    entries = own_entries(own.values())
    change = "admin:proxyapp_modelprice_change"
    urls = {name: reverse(change, args=[row.pk]) for name, row in own.items() if may_see}
    context = {
        "title": _("Prices"),
        "table": table,
        "currency": currency(),
        "rate": None if rate is None else f"{rate.normalize():f}",
        "rows": [*_own(entries, own, urls), *_published(PriceBook(entries), rate)],
        "may_add": request.user.has_perm("proxyapp.add_modelprice"),
    }
    return page(request, "prices", context)


def _own(
    entries: Iterable[PriceEntry], rows: Mapping[str, ModelPrice], urls: Mapping[str, str]
) -> Iterator[Mapping[str, object]]:
    for entry in entries:
        url = urls.get(entry.model)
        if entry.steps:
            yield from _rows(entry, _("own"), url)
        else:
            why = _without_price(rows[entry.model])
            yield {"model": entry.model, "source": _("own"), "url": url, "when": why}


def _without_price(price: ModelPrice) -> str:
    if are_terms(price.terms):
        return _("in a currency that is not the gateway's: no price")
    return _("not understood: no price")


def _published(own: PriceBook, rate: Decimal | None) -> Iterator[Mapping[str, object]]:
    """Without a rate none of them counts."""
    for entry in () if rate is None else shipped_entries(rate):
        is_replaced = own.entry_of(entry.model) is not None
        source = _("published; an own price counts") if is_replaced else _("published")
        yield from _rows(entry, source)


def _rows(entry: PriceEntry, source: str, url: str | None = None) -> Iterator[Mapping[str, object]]:
    for step in entry.steps:
        since = _("from %(day)s on") % {"day": step.since} if step.since else ""
        row = {"model": entry.model, "source": source, "url": url}
        price = step.price
        yield {**row, "when": since, **_rates(price.short)}
        if price.above:
            longer = _("prompts above %(count)s tokens") % {"count": f"{price.above:,}"}
            yield {**row, "when": ", ".join(filter(None, (since, longer))), **_rates(price.long)}


def _rates(rates: Rates) -> Mapping[str, str]:
    return {
        "input": amount_text(rates.input),
        "cached": amount_text(rates.cached),
        "output": amount_text(rates.output),
        "thoughts": amount_text(rates.thoughts),
    }
