"""Clocks of the machine and of the database that differ are said once, with the remedy."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from proxyapp.database.clock import ClockWarning, DatabaseTime, database_time

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_the_warning_comes_and_goes_once(caplog: pytest.LogCaptureFixture):
    warning = ClockWarning()
    for seconds in (0, 90, 95, 0, 0):
        warning.hear(DatabaseTime(NOW, timedelta(seconds=seconds)))
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "This machine's clock is 90 s behind the database's",
        "The clocks of this machine and of the database agree again",
    ]
    assert warning.text == ""


def test_the_time_that_processes_agree_on_is_the_databases():
    clock = ClockWarning()
    with time_machine.travel(NOW, tick=False):
        assert clock.now() == NOW
        clock.hear(DatabaseTime(NOW, timedelta(seconds=-30)))
        assert clock.now() == NOW - timedelta(seconds=30)


@pytest.mark.parametrize(("seconds", "side"), [(-7, "7 s ahead of"), (3600, "3600 s behind")])
def test_it_says_which_clock_is_ahead_and_what_to_do(seconds: int, side: str):
    warning = ClockWarning()
    warning.hear(DatabaseTime(NOW, timedelta(seconds=seconds)))
    assert side in warning.text
    assert "NTP" in warning.text


@pytest.mark.django_db
def test_the_database_of_another_machine_has_its_own_clock():
    assert database_time().ahead == timedelta()
    with time_machine.travel(datetime.now(UTC) - timedelta(days=1)):
        ahead = database_time().ahead
    expected = 86_400.0 if connection.vendor == "postgresql" else 0.0
    assert ahead.total_seconds() == pytest.approx(expected, abs=1.0)
