"""Quiet hours, by the clocks of a zone."""

from datetime import UTC, datetime

import pytest

from proxyapp.alerts.quiet_hours import is_quiet, zone_of


@pytest.mark.parametrize(
    ("hours", "zone", "now", "expected"),
    [
        ("22:00-07:00", "UTC", datetime(2026, 11, 30, 21, 59), False),
        ("22:00-07:00", "UTC", datetime(2026, 11, 30, 22, 0), True),
        ("22:00-07:00", "UTC", datetime(2026, 11, 30, 6, 59), True),
        ("22:00-07:00", "UTC", datetime(2026, 11, 30, 7, 0), False),
        ("12:00-13:00", "UTC", datetime(2026, 11, 30, 12, 30), True),
        ("12:00-13:00", "UTC", datetime(2026, 11, 30, 13, 0), False),
        ("22:00-07:00", "Europe/Berlin", datetime(2026, 11, 30, 21, 30), True),
        ("22:00-07:00", "Europe/Berlin", datetime(2026, 7, 30, 20, 30), True),
        ("22:00-07:00", "Mars/Olympus", datetime(2026, 7, 30, 22, 30), True),
        ("", "UTC", datetime(2026, 11, 30, 0, 0), False),
    ],
)
def test_quiet_hours(hours: str, zone: str, now: datetime, expected: bool) -> None:
    assert is_quiet(hours, zone_of(zone), now.replace(tzinfo=UTC)) is expected
