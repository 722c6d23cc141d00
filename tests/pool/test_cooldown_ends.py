"""A cooldown ends at the latest after its own length, whatever the clocks say."""

from datetime import UTC, datetime, timedelta

import pytest

from proxyapp.models import RateLimitEvent
from proxyapp.pool.cooldown_ends import CooldownEnds
from proxyapp.pool.store import PoolReader
from tests.support.pool_data import add_group, add_key, pool_version

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, DAYS = timedelta(minutes=1), timedelta(days=40)
pytestmark = pytest.mark.django_db


class Stopwatch:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def reader(watch: Stopwatch) -> PoolReader:
    reader = PoolReader()
    reader._ends = CooldownEnds(watch)
    return reader


def minute_from(began: datetime) -> RateLimitEvent:
    key = add_key(add_group(), "K1")
    return RateLimitEvent.objects.create(
        key=key, kind="minute", occurred_at=began, cooling_until=began + MINUTE
    )


def seconds_left(reader: PoolReader, now: datetime, ahead: timedelta = timedelta()) -> float:
    """By this machine's clock, which is `ahead` behind the database's."""
    (until,) = reader.load(now, ahead).cooldowns.of_scope("").values() or [0.0]
    return until - (now - ahead).timestamp()


@pytest.mark.parametrize("wrong", [timedelta(seconds=6), timedelta(days=2), DAYS])
def test_what_a_clock_that_was_ahead_wrote_lasts_as_long_as_it_says(
    reader: PoolReader, watch: Stopwatch, wrong: timedelta
):
    minute_from(NOW + wrong)

    assert seconds_left(reader, NOW) == pytest.approx(60.0)
    watch.seconds += 40
    assert seconds_left(reader, NOW + timedelta(seconds=40)) == pytest.approx(20.0)
    assert seconds_left(PoolReader(), NOW + timedelta(seconds=40)) == pytest.approx(20.0, abs=0.1)


def test_a_restart_never_begins_it_anew(caplog):
    event = minute_from(NOW + DAYS)
    version = pool_version()
    PoolReader().load(NOW)

    event.refresh_from_db()
    assert (event.occurred_at, event.cooling_until) == (NOW, NOW + MINUTE)
    assert pool_version() == version + 1
    assert "began in the future" in caplog.text
    assert PoolReader().load(NOW + MINUTE).cooldowns.of_scope("") == {}


def test_a_clock_that_is_set_back_prolongs_nothing(reader: PoolReader, watch: Stopwatch):
    minute_from(NOW)
    assert seconds_left(reader, NOW) == pytest.approx(60.0)
    watch.seconds += 40
    assert seconds_left(reader, NOW - DAYS) == pytest.approx(20.0)
    watch.seconds += 21
    assert seconds_left(reader, NOW - DAYS) < 0.0


def test_a_clock_that_is_set_forward_ends_nothing(reader: PoolReader, watch: Stopwatch):
    minute_from(NOW)
    seconds_left(reader, NOW)
    watch.seconds += 10
    assert seconds_left(reader, NOW + DAYS) == pytest.approx(50.0)
    watch.seconds += 51
    assert reader.load(NOW + DAYS).cooldowns.of_scope("") == {}


def test_a_released_cooldown_is_over_whatever_was_read(reader: PoolReader):
    event = minute_from(NOW)
    seconds_left(reader, NOW)
    event.released_at = NOW
    event.save()

    assert reader.load(NOW).cooldowns.of_scope("") == {}


@pytest.mark.parametrize("ahead", [-DAYS, timedelta(hours=1), DAYS])
def test_ends_are_times_of_this_machine_however_wrong_it_is(reader: PoolReader, ahead: timedelta):
    minute_from(NOW)
    assert seconds_left(reader, NOW + timedelta(seconds=15), ahead) == pytest.approx(45.0)
