"""Amounts of money: whole millionths of a currency's unit, and how people write and read them."""

import re
from decimal import Decimal

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.kept_settings import kept

# That of the published prices. Amounts are kept in `currency()`.
CURRENCY = "USD"
MICROS = 1_000_000
PLACES = 6
# More than anybody spends, and a column and JavaScript hold it.
MOST_AMOUNT = 1_000_000_000
AMOUNT = re.compile(r"\d{1,10}(?:\.\d{1,6})?", re.ASCII)


def currency() -> str:
    """Of all amounts from now on: an operator says it."""
    name: str = kept.CURRENCY
    return name


def micros_of(amount: Decimal) -> int:
    """What it has beyond millionths is rounded."""
    return int((amount * MICROS).to_integral_value())


def read_amount(text: str) -> int:
    """In millionths. Raises ValueError, which says what an amount looks like."""
    if not AMOUNT.fullmatch(text.strip()):
        raise ValueError(_("must be an amount such as 5 or 2.50"))
    micros = micros_of(Decimal(text.strip()))
    if not 1 <= micros <= MOST_AMOUNT * MICROS:
        raise ValueError(
            _("must be more than 0 and at most %(most)s") % {"most": f"{MOST_AMOUNT:,}"}
        )
    return micros


def amount_text(micros: int) -> str:
    """Two places at least, and all that it has: `5.00`, `0.000123`, `1,234.50`."""
    whole, part = divmod(abs(micros), MICROS)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole:,}.{digits}"


def rounded_text(micros: int) -> str:
    """For tables and cards: cents, and what is less than one in four places: `12.35`, `0.0042`."""
    places = 2 if micros >= MICROS // 100 or not micros else 4
    if 0 < micros < MICROS // 10_000:
        return "< 0.0001"
    return f"{Decimal(micros) / MICROS:,.{places}f}"


def plain_amount(micros: int) -> str:
    """For machines: `1234.5` without separators."""
    return amount_text(micros).replace(",", "")
