"""What is used of a rolling minute, of a day and of what is under way."""

import math
import random
from collections import deque
from datetime import UTC, datetime

import pytest

from proxyapp.quota.meters import WINDOW_SECONDS, UseAtOnce, UseOfDay, UseOfMinute
from proxyapp.quota.pacific_days import day_ends_at, day_of, day_starts_at

NOON = datetime(2026, 11, 30, 20, 0, tzinfo=UTC).timestamp()  # in California
MIDNIGHT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC).timestamp()


def test_a_minute_has_room_again_when_its_oldest_request_is_a_minute_old() -> None:
    use = UseOfMinute()
    use.capacity = 2
    use.take(1, NOON)
    use.take(1, NOON + 10)
    assert use.used(NOON + 10) == 2
    assert use.free_at(1, NOON + 20) == NOON + WINDOW_SECONDS
    assert use.free_at(2, NOON + 20) == NOON + 10 + WINDOW_SECONDS
    assert use.used(NOON + WINDOW_SECONDS) == 1
    assert use.free_at(1, NOON + WINDOW_SECONDS) == NOON + WINDOW_SECONDS


def test_what_is_corrected_counts_as_corrected_while_its_minute_lasts() -> None:
    use = UseOfMinute()
    use.capacity = 100
    first, other = use.take(60, NOON), use.take(10, NOON + 1)
    use.correct(first, -55)
    assert use.used(NOON + 2) == 15
    assert use.used(NOON + WINDOW_SECONDS + 0.5) == 10
    use.correct(first, 90)  # its minute is over
    assert use.used(NOON + WINDOW_SECONDS + 0.5) == 10
    use.correct(other, -10)
    assert use.used(NOON + WINDOW_SECONDS + 0.5) == 0


def test_no_rolling_minute_ever_has_more_than_the_capacity() -> None:
    chance = random.Random(17)
    use, taken, now = UseOfMinute(), deque[float](), NOON
    use.capacity = 10
    for _ in range(5000):
        now += chance.expovariate(1 / 4)
        if use.used(now) < use.capacity:
            use.take(1, now)
            taken.append(now)
        while taken and taken[0] <= now - 60:
            taken.popleft()
        assert len(taken) <= 10


def test_a_minute_that_the_provider_has_seen_used_up_has_room_when_it_says() -> None:
    """One request's room, and the rest a minute later at most."""
    use = UseOfMinute()
    use.capacity = 5
    use.take(1, NOON)
    use.fill(5, NOON + 10, 20.0)
    assert use.free_at(1, NOON + 10) == NOON + 30
    assert use.used(NOON + 30) == 4
    assert use.used(NOON + WINDOW_SECONDS) == 3
    assert use.used(NOON + 10 + WINDOW_SECONDS) == 0
    use.fill(5, NOON + 200, 500.0)
    assert use.free_at(1, NOON + 200) == NOON + 200 + WINDOW_SECONDS


def test_more_than_a_minute_holds_is_free_at_no_known_time() -> None:
    use = UseOfMinute()
    use.capacity = 10
    use.take(1, NOON)
    assert use.free_at(11, NOON) == math.inf


def test_a_minute_lasts_as_long_when_the_clock_is_set() -> None:
    use = UseOfMinute()
    use.capacity = 1
    use.take(1, NOON)
    use.shift(-3600)
    assert use.free_at(1, NOON - 3600) == NOON - 3600 + WINDOW_SECONDS


def test_a_day_is_used_up_until_midnight_pacific() -> None:
    use = UseOfDay()
    use.used(NOON)
    use.capacity = 2
    use.end(use.take(1, NOON), 1, NOON)
    use.take(1, NOON)
    assert use.free_at(1, NOON) == MIDNIGHT
    assert use.used(MIDNIGHT) == 0
    assert use.capacity == 0  # of the new day nothing is leased yet


def test_what_is_written_down_is_the_databases_to_count() -> None:
    use = UseOfDay()
    use.used(NOON)
    use.capacity = 10
    ended, under_way = use.take(1, NOON), use.take(1, NOON)
    use.end(ended, 1, NOON + 0.2)
    use.note_written(NOON + 1.0)  # not sure that it was before that
    assert (use.used(NOON), use.capacity) == (2, 10)
    use.note_written(NOON + 1.1)
    assert (use.used(NOON), use.capacity) == (1, 9)
    use.end(under_way, 1, NOON + 5)
    use.note_written(NOON + 10)
    assert (use.used(NOON), use.capacity) == (0, 8)


def test_a_request_of_yesterday_is_no_part_of_today() -> None:
    use = UseOfDay()
    use.used(MIDNIGHT - 1)
    use.capacity = 5
    taken = use.take(3, MIDNIGHT - 1)
    assert use.used(MIDNIGHT + 1) == 0
    use.correct(taken, 97)
    use.end(taken, 100, MIDNIGHT + 1)
    use.note_written(MIDNIGHT + 10)
    assert (use.used(MIDNIGHT + 1), use.capacity) == (0, 0)


def test_what_is_under_way_is_free_when_it_ends() -> None:
    use = UseAtOnce()
    use.capacity = 1
    taken = use.take(1, NOON)
    assert use.free_at(1, NOON) == math.inf
    use.end(taken, 1, NOON + 300)
    assert use.used(NOON + 300) == 0


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 30, 20, 0, tzinfo=UTC), 24),
        (datetime(2026, 3, 8, 20, 0, tzinfo=UTC), 23),  # the clocks go forward
        (datetime(2026, 11, 1, 20, 0, tzinfo=UTC), 25),  # and back
    ],
)
def test_a_day_is_as_long_as_in_california(now: datetime, hours: int) -> None:
    at = now.timestamp()
    assert day_ends_at(at) - day_starts_at(at) == hours * 3600
    assert day_of(day_ends_at(at)) == day_of(at) + 1
    assert day_of(day_ends_at(at) - 0.001) == day_of(at)
    assert day_of(at) == day_of(day_starts_at(at))
