"""How long a time is, also as people write one from now on: 30m, 12h, 7d."""

import re
from datetime import timedelta
from typing import Final

DAY_SECONDS: Final = 86_400
DURATION = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
UNIT_NAMES = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration_of(text: str) -> timedelta | None:
    """None: it is none, or none at all."""
    found = DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        return None
    return timedelta(**{UNIT_NAMES[found[2]]: int(found[1])})
