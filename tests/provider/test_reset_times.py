"""When a day's quota is full again."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from proxyapp.provider.reset_times import next_daily_reset, next_reset

MOSCOW = ZoneInfo("Europe/Moscow")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-11-23T06:59:59.999999Z", "2026-11-23T07:00:00Z"),
        ("2026-11-23T07:00:00Z", "2026-11-24T07:00:00Z"),
        ("2026-11-23T07:00:00.000001Z", "2026-11-24T07:00:00Z"),
        ("2026-11-23T21:30:00Z", "2026-11-24T07:00:00Z"),
        ("2026-12-31T20:00:00Z", "2027-01-01T07:00:00Z"),
    ],
)
def test_ten_in_moscow_and_exactly_ten_means_tomorrow(now, reset):
    assert next_reset(at(now), at=time(10), zone=MOSCOW) == at(reset)


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        (
            "2026-03-07T17:00:00Z",
            "2026-03-08T13:00:00Z",
        ),  # the clocks go forward at 02:00 on the 8th
        ("2026-10-31T17:00:00Z", "2026-11-01T14:00:00Z"),  # and back on November 1st
    ],
)
def test_a_reset_follows_the_clocks_of_its_zone(now, reset):
    assert next_reset(at(now), at=time(9), zone=NEW_YORK) == at(reset)


def test_a_time_that_the_clocks_jump_over_comes_when_they_have_jumped():
    assert next_reset(at("2026-03-08T05:00:00Z"), at=time(2, 30), zone=NEW_YORK) == at(
        "2026-03-08T07:30:00Z"
    )


def test_a_time_that_the_clocks_show_twice_comes_the_first_time_only():
    assert next_reset(at("2026-11-01T05:00:00Z"), at=time(1, 30), zone=NEW_YORK) == at(
        "2026-11-01T05:30:00Z"
    )
    assert next_reset(at("2026-11-01T05:45:00Z"), at=time(1, 30), zone=NEW_YORK) == at(
        "2026-11-02T06:30:00Z"
    )


def test_time_and_zone_are_settings(settings):
    settings.RATE_LIMIT_RESET_TIME, settings.RATE_LIMIT_RESET_TZ = "00:00", "America/Los_Angeles"

    assert next_daily_reset(at("2026-11-23T12:00:00Z")) == at("2026-11-24T08:00:00Z")
