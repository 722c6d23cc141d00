"""The `prices` of a config file: what models cost, in place of the published prices."""

from typing import Any

from proxyapp.config.checked_tree import CheckedTree, typed
from proxyapp.config.plain_yaml import UNKNOWN
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.model_lists import plain_name, unlike_pattern
from proxyapp.vocabulary.price_fields import PriceSettings
from proxyapp.vocabulary.price_terms import (
    COSTS_NOTHING,
    EXAMPLE,
    FREE,
    KINDS,
    LATER,
    LONG,
    MOST_ABOVE,
    MOST_PRICES,
    NEEDED,
    NO_PRICE,
    NOT_FREE_AND_PRICED,
    ROW,
    Terms,
    amount,
    check_currency,
    check_day,
    in_currency,
    is_nothing,
)

ABOVE = range(1, MOST_ABOVE + 1)


class PricesOfFile(CheckedTree):
    def prices(self, value: object) -> tuple[PriceSettings, ...] | None:
        """None: the file says nothing of them."""
        if value is None:
            return None
        what = _("models with their prices, such as %(example)s") % {"example": EXAMPLE}
        entries = self.entries(value, "prices", what)
        if len(entries) > MOST_PRICES:
            text = _("has %(count)s models; %(most)s are allowed")
            self.wrong("prices", text % {"count": len(entries), "most": MOST_PRICES})
            return ()
        prices: dict[str, PriceSettings] = {}
        for given, terms in entries.items():
            name = plain_name(given)
            place = f"prices.{name[:100]}"
            if problem := unlike_pattern(name):
                self.wrong(place, _("the model %(problem)s") % {"problem": problem})
            elif name in prices:
                self.wrong(place, _("stands here again: one price for a model"))
            else:
                prices[name] = PriceSettings(name, self._price_terms(terms, place))
        return tuple(prices.values())

    def _price_terms(self, value: object, place: str) -> Terms:
        row = self._price_row(value, place, ROW)
        if not row:
            return {}
        if self.flag(row, "free", place):
            if len(row) > 1:
                self.wrong(f"{place}.free", _(NOT_FREE_AND_PRICED))
            return FREE
        name = self.text(row, "currency", place, check_currency, default="")
        return in_currency(self._price_part(row, place), name)

    def _price_part(self, row: dict[str, object], place: str) -> Terms:
        """With what stands in it."""
        before = len(self.problems)
        terms: dict[str, Any] = {}
        if "from" in row:
            terms["from"] = self.text(row, "from", place, check_day)
        if "above" in row:
            terms["above"] = self.number(row, "above", place, ABOVE, default=0)
        for kind in KINDS:
            if kind in row:
                terms[kind] = self._price_amount(row[kind], f"{place}.{kind}")
            elif kind in NEEDED:
                self.wrong(f"{place}.{kind}", _("is required"))
        if len(self.problems) == before and is_nothing(terms):
            self.wrong(place, _(COSTS_NOTHING))
        for part, known, mark in (("long", LONG, "above"), ("later", LATER, "from")):
            if part in row:
                terms[part] = self._inner_price(row[part], f"{place}.{part}", known, mark)
        return terms

    def _inner_price(self, value: object, place: str, known: tuple[str, ...], mark: str) -> Terms:
        row = self._price_row(value, place, known)
        if row and mark not in row:
            self.wrong(f"{place}.{mark}", _("is required"))
        return self._price_part(row, place) if row else {}

    def _price_row(self, value: object, place: str, known: tuple[str, ...]) -> dict[str, object]:
        """Null is what is not given. Empty: that something is wrong is said."""
        fields = self.mapping(value, place, known)
        if fields is None:
            return {}
        row = {name: each for name, each in fields.items() if each is not None and name in known}
        if not row and len(row) == len(fields):
            self.wrong(place, _(NO_PRICE))
        return row

    def _price_amount(self, value: object, place: str) -> str:
        if (given := typed(value)) is not UNKNOWN:
            try:
                return amount(given)
            except ValueError as problem:
                self.wrong(place, str(problem))
        return "0"
