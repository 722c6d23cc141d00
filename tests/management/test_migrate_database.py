"""`manage.py migrate_database`: everything from one database into another, and back."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group, migrated_template
from tests.support.gateway_database import counted_by_hour, rows
from tests.support.gateway_tokens import make_tokens

KEYS = ["KEY-AAAA-1111", "KEY-BBBB-2222"]
NONE: dict[str, Any] = {"groups": []}
# The project that is gone had a number which no later one may get.
ROWS = """
from proxyapp.models import *
from django.contrib.auth.models import Group as Role, User
for name in ("one", "two"):
    project = Project.objects.create(name=name, limits={"*": {"requests_per_day": 5}})
project.delete()
user = User.objects.create_user("wendy", password="a-long-password")
user.groups.add(Role.objects.get(name="Operator"))
SecondFactor.objects.create(user=user, secret="JBSWY3DPEHPK3PXP", last_step=0)
ClientToken.objects.get().allowed_groups.add(Group.objects.get())
"""
USERS = """
from django.contrib.auth.models import User
for name in ("first", "second"):
    User.objects.create_user(name)
"""
READ = """
from proxyapp.models import *
print([key.secret for key in ApiKey.objects.order_by("pk")], SecondFactor.objects.get().secret,
    Project.objects.get().limits, Project.objects.create(name="three").pk)
"""
SKIPPED = {"proxyapp_rotationcursor", "proxyapp_auditentry", "proxyapp_poolchange"}


@pytest.fixture
def used(upstream: FakeUpstream) -> Iterator[tuple[Gateway, str]]:
    """A gateway that was stopped, and its client's token."""
    with Gateway({"groups": [group(KEYS, upstream.url, auth="google")]}) as gateway:
        token = make_tokens(gateway, {"app": {}})["app"]
        shell(gateway, ROWS)
        assert [ask(gateway, token) for _ in range(4)] == [200] * 4
        gateway.stop()
        assert counted_by_hour(gateway) == 4
        yield gateway, token


def shell(gateway: Gateway, script: str) -> str:
    done = gateway.manage("shell", "--no-imports", "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(gateway: Gateway, token: str) -> int:
    headers = {"x-goog-api-key": token}
    return httpx.get(
        f"{gateway.url}/v1beta/models", headers=headers, trust_env=False, timeout=20
    ).status_code


def content(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as database:
        named = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: database.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()
            for (name,) in named
            if name not in SKIPPED | {"django_migrations", "sqlite_sequence"}
        }


def test_everything_arrives_and_comes_back_the_same(used: tuple[Gateway, str], tmp_path: Path):
    gateway, token = used
    there = tmp_path / "there.sqlite3"
    steps = [("env:DATABASE_URL", f"sqlite:///{there}"), (f"sqlite:///{there}", "env:DATABASE_URL")]
    query = "SELECT count(*), max(id) FROM proxyapp_auditentry"
    before = rows(gateway, query)

    done = gateway.manage("migrate_database", *steps[0])
    assert done.returncode == 0, done.stderr
    assert rows(gateway, query) == before
    arrived = content(there)
    refused = gateway.manage("migrate_database", *steps[1])
    again = gateway.manage("migrate_database", *steps[1], "--replace")
    back = gateway.manage("migrate_database", *steps[0], "--replace")

    assert "2 API keys\n" in done.stdout
    assert "2 keys and 1 client tokens already: with --replace" in refused.stderr
    assert [one.returncode for one in (refused, again, back)] == [1, 0, 0], again.stderr
    assert arrived == content(there)
    assert len(arrived["proxyapp_hourlyusage"]) > 0
    assert shell(gateway, READ).strip() == (
        "['KEY-AAAA-1111', 'KEY-BBBB-2222'] JBSWY3DPEHPK3PXP {'*': {'requests_per_day': 5}} 3"
    )
    gateway.start()
    assert ask(gateway, token) == 200


@pytest.mark.once
def test_what_is_no_database_or_would_show_a_password_is_one_line(tmp_path: Path):
    gateway = Gateway(NONE)
    target = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    try:
        for source, said in (
            (f"sqlite:///{tmp_path / 'missing'}", "there is no database"),
            ("postgresql://user:hush-hush@127.0.0.1:9/name", "has a password, which the list"),
            ("env:NO_SUCH_NAME", "NO_SUCH_NAME is not set"),
            (target, "the same database"),
        ):
            done = gateway.manage("migrate_database", source, target)
            assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
            assert said in done.stderr
            assert "hush-hush" not in done.stderr
        assert list(tmp_path.iterdir()) == []
    finally:
        gateway.close()


@pytest.mark.once
def test_what_does_not_fit_leaves_the_target_as_it_was(tmp_path: Path):
    gateway, file = Gateway(NONE), tmp_path / "source.sqlite3"
    try:
        shutil.copy(migrated_template(has_user=True), file)
        with closing(sqlite3.connect(file)) as source, source:
            source.execute("PRAGMA foreign_keys = OFF")
            source.execute("INSERT INTO auth_user_groups (user_id, group_id) VALUES (4711, 4712)")
        users = rows(gateway, "SELECT username FROM auth_user")

        done = gateway.manage("migrate_database", f"sqlite:///{file}", "env:DATABASE_URL")

        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "does not fit" in done.stderr
        assert rows(gateway, "SELECT username FROM auth_user") == users
        assert rows(gateway, "SELECT count(*) FROM auth_user_groups") == [(0,)]
    finally:
        gateway.close()


@pytest.mark.once
def test_operators_alone_are_worth_asking_for(tmp_path: Path):
    gateway, file = Gateway(NONE), tmp_path / "source.sqlite3"
    try:
        shutil.copy(migrated_template(has_user=True), file)
        shell(gateway, USERS)

        done = gateway.manage("migrate_database", f"sqlite:///{file}", "env:DATABASE_URL")

        assert done.returncode == 1
        assert "users already: with --replace" in done.stderr
        assert rows(gateway, "SELECT count(*) FROM auth_user WHERE username = 'second'") == [(1,)]
    finally:
        gateway.close()
