"""Several starts at once on one database: all come up, and one prepares it."""

import fcntl
import functools
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from proxyapp.process.start_lock import ADVISORY_LOCK
from tests.support.chosen_database import needs_postgresql, needs_sqlite
from tests.support.gateway import ROOT, Gateway, group
from tests.support.gateway_database import rows
from tests.support.pooler import pooled
from tests.support.postgres import ON_POSTGRESQL
from tests.support.waiting import wait_for

only_postgresql = needs_postgresql("PostgreSQL's")
only_sqlite = needs_sqlite("SQLite's")
OLD = ROOT / "tests" / "data" / "before_rooms.sql"
SECRET = {"SECRET_KEY": "one-secret-for-all-of-them-0123456789-0123456789"}
CONFIG = {"groups": [group(["KEY-A", "KEY-B"], "http://127.0.0.1:9")]}


@pytest.fixture
def first() -> Iterator[Gateway]:
    """Not started; its database is empty."""
    gateway = Gateway(CONFIG, env=SECRET, is_migrated=False)
    try:
        yield gateway
    finally:
        gateway.close()


def together(first: Gateway, *, count: int = 4, url: str = "", new_users: int = 1) -> list[str]:
    """Starts so many on one database at the same time; what they said once all of them serve."""
    shared = {**SECRET, "DATABASE_URL": url or first.database_url}
    with ExitStack() as stack:
        nodes = [Gateway(CONFIG, env=shared, is_migrated=False) for _ in range(count)]
        for node in nodes:
            stack.callback(node.close)
            node.launch()
        for node in nodes:
            wait_for(functools.partial(has_begun, node), 90)
            assert httpx.get(f"{node.url}/healthz", trust_env=False).status_code == 200
        said = [node.output() for node in nodes]
    assert said_by(said, "Traceback") == said_by(said, "does not work") == 0
    assert said_by(said, "Login: ") == new_users
    assert said_by(said, "brought up to date") == 1, "one has migrated"
    return said


def has_begun(node: Gateway) -> bool:
    assert node._running().poll() is None, node.output()
    return "Keys:  " in node.output()


def said_by(outputs: Sequence[str], words: str) -> int:
    return sum(words in output for output in outputs)


def counts(gateway: Gateway) -> list[tuple[Any, ...]]:
    return rows(
        gateway,
        "SELECT (SELECT count(*) FROM auth_user), (SELECT count(*) FROM proxyapp_apikey),"
        " (SELECT count(*) FROM proxyapp_group)",
    )


def test_on_an_empty_database_one_prepares(first: Gateway):
    said = together(first)

    assert counts(first) == [(1, 2, 1)]
    assert said_by(said, "Keys:  2 in 1 group") == 4
    assert said_by(said, "Waits for another start that prepares the database") > 0


@only_postgresql
@pytest.mark.parametrize("connections", [1, 20])
def test_through_a_pooler_in_transaction_mode_too(first: Gateway, connections: int):
    with pooled(first.database_url, connections=connections) as url:
        said = together(first, url=url)
        assert said_by(said, "Keys:  2 in 1 group") == 4

        assert counts(first) == [(1, 2, 1)]


def test_on_an_old_schema(first: Gateway):
    done = first.manage("migrate", "proxyapp", "0008", "--verbosity", "0")
    assert done.returncode == 0, done.stderr

    together(first)

    assert counts(first) == [(1, 2, 1)]


@only_sqlite
def test_on_an_old_database(first: Gateway):
    file = first.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as database:
        database.executescript(OLD.read_text())
        users, keys, groups = counts(first)[0]

    together(first, new_users=0)

    assert counts(first) == [(users, keys + 2, groups + 1)]


# What one waits for may never come.


@only_postgresql
@pytest.mark.parametrize("is_pooled", [False, True])
def test_a_lock_of_the_session_that_was_left_behind_hinders_nobody(first: Gateway, is_pooled: bool):
    """What starts of older versions take, and a pooler keeps."""
    with ExitStack() as stack:
        url = first.database_url
        left = stack.enter_context(psycopg.connect(url, autocommit=True))
        left.execute("SELECT pg_advisory_lock(%s)", [0x67656D696E69])
        if is_pooled:
            url = stack.enter_context(pooled(url, connections=5))
        first.environment["DATABASE_URL"] = url

        first.start()


@only_postgresql
def test_who_waits_says_for_what_and_goes_on_when_the_other_is_gone(first: Gateway):
    with psycopg.connect(first.database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        first.launch()
        wait_for(lambda: first.output().count("Waits for another start that prepares") == 3, 30)

    wait_for(lambda: "Keys:  2 in 1 group" in first.output(), 60)


@only_sqlite
def test_on_sqlite_too_and_it_names_the_process(first: Gateway):
    with lock_file(first).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4711")
        file.flush()
        first.launch()
        wait_for(lambda: first.output().count("(process 4711): ") == 2, 30)

    wait_for(lambda: "Keys:  2 in 1 group" in first.output(), 60)


@only_sqlite
def test_a_start_that_hangs_on_sqlite_holds_the_others_for_half_a_minute(first: Gateway):
    with lock_file(first).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        first.launch()

        wait_for(lambda: "Keys:  2 in 1 group" in first.output(), 90)
        assert "which hangs: end it with kill -9" in first.output()


def lock_file(gateway: Gateway) -> Path:
    return Path(gateway.database_url.removeprefix("sqlite:///") + ".start")


def test_who_dies_while_it_prepares_holds_nobody(first: Gateway):
    """It is stopped somewhere in its migrations, and killed."""
    first.launch()
    wait_for(lambda: is_preparing(first))
    first.signal(signal.SIGSTOP)
    second = Gateway(CONFIG, env={**SECRET, "DATABASE_URL": first.database_url}, is_migrated=False)
    try:
        second.launch()
        wait_for(lambda: "Waits for another start" in second.output(), 30)
        first.signal(signal.SIGKILL)

        wait_for(lambda: "Keys:  2 in 1 group" in second.output(), 60)
    finally:
        second.close()
    assert counts(first) == [(1, 2, 1)]


def is_preparing(gateway: Gateway) -> bool:
    if not ON_POSTGRESQL:
        return lock_file(gateway).exists() and lock_file(gateway).read_text() != ""
    with psycopg.connect(gateway.database_url) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        return found.fetchone() is not None
