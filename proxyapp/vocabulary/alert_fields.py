"""What an operator sets of a channel of alerts: each field is declared here, once."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxyapp.vocabulary.alert_kinds import KINDS, LEVELS, WARNING
from proxyapp.vocabulary.alert_urls import check_alert_url, shown_alert_url
from proxyapp.vocabulary.checks import check_group_name
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.setting_field import Check, fields_of
from proxyapp.vocabulary.time_zones import zone_named

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
PERCENTS, SECONDS = range(1, 101), range(1, 3601)


def check_level(value: str) -> str | None:
    return None if value in LEVELS else _("must be one of %(known)s") % {"known": ", ".join(LEVELS)}


def check_hours(value: str) -> str | None:
    if not value or (_HOURS.fullmatch(value) and minutes_of(value)[0] != minutes_of(value)[1]):
        return None
    return _("must be two times such as 22:00-07:00")


def check_zone(value: str) -> str | None:
    try:
        zone_named(value if "/" in value.strip("/") or value == "UTC" else "?")
    except (ValueError, OSError, KeyError):
        return _("must be a time zone such as Europe/Berlin")
    return None


def check_kinds(value: str) -> str | None:
    """Of words with commas between."""
    unknown = [kind for kind in kinds_of(value) if kind not in KINDS]
    return (
        _("has %(name)s; known are %(known)s")
        % {"name": f"{unknown[0][:40]!r}", "known": ", ".join(KINDS)}
        if unknown
        else None
    )


def kinds_of(value: str) -> list[str]:
    return list(dict.fromkeys(kind.strip() for kind in value.split(",") if kind.strip()))


def minutes_of(hours: str) -> tuple[int, int]:
    """Of the day, when they begin and end; the end may come first."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        return 0, 0
    first, second, third, fourth = map(int, found.groups())
    return first * 60 + second, third * 60 + fourth


def _checked(check: Check) -> Mapping[str, Any]:
    return {"check": lambda _: check}


@dataclass(frozen=True)
class AlertSettings:
    """What stands beside a field is a SettingField's, under the same names.

    `kinds`: words with commas between; empty: all. `level`: the least. `urgent_passes`: quiet hours
    hold back no danger. `error_percent`, `slow_seconds`: from which on these kinds are told.
    """

    name: str = dataclasses.field(metadata=_checked(check_group_name))
    url: str = dataclasses.field(
        metadata={**_checked(check_alert_url), "shown": shown_alert_url}, repr=False
    )
    kinds: str = dataclasses.field(
        default="", metadata={**_checked(check_kinds), "in_file": kinds_of}
    )
    level: str = dataclasses.field(default=WARNING, metadata=_checked(check_level))
    quiet_hours: str = dataclasses.field(default="", metadata=_checked(check_hours))
    time_zone: str = dataclasses.field(default="UTC", metadata=_checked(check_zone))
    urgent_passes: bool = dataclasses.field(default=True, metadata={"sort": "flag"})
    error_percent: int = dataclasses.field(
        default=20, metadata={"sort": "number", "allowed": PERCENTS}
    )
    slow_seconds: int = dataclasses.field(
        default=60, metadata={"sort": "number", "allowed": SECONDS}
    )
    is_on: bool = dataclasses.field(default=True, metadata={"sort": "flag", "file_name": "enabled"})


ALERT_FIELDS = fields_of(AlertSettings)
