"""Operators' own prices as a config file has them: numbers, in the words and order of the shipped
table.
"""

from collections.abc import Iterable
from decimal import Decimal

from proxyapp.models import ModelPrice
from proxyapp.vocabulary.money import currency
from proxyapp.vocabulary.price_terms import (
    LATER,
    ROW,
    Terms,
    are_terms,
    check_currency,
    currency_of,
)

Entry = dict[str, object]
TEXTS = ("from", "currency")
ORDER = tuple(dict.fromkeys(("above", *LATER, *ROW)))


def price_entries(rows: Iterable[ModelPrice]) -> dict[str, Entry]:
    """Without those that do not count: an import understands none that is odd, and takes no third
    currency.
    """
    return {row.name: _row(row.terms) for row in rows if _counts(row.terms)}


def _counts(terms: Terms) -> bool:
    return are_terms(terms) and check_currency(currency_of(terms)) is None


def _row(terms: Terms) -> Entry:
    entry, name = _entry(terms), currency_of(terms)
    if not terms.get("free"):
        entry["currency"] = name
    if name == currency():
        entry.pop("currency", None)
    return entry


def _entry(terms: Terms) -> Entry:
    return {name: _value(name, terms[name]) for name in ORDER if name in terms}


def _value(name: str, value: object) -> object:
    if isinstance(value, dict):
        return _entry(value)
    return Decimal(value) if isinstance(value, str) and name not in TEXTS else value
