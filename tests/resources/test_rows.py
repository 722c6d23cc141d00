"""Rows of resources: many in one statement, read by name, and taken in one order."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from proxyapp.models import Resource
from proxyapp.resources.known import ResourceChange, forgotten
from proxyapp.resources.rows import read_resources, write_resources
from tests.support.resources import known


def made(name: str, key_id: int = 1, at: float = 0.0, **fields: object) -> ResourceChange:
    return ResourceChange(known(name, key_id, **fields), at or time.time())


def statements(changes: list[ResourceChange]) -> int:
    with CaptureQueriesContext(connection) as asked:
        write_resources(changes)
    return sum("INSERT" in query["sql"] for query in asked)


def test_many_are_written_in_one_statement(db):
    assert statements([made(f"files/{number}") for number in range(500)]) == 1
    assert Resource.objects.count() == 500


def test_rows_say_all_that_is_known(db):
    resource = known("models/m/operations/o", 7, project="p", group_id=3, client_id=9, key_hash="h")
    write_resources([ResourceChange(resource, 1_800_000_000.25)])

    row = Resource.objects.get()
    assert (row.kind, row.key_name, str(row)) == (
        "models/*/operations",
        "key-7",
        "models/m/operations/o",
    )
    assert row.made_at == datetime.fromtimestamp(1_800_000_000.25, UTC)
    assert read_resources([resource.name], time.time()) == {resource.name: [resource]}


def test_a_name_whose_kind_is_unknown_is_kept_as_any_other(db):
    write_resources([made("novelties/a")])

    assert Resource.objects.get().kind == ""
    assert [*read_resources(["novelties/a"], time.time())] == ["novelties/a"]


def test_the_later_of_two_counts_in_whichever_order_they_come(db):
    now = time.time()
    write_resources(
        [made("files/a", at=now, client_id=2), made("files/a", at=now - 9, client_id=1)]
    )
    assert Resource.objects.get().client_id == 2

    write_resources([made("files/a", at=now - 5, client_id=3)])
    write_resources([forgotten("files/a", 1, now - 5)])
    assert Resource.objects.get().client_id == 2

    write_resources([forgotten("files/a", 1, now + 1)])
    write_resources([made("files/a", at=now - 5, client_id=4)])
    assert read_resources(["files/a"], now) == {}


def test_a_row_that_a_wrong_clock_made_does_not_stand_for_ever(db):
    write_resources([made("files/a", at=time.time() + 300, client_id=1)])

    write_resources([made("files/a", client_id=2)])

    assert Resource.objects.get().client_id == 2


def test_more_names_than_a_statement_takes_are_found(db):
    names = [f"files/{number}" for number in range(1200)]
    write_resources([made(name) for name in names])

    assert read_resources(names, time.time()).keys() == set(names)


def test_names_are_compared_to_the_letter(db):
    write_resources([made("files/a"), made("files/A"), made("files/a%")])

    assert [*read_resources(["files/a"], time.time())] == ["files/a"]


@pytest.mark.django_db(transaction=True)
def test_writers_of_the_same_rows_wait_in_no_circle():
    names = [f"files/{number}" for number in range(60)]
    begin = threading.Barrier(4)

    def write(seed: int) -> list[str]:
        source, refused = random.Random(seed), []
        begin.wait()
        try:
            for _ in range(15):
                chosen = source.sample(names, 40)
                changes = [made(name) for name in chosen[:20]]
                changes += [forgotten(name, 1, time.time()) for name in chosen[20:]]
                source.shuffle(changes)
                try:
                    write_resources(changes)
                except OperationalError as error:
                    refused.append(str(error))
        finally:
            connection.close()
        return refused

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(write, range(4))) == [[]] * 4


def test_an_older_release_still_writes_rows(db):
    columns = ("name", "key_id", "key_name", "project", "group_id", "client_id", "kind")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO proxyapp_resource ({', '.join(columns)}, made_at, expires_at)"
            " VALUES ('files/a', 1, 'one', '', 1, 0, 'files', '2026-01-01', '2999-01-01')"
        )

    (found,) = read_resources(["files/a"], time.time())["files/a"]
    assert (found.key_id, found.key_hash) == (1, "")


def test_one_name_is_looked_up_as_plainly_as_can_be(db):
    with CaptureQueriesContext(connection) as asked:
        read_resources(["files/a"], time.time())

    (query,) = asked
    assert "unnest" not in query["sql"]
    assert "VALUES" not in query["sql"]
