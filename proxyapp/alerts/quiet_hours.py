"""When a channel is to be left in peace."""

from datetime import UTC, datetime, tzinfo

from proxyapp.vocabulary.alert_fields import minutes_of
from proxyapp.vocabulary.time_zones import zone_named


def is_quiet(hours: str, zone: tzinfo, now: datetime) -> bool:
    """`hours`: such as 22:00-07:00, by the clocks of the zone; empty: never."""
    begin, end = minutes_of(hours)
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end


def zone_of(name: str) -> tzinfo:
    """UTC for a zone that this machine does not know (any more)."""
    try:
        return zone_named(name)
    except (ValueError, OSError, KeyError):
        return UTC
