"""Limits as text, for the admin's forms and for lines of reports: a model a line."""

import re
from collections.abc import Mapping

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limits import METERS, Limits, limits_problems, whole_numbers
from proxyapp.vocabulary.model_lists import plain_name, said_of

EXAMPLE_LINE = "gemini-2.5-flash: requests_per_minute 10, requests_per_day 250"
_ENTRY = re.compile(r"([^\s=]*?)\s*(?::\s|:$|=)\s*(.*)")
_METER = re.compile(r"([^\s:=]+)\s*[\s:=]\s*(.*)")
_BETWEEN = re.compile(r",(?!\d{3}(?!\d))")
_WHOLE = re.compile(r"-?\d{1,18}")


def limit_lines(limits: Limits) -> list[str]:
    return [f"{pattern}: {said_of_meters(limits[pattern])}" for pattern in sorted(limits)]


def said_of_meters(meters: Mapping[str, int]) -> str:
    return ", ".join(f"{meter} {meters[meter]}" for meter in METERS if meter in meters)


def limits_of_lines(text: str) -> dict[str, dict[str, int]]:
    """Raises ValueError with all that is wrong."""
    limits: dict[str, dict[str, object]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _ENTRY.fullmatch(line.strip())
        if found is None:
            raise ValueError(
                _("Line %(number)s is not of the form %(example)s.")
                % {"number": number, "example": EXAMPLE_LINE}
            )
        if (pattern := plain_name(found[1])) in limits:
            raise ValueError(
                _("Line %(number)s names %(name)s again.")
                % {"number": number, "name": pattern[:100]}
            )
        limits[pattern] = _meters(found[2], number)
    if problems := list(limits_problems(limits)):
        raise ValueError(" ".join(said_of(problems)).replace("?.", "?"))
    return whole_numbers(limits)


def _meters(text: str, line: int) -> dict[str, object]:
    meters: dict[str, object] = {}
    for part in _BETWEEN.split(text):
        if not part.strip():
            continue
        found = _METER.fullmatch(part.strip())
        name, number = (found[1], found[2].strip()) if found else (part.strip(), "")
        if name in meters:
            raise ValueError(
                _("Line %(number)s has %(name)s again.") % {"number": line, "name": name[:100]}
            )
        meters[name] = int(number) if _WHOLE.fullmatch(number) else number
    return meters
