"""Waiting for SQLite's lock: for as long as it is told to, and keeping no other thread."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from proxyapp.database.sqlite.base import DatabaseWrapper

PATIENCE_SECONDS = 1.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite3"


@pytest.fixture
def other_program(path: Path) -> Iterator[sqlite3.Connection]:
    """It has the lock until its transaction ends."""
    program = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    program.execute("PRAGMA journal_mode=WAL")
    program.execute("CREATE TABLE t (id INTEGER)")
    program.execute("BEGIN IMMEDIATE")
    yield program
    program.close()


@pytest.fixture
def database(
    path: Path, other_program: sqlite3.Connection, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[DatabaseWrapper]:
    options = {"timeout": PATIENCE_SECONDS, "transaction_mode": "IMMEDIATE"}
    handler = ConnectionHandler(
        {"default": {"ENGINE": "proxyapp.database.sqlite", "NAME": path, "OPTIONS": options}}
    )
    wrapper = handler["default"]
    assert isinstance(wrapper, DatabaseWrapper)
    with django_db_blocker.unblock():
        wrapper.ensure_connection()
        wrapper.inc_thread_sharing()
        yield wrapper
        wrapper.close()


def test_it_waits_as_long_as_it_is_told_to(database: DatabaseWrapper) -> None:
    began = time.monotonic()

    with pytest.raises(OperationalError, match="database is locked"):
        database.cursor().execute("INSERT INTO t VALUES (1)")

    assert PATIENCE_SECONDS <= time.monotonic() - began < PATIENCE_SECONDS + 5


def test_it_goes_on_once_the_lock_is_free(
    database: DatabaseWrapper, other_program: sqlite3.Connection
) -> None:
    database.connection.patience_seconds = 30
    freeing = threading.Timer(0.1, other_program.execute, ["COMMIT"])
    freeing.start()

    database.cursor().executemany("INSERT INTO t VALUES (%s)", [(1,), (2,), (3,)])

    freeing.join()
    assert database.cursor().execute("SELECT count(*) FROM t").fetchone() == (3,)


def test_what_is_no_lock_is_no_reason_to_wait(database: DatabaseWrapper) -> None:
    database.connection.patience_seconds = 3600

    with pytest.raises(OperationalError, match="no such table"):
        database.cursor().execute("SELECT * FROM nowhere")


def test_a_thread_that_lets_go_of_a_cursor_does_not_wait_for_the_lock(
    database: DatabaseWrapper, other_program: sqlite3.Connection
) -> None:
    database.connection.patience_seconds = 30
    cursor = database.cursor().execute(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    )
    waiting = threading.Thread(target=lambda: database.cursor().execute("INSERT INTO t VALUES (1)"))
    waiting.start()
    time.sleep(0.2)  # into its wait

    began = time.monotonic()
    del cursor
    took = time.monotonic() - began

    still_waits = waiting.is_alive()
    other_program.execute("COMMIT")
    waiting.join(30)
    assert (still_waits, waiting.is_alive()) == (True, False)
    assert took < 1
