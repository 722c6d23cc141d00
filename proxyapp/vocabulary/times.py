"""Moments and spans of time as text."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from proxyapp.vocabulary.time_zones import zone_named


def local_text(moment: datetime, timespec: str = "minutes") -> str:
    """For whoever reads a log or a command's output: in the zone of TZ, and with it."""
    zone = zone_named(settings.TZ)
    local = moment.astimezone(zone)
    if zone is UTC:
        return f"{local.replace(tzinfo=None).isoformat(' ', timespec)} UTC"
    return local.isoformat(" ", timespec)


def utc_second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso_utc(moment: datetime, timespec: str = "seconds") -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def countdown(until: datetime, now: datetime) -> str:
    """`45 s`, `12 min`, `3 h 12 min` or `2 d 3 h`, rounded up: it has never passed already."""
    return " ".join(f"{number} {unit}" for number, unit in countdown_parts(until, now))


def countdown_parts(until: datetime, now: datetime) -> list[tuple[int, str]]:
    seconds = -((now - until) // timedelta(seconds=1))
    if seconds < 60:
        return [(max(seconds, 0), "s")]
    minutes = -(-seconds // 60)
    if minutes < 60:
        return [(minutes, "min")]
    if minutes < 48 * 60:
        return _two_units(*divmod(minutes, 60), "h", "min")
    return _two_units(*divmod(-(-minutes // 60), 24), "d", "h")


def _two_units(large: int, small: int, large_unit: str, small_unit: str) -> list[tuple[int, str]]:
    return [(large, large_unit), (small, small_unit)] if small else [(large, large_unit)]
