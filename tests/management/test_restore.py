"""`manage.py restore` of what `backup` has written, on another machine, after a kill -9."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support import postgres
from tests.support.chosen_database import needs_postgresql, needs_sqlite
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import counted_by_hour, rows
from tests.support.gateway_tokens import make_tokens
from tests.support.plain_role import as_owner
from tests.support.postgres import ON_POSTGRESQL
from tests.support.waiting import wait_for

only_sqlite = needs_sqlite("the copy is changed by SQLite's means")
COPY = "database.pgdump" if ON_POSTGRESQL else "database.sqlite3"
KEYS = ["KEY-AAAA-1111", "KEY-BBBB-2222"]
PROGRAMS = {"PATH": f"{postgres.client_programs()}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def backup(shared_upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a gateway that was killed after it has answered; the token that its client has."""
    place = tmp_path_factory.mktemp("backup")
    config = {"groups": [group(KEYS, shared_upstream.url, auth="google")]}
    with Gateway(config, env=PROGRAMS) as gateway:
        token = make_tokens(gateway, {"app": {}})["app"]
        for _ in range(4):
            assert ask(gateway, token) == 200
        wait_for(lambda: counted_by_hour(gateway) == 4)
        gateway.kill()
        done = gateway.manage("backup", str(place / "b"), "--secret", str(place / "secret"))
        assert done.returncode == 0, done.stderr
    return f"{place} {token}"


@pytest.fixture
def place(backup: str) -> Path:
    return Path(backup.split()[0])


@pytest.fixture
def new() -> Iterator[Gateway]:
    """Another machine, without a database; on PostgreSQL its role owns that and no more."""
    gateway = Gateway({"groups": []}, env=PROGRAMS, is_migrated=False)
    with as_owner(gateway) if ON_POSTGRESQL else closing(gateway):
        yield gateway


@pytest.fixture
def used() -> Iterator[Gateway]:
    """Another one, with the database of a first start."""
    gateway = Gateway({"groups": []}, env=PROGRAMS)
    yield gateway
    gateway.close()


def ask(gateway: Gateway, token: str) -> int:
    headers = {"x-goog-api-key": token}
    return httpx.get(
        f"{gateway.url}/v1beta/models", headers=headers, trust_env=False, timeout=20
    ).status_code


def test_another_machine_goes_on_with_all_that_a_killed_gateway_has_written(
    backup: str, new: Gateway
):
    place, token = backup.split()

    refused = new.manage("restore", f"{place}/b")
    done = new.manage("restore", f"{place}/b", "--secret", f"{place}/secret")

    assert "2 keys cannot be opened" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert "\n2 API keys\n" in f"\n{done.stdout}"
    assert not any(key in done.stdout + refused.stderr for key in KEYS)
    assert counted_by_hour(new) == 4
    new.start()
    assert (ask(new, token), ask(new, "gk-" + "x" * 43)) == (200, 401)


def test_a_database_in_use_is_only_replaced_when_told_so(place: Path, used: Gateway):
    command = ["restore", str(place / "b"), "--secret", str(place / "secret")]

    refused = used.manage(*command)
    assert "already: with --replace the backup takes their place" in refused.stderr
    assert refused.returncode == 1
    assert rows(used, "SELECT count(*) FROM proxyapp_apikey") == [(0,)]
    done = used.manage(*command, "--replace")

    assert done.returncode == 0, done.stderr
    assert rows(used, "SELECT count(*) FROM proxyapp_apikey") == [(2,)]
    told = rows(used, "SELECT actor, action FROM proxyapp_auditentry ORDER BY id DESC LIMIT 1")
    assert told == [("command: restore", "import")]


def test_a_copy_that_is_cut_off_changes_nothing(place: Path, used: Gateway, tmp_path: Path):
    whole = (place / "b" / COPY).read_bytes()
    (tmp_path / COPY).write_bytes(whole[: len(whole) * 2 // 5])
    before = rows(used, "SELECT count(*) FROM django_migrations")

    done = used.manage("restore", str(tmp_path), "--secret", str(place / "secret"), "--replace")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert rows(used, "SELECT count(*) FROM django_migrations") == before
    assert rows(used, "SELECT count(*) FROM proxyapp_apikey") == [(0,)]


@needs_postgresql("SQLite has no schemas")
def test_a_schema_in_a_database_of_others_is_enough(used: Gateway, tmp_path: Path):
    """Its role may make none, and not read what is not its own."""
    with as_owner(used, schema="own"):
        with psycopg.connect(used.database_url) as others:
            others.execute("CREATE TABLE own.others AS SELECT 4711 AS number")
        done = used.manage("backup", str(tmp_path / "b"))
        assert done.returncode == 0, done.stderr

        done = used.manage("restore", str(tmp_path / "b"), "--replace")

        assert done.returncode == 0, done.stderr
        assert rows(used, "SELECT count(*) > 50 FROM own.django_migrations") == [(True,)]
        assert rows(used, "SELECT number FROM own.others") == [(4711,)]


@only_sqlite
def test_a_later_version_is_refused_and_an_older_one_told(
    place: Path, new: Gateway, tmp_path: Path
):
    shutil.copy(place / "b" / COPY, tmp_path / COPY)
    command = ["restore", str(tmp_path), "--secret", str(place / "secret")]
    with closing(sqlite3.connect(tmp_path / COPY)) as copy, copy:
        copy.execute("UPDATE django_migrations SET name = '9999' WHERE name = '0049_currency'")
    refused = new.manage(*command)
    with closing(sqlite3.connect(tmp_path / COPY)) as copy, copy:
        copy.execute("DELETE FROM django_migrations WHERE name = '9999'")
    done = new.manage(*command)

    assert "was written by a later version" in refused.stderr
    assert "the next start brings it up to date" in done.stdout
