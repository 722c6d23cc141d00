"""What a dashboard reads of the last minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.minutes import last_minutes, percentile, totals
from proxyapp.models import LATENCY_BOUNDS_MS, LATENCY_COLUMNS, MinuteUsage

NOW = datetime(2026, 11, 24, 3, 48, 30, tzinfo=UTC)
THIS_MINUTE = NOW.replace(second=0)


def minute(ago: int, **counts: int) -> MinuteUsage:
    return MinuteUsage.objects.create(minute=THIS_MINUTE - timedelta(minutes=ago), **counts)


def buckets(**counts: int) -> list[int]:
    return [counts.get(column, 0) for column in LATENCY_COLUMNS]


# Percentiles.


def test_without_an_answer_there_is_no_percentile():
    assert percentile(buckets(), 0.5) is None


@pytest.mark.parametrize(("share", "milliseconds"), [(0.1, 110), (0.5, 150), (0.95, 195), (1.0, 200)])
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


# Sums of a span.


@pytest.mark.django_db
def test_totals_are_of_the_last_minutes_with_the_one_that_runs():
    minute(0, answered=1, answered_well=1, prompt_tokens=10, output_tokens=1, latency_3=1)
    minute(59, answered=2, answered_well=1, rate_limited=4, no_key=1, output_tokens=5, latency_3=1)
    minute(60, answered=100)

    found = totals(NOW, 60)

    assert (found.since, found.minutes) == (THIS_MINUTE - timedelta(minutes=59), 60)
    assert (found.answered, found.answered_well, found.rate_limited, found.no_key) == (3, 2, 4, 1)
    assert (found.prompt_tokens, found.output_tokens, found.tokens) == (10, 6, 16)
    assert found.share_well == pytest.approx(2 / 3)
    assert (found.p50, found.p95, found.p99) == pytest.approx((150, 195, 199))


@pytest.mark.django_db
def test_totals_of_nothing_are_zeros_and_no_shares():
    found = totals(NOW, 60)

    assert (found.answered, found.tokens, sum(found.latency)) == (0, 0, 0)
    assert found.share_well is found.p50 is found.p95 is None


@pytest.mark.django_db
def test_minutes_of_a_clock_that_is_ahead_are_left_out():
    minute(-5, answered=1)

    assert totals(NOW, 60).answered == 0
    assert [one.answered for one in last_minutes(NOW, 3)] == [0, 0, 0]


# One after the other.


@pytest.mark.django_db
def test_minutes_come_oldest_first_with_zeros_in_between():
    minute(0, answered=1, latency_2=1)
    minute(2, answered=3)
    minute(4, answered=9)

    found = last_minutes(NOW, 4)

    assert [one.answered for one in found] == [0, 3, 0, 1]
    assert [one.since for one in found] == [THIS_MINUTE - timedelta(minutes=ago) for ago in (3, 2, 1, 0)]
    assert {one.minutes for one in found} == {1}
    assert found[-1].latency[2] == 1


@pytest.mark.django_db
def test_several_minutes_to_one_begin_at_round_times():
    for ago in range(80):
        minute(ago, answered=1, latency_0=1)

    found = last_minutes(NOW, 120, each=60)

    assert [one.since for one in found] == [NOW.replace(hour=hour, minute=0, second=0) for hour in (2, 3)]
    assert [one.answered for one in found] == [80 - 49, 49]
    assert [sum(one.latency) for one in found] == [80 - 49, 49]


@pytest.mark.django_db
def test_each_function_is_one_query(django_assert_num_queries: Any):
    minute(3, answered=1)

    for work in (lambda: totals(NOW, 60), lambda: last_minutes(NOW, 60), lambda: last_minutes(NOW, 1440, each=10)):
        with django_assert_num_queries(1):
            work()
