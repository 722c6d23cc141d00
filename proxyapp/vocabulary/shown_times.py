"""Moments and spans of time as pages show them, in the language that is active."""

from datetime import UTC, date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from proxyapp.vocabulary.times import countdown_parts


def day_text(day: date) -> str:
    """`2026-11-30`."""
    return _("{0:%Y-%m-%d}").format(day)


def minute_text(moment: datetime) -> str:
    """`2026-11-30 14:03 UTC`."""
    return _("{0:%Y-%m-%d %H:%M} UTC").format(moment.astimezone(UTC))


def second_text(moment: datetime) -> str:
    """`2026-11-30 14:03:59 UTC`."""
    return _("{0:%Y-%m-%d %H:%M:%S} UTC").format(moment.astimezone(UTC))


def countdown_text(until: datetime, now: datetime) -> str:
    """As `countdown`."""
    return " ".join(span_text(number, unit) for number, unit in countdown_parts(until, now))


def span_text(number: int, unit: str) -> str:
    """`3 h`; the unit: `s`, `min`, `h` or `d`."""
    return f"{number} {unit_names()[unit]}"


def unit_names() -> dict[str, str]:
    return {
        "d": pgettext("unit of time", "d"),
        "h": pgettext("unit of time", "h"),
        "min": pgettext("unit of time", "min"),
        "s": pgettext("unit of time", "s"),
    }


def ago_text(number: int, unit: str) -> str:
    return _("%(span)s ago") % {"span": span_text(number, unit)}
