"""Rows of refusals are what the ORM would have written, in few statements."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from proxyapp.models import ApiKey, PoolChange, RateLimitEvent
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.event_rows import ROWS_A_STATEMENT, NewEvent, insert_events, known_keys
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 24, 3, 48, 7, 123_456, tzinfo=timezone(timedelta(hours=3)))


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group(), "a")


def event(key: ApiKey, number: int = 0) -> NewEvent:
    return NewEvent(
        key.pk,
        f"project {number}",
        "größe-%s",
        "minute",
        429,
        AT,
        AT + timedelta(seconds=number),
        "id 'quoted'",
        "1,000",
        None if number % 2 else 0.5,
        None,
        'words: %(x)s "…"',
    )


def test_each_column_is_read_back_as_it_was(key: ApiKey):
    ids = insert_events([event(key, 0), event(key, 1)])

    rows = list(RateLimitEvent.objects.order_by("pk").values_list("pk", *NewEvent._fields))
    assert [row[0] for row in rows] == sorted(ids or ())
    assert [NewEvent._make(row[1:]) for row in rows] == [event(key, 0), event(key, 1)]
    assert rows[0][6] == AT.astimezone(UTC)
    assert RateLimitEvent.objects.filter(released_at=None).count() == 2


def test_so_many_that_one_statement_does_not_take_them(key: ApiKey):
    count = 2 * ROWS_A_STATEMENT + 1

    ids = insert_events([event(key, number) for number in range(count)])

    assert len(set(ids or ())) == RateLimitEvent.objects.count() == count
    assert known_keys([key.pk, *range(10**6, 10**6 + count)]) == {key.pk}
    assert (insert_events([]), known_keys([])) == ([], set())


@pytest.mark.parametrize("count", [1, 40])
def test_a_refusals_transaction_is_a_handful_of_statements(key: ApiKey, count: int):
    later = datetime.now(UTC) + timedelta(hours=1)
    cooldown = NewCooldown(key.pk, "m", "minute", 429, datetime.now(UTC), later, "")
    write_cooldowns([cooldown])

    with CaptureQueriesContext(connection) as queries:
        version = write_cooldowns([cooldown] * count)

    clock = connection.vendor == "postgresql"
    assert len(queries) == 5 + clock
    touched = PoolChange.objects.get(version=version).touched
    assert touched is not None
    assert len(touched["cooldowns"]) == count
