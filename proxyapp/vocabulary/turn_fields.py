"""What an operator sets of turns, of a group or a key: what a field of it is, declared once."""

from typing import Any

from proxyapp.vocabulary.choices import (
    MAX_PRIORITY,
    MAX_WEIGHT,
    MIN_SPILL,
    Strategy,
    choice_values,
)
from proxyapp.vocabulary.in_words import gettext as _

KNOWN_STRATEGIES = ", ".join(choice_values(Strategy))


def check_strategy(value: str) -> str | None:
    if not value or value in choice_values(Strategy):
        return None
    return _("must be one of %(known)s") % {"known": KNOWN_STRATEGIES}


def spill_in_file(after: float | None) -> dict[str, float] | None:
    return None if after is None else {"after": after}


def shown_spill(after: float | None) -> str:
    return "never" if after is None else f"after {after:g} of the day"


def is_spill(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return MIN_SPILL <= value <= 1


PRIORITY: dict[str, Any] = {"sort": "number", "allowed": range(MAX_PRIORITY + 1)}
WEIGHT: dict[str, Any] = {"sort": "number", "allowed": range(1, MAX_WEIGHT + 1)}
# Empty: the installation's.
STRATEGY: dict[str, Any] = {"check": lambda _: check_strategy}
SPILL: dict[str, Any] = {
    "sort": "spill",
    "shown": shown_spill,
    "file_name": "spill",
    "in_file": spill_in_file,
}
