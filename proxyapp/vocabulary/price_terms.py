"""What an operator says a model costs, in the words of the table that is shipped.

`{"input": "0.3", "cached": "0.03", "output": "2.5", "thoughts": "3"}`: units of the currency for a
million LLM tokens, as text, for amounts are no numbers of floating point. `long` has those of
prompts `above` so many tokens, `later` those `from` a day of UTC on. `{"free": True}` costs
nothing. `currency` is US dollars where it does not stand.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.money import CURRENCY, MICROS, PLACES, currency, plain_amount

Terms = Mapping[str, Any]

KINDS = ("input", "cached", "output", "thoughts")
NEEDED = ("input", "output")
LONG = ("above", *KINDS)
LATER = ("from", *KINDS, "long")
ROW = ("free", *KINDS, "long", "later", "currency")
FREE: Terms = {"free": True}
# Of a part, by the last of the words that lead to it, what says when it holds.
MARKS = {"long": "above", "later": "from"}
# A hundred of a unit for a single token. What a request costs fits into a column then.
MOST_PRICE = 100_000_000
MOST_ABOVE = 100_000_000
MOST_PRICES = 300
EXAMPLE = "{gemini-2.5-flash: {input: 0.30, output: 2.50}}"
NO_PRICE = gettext_noop("has no price: give it input and output, or say free: true")
COSTS_NOTHING = gettext_noop("costs nothing: say free: true in place of its prices")
NOT_FREE_AND_PRICED = gettext_noop("must stand alone: what is free has no prices")
AMOUNT = re.compile(r"[-+]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)


def amount(value: object) -> str:
    """Of a number, or a text of one, as it is kept. Raises ValueError, which says what is wrong."""
    text = str(value).strip() if isinstance(value, int | float | str) else ""
    if isinstance(value, float):
        text = f"{Decimal(text):f}"
    if isinstance(value, bool) or not AMOUNT.fullmatch(text):
        raise ValueError(_("must be a number such as 0.30, for a million tokens"))
    number = Decimal(text)
    if number < 0:
        raise ValueError(_("must be 0 or more"))
    if number > MOST_PRICE:
        text = _("must be at most %(most)s, for a million tokens")
        raise ValueError(text % {"most": f"{MOST_PRICE:,}"})
    if number != round(number, PLACES):
        text = _("has more than %(most)s places behind the point")
        raise ValueError(text % {"most": PLACES})
    return plain_amount(int(number * MICROS))


def currency_of(terms: Terms) -> str:
    return str(terms.get("currency", CURRENCY))


def in_currency(terms: Terms, name: str) -> Terms:
    """`name`: empty where nothing is said; then it is the gateway's."""
    name = name or currency()
    return terms if name == CURRENCY or terms.get("free") else {**terms, "currency": name}


def currencies() -> list[str]:
    """In which a price may be."""
    return list(dict.fromkeys((currency(), CURRENCY)))


def check_currency(value: str) -> str | None:
    known = currencies()
    return None if value in known else _("must be %(known)s") % {"known": " or ".join(known)}


def check_day(value: str) -> str | None:
    try:
        is_one = len(value) == len("2027-01-01") and bool(date.fromisoformat(value))
    except ValueError:
        is_one = False
    return None if is_one else _('must be a day such as "2027-01-01"')


def is_nothing(rates: Terms) -> bool:
    """Whether all that it says is 0."""
    return not any(Decimal(rates[kind]) for kind in KINDS if kind in rates)


def parts_of(terms: Terms) -> Iterator[tuple[str, Terms]]:
    """Each with rates of its own, under the words that lead to it: "", "long", "later.long"."""
    for place, rates in (("", terms), ("later", terms.get("later"))):
        if rates is not None:
            yield place, rates
            if "long" in rates:
                yield f"{place}.long".removeprefix("."), rates["long"]


def are_terms(terms: Any) -> bool:
    """As they are kept. What a moving file has brought, or another version, may be anything."""
    try:
        parts = [] if terms.get("free") else list(parts_of(terms))
        return all(_is_sound(rates, MARKS.get(place.split(".")[-1])) for place, rates in parts)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False


def _is_sound(rates: Terms, mark: str | None) -> bool:
    """Raises what odd values raise."""
    for kind in (*NEEDED, *(kind for kind in KINDS if kind in rates)):
        amount(rates[kind])
    if mark == "above":
        return type(rates["above"]) is int
    return mark is None or check_day(rates["from"]) is None


def shown_terms(terms: Terms) -> str:
    """In a line."""
    if not are_terms(terms):
        return "not understood"
    if terms.get("free"):
        return "free"
    shown = "; ".join(_shown_part(rates) for __, rates in parts_of(terms))
    return f"{terms['currency']}: {shown}" if "currency" in terms else shown


def _shown_part(rates: Terms) -> str:
    when = f"from {rates['from']} on: " if "from" in rates else ""
    above = f"above {rates['above']:,} tokens: " if "above" in rates else ""
    return when + above + ", ".join(f"{kind} {rates[kind]}" for kind in KINDS if kind in rates)
