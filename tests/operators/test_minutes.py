"""What a dashboard reads of the last minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.models import LATENCY_BOUNDS_MS, LATENCY_COLUMNS, MinuteUsage
from proxyapp.operators.minutes import last_minutes, percentile

NOW = datetime(2026, 11, 24, 3, 48, 30, tzinfo=UTC)
THIS_MINUTE = NOW.replace(second=0)


def minute(ago: int, **counts: int) -> MinuteUsage:
    return MinuteUsage.objects.create(minute=THIS_MINUTE - timedelta(minutes=ago), **counts)


def buckets(**counts: int) -> list[int]:
    return [counts.get(column, 0) for column in LATENCY_COLUMNS]


# Percentiles.


def test_without_an_answer_there_is_no_percentile():
    assert percentile(buckets(), 0.5) is None


@pytest.mark.parametrize(
    ("share", "milliseconds"), [(0.1, 110), (0.5, 150), (0.95, 195), (1.0, 200)]
)
def test_a_percentile_is_interpolated_inside_its_bucket(share: float, milliseconds: float):
    assert percentile(buckets(latency_3=40), share) == pytest.approx(milliseconds)


def test_the_first_bucket_begins_at_nothing():
    assert percentile(buckets(latency_0=10), 0.5) == pytest.approx(12.5)


def test_what_is_faster_stands_before():
    counts = buckets(latency_0=90, latency_7=8, latency_10=2)

    assert percentile(counts, 0.9) == pytest.approx(25)
    assert percentile(counts, 0.94) == pytest.approx(875)
    assert percentile(counts, 0.99) == pytest.approx(3250)


def test_the_last_bucket_has_no_end_to_go_to():
    assert percentile(buckets(latency_15=3), 0.95) == LATENCY_BOUNDS_MS[-1]


def test_percentiles_rise_with_their_share():
    counts = buckets(latency_1=3, latency_4=1, latency_6=7, latency_15=1)
    found = [percentile(counts, share / 100) or 0 for share in range(1, 101)]

    assert found == sorted(found)


# One after the other.


@pytest.mark.django_db
def test_minutes_of_a_clock_that_is_ahead_are_left_out():
    minute(-5, answered=1)

    assert [one.answered for one in last_minutes(NOW, 3)] == [0, 0, 0]


@pytest.mark.django_db
def test_minutes_come_oldest_first_with_zeros_in_between():
    minute(0, answered=1, latency_2=1)
    minute(2, answered=3)
    minute(4, answered=9)

    found = last_minutes(NOW, 4)

    assert [one.answered for one in found] == [0, 3, 0, 1]
    assert [one.since for one in found] == [
        THIS_MINUTE - timedelta(minutes=ago) for ago in (3, 2, 1, 0)
    ]
    assert found[-1].latency[2] == 1


@pytest.mark.django_db
def test_they_are_one_query(django_assert_num_queries: Any):
    minute(3, answered=1)

    with django_assert_num_queries(1):
        last_minutes(NOW, 60)
