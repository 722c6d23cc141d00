"""How often uni-api asks, such as `15/min,1000/day`, as limits here."""

import re
from collections.abc import Mapping

from proxyapp.peers.fields import Fields
from proxyapp.peers.reasons import LIMITS_OF_GROUP
from proxyapp.vocabulary.limits import Meter

RATE = re.compile(r"(\d{1,12})/(\w+)")
MINUTE, DAY = Meter.REQUESTS_PER_MINUTE.value, Meter.REQUESTS_PER_DAY.value
UNITS = dict.fromkeys(("m", "min", "minute"), MINUTE) | dict.fromkeys(("d", "day"), DAY)
DEFAULT = "default"


def rates_of(text: object) -> tuple[dict[str, int], bool]:
    """And whether that is all of it: there are other units too."""
    parts = [RATE.fullmatch(part.strip()) for part in str(text).split(",")]
    found = [(UNITS[part[2]], int(part[1])) for part in parts if part and part[2] in UNITS]
    rates = {meter: most for meter, most in found if most}
    return rates, len(rates) == len(parts)


def take_limits(preferences: Fields, name: str) -> dict[str, dict[str, int]]:
    """By model. That of all others beside some has no place: here the strictest counts."""
    given = preferences.take(name)
    by_model = given if isinstance(given, Mapping) else {DEFAULT: given} if given else {}
    limits: dict[str, dict[str, int]] = {}
    for model, text in by_model.items():
        rates, is_whole = rates_of(text)
        is_of_others = model == DEFAULT and len(by_model) > 1
        if not is_whole or is_of_others:
            preferences.moved.leave(preferences.at(name), LIMITS_OF_GROUP)
        if rates and not is_of_others:
            limits["*" if model == DEFAULT else str(model)] = rates
    return limits
