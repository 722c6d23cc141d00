"""A key that is removed while a process writes down that its turn is next."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from proxyapp.models import ApiKey, Group, RotationCursor
from proxyapp.pool import cursor
from proxyapp.pool.cursor import Progress
from tests.support.chosen_database import needs_postgresql
from tests.support.pool_data import add_group, add_key
from tests.support.waiting import wait_for

pytestmark = [
    needs_postgresql("SQLite has one writer at a time"),
    pytest.mark.django_db(transaction=True),
]


def save(progress: list[Progress]) -> None:
    try:
        cursor.save_progress(progress)
    finally:
        connection.close()


def waits(saving: "Future[None]") -> bool:
    """For what this transaction holds."""
    assert not saving.done(), saving.exception()
    with connection.cursor() as asking:
        asking.execute(
            "SELECT 1 FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return asking.fetchone() is not None


@pytest.fixture
def group() -> Group:
    return add_group("g")


@pytest.mark.parametrize("ring", ["", "group:1"])
def test_its_turn_is_forgotten_and_the_turns_of_other_rings_are_kept(
    group: Group, ring: str
) -> None:
    stays, leaves = (add_key(group, name).pk for name in ("stays", "leaves"))
    cursor.raise_pool_version()
    for name in (ring, "group:2"):
        cursor.lease_laps(name, [stays, leaves], 32)
    cursor.save_progress([Progress("group:2", leaves, 0, 32)])
    progress = [Progress(ring, leaves, 1, 32), Progress("group:2", stays, 1, 32)]

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            cursor.lock_pool()
            cursor.raise_pool_version()
            RotationCursor.objects.filter(next_key=leaves).update(next_key=None)
            saving = threads.submit(save, progress)
            wait_for(lambda: waits(saving))
            ApiKey.objects.filter(pk=leaves).delete()
        saving.result(20)

    told = dict(RotationCursor.objects.values_list("ring", "next_key"))
    assert told == {"": None, ring: None, "group:2": stays}
