"""A database of another gateway on a server, by its URL: read only, and without its password."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg import sql

from proxyapp.models import ApiKey, ClientToken, Group
from tests.support import postgres
from tests.support.chosen_database import needs_postgresql
from tests.support.import_from import everything, import_from, keys_of
from tests.support.peer_files import gemini_balance_settings, gpt_load_tables, new_api_tables
from tests.support.pool_data import secret
from tests.support.ports import free_port

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"
KINDS = {int: "bigint", bool: "boolean", str: "text", type(None): "timestamptz"}


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of an empty database, in the variable OLD_DATABASE."""
    url = postgres.fresh_database()
    monkeypatch.setenv("OLD_DATABASE", url)
    try:
        yield url
    finally:
        postgres.drop_database(url)


def fill(url: str, tables: Any) -> None:
    with psycopg.connect(url) as connection:
        for table, rows in tables.items():
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(KINDS[type(value)]))
                for name, value in rows[0].items()
            ]
            make = sql.SQL("CREATE TABLE {} ({})")
            connection.execute(make.format(sql.Identifier(table), sql.SQL(", ").join(columns)))
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            insert = sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), marks)
            for row in rows:
                connection.execute(insert, list(row.values()))


def imported(peer: str = "auto") -> dict[str, Any]:
    return import_from(peer, "env:OLD_DATABASE")


@needs_postgresql("SQLite has no server")
def test_gpt_loads_keys_states_and_tokens_come_from_its_database(url: str):
    fill(url, gpt_load_tables(TARGET, KEYS, OLD))

    report = imported()

    assert report["format"] == "gpt-load"
    assert list(keys_of("flash").values()) == ["active", "active", "disabled"]
    assert Group.objects.get().aliases == {"fast": "gemini-2.5-flash"}
    assert ClientToken.objects.get().name == "gpt-load flash 1"


@needs_postgresql("SQLite has no server")
def test_new_apis_channels_and_tokens_come_from_its_database(url: str):
    tables = new_api_tables(TARGET, KEYS, OLD)
    tables["channels"][0]["setting"] = json.dumps({"proxy": "http://exit.example:8080"})
    tables["tokens"][0]["unlimited_quota"] = True
    fill(url, tables)

    report = imported()

    assert (report["format"], Group.objects.get().priority) == ("new-api", 0)
    assert Group.objects.get().proxy_url == "http://exit.example:8080"
    assert list(keys_of("google").values()) == ["active", "active", "disabled"]
    assert [row["masked"] for row in report["client_tokens"]["created"]] == ["sk-c…1f04"]


@needs_postgresql("SQLite has no server")
def test_settings_of_gemini_balance_come_from_its_database(url: str):
    settings = gemini_balance_settings(TARGET, KEYS, OLD)
    fill(url, {"t_settings": [{"key": name, "value": it} for name, it in settings.items()]})

    assert imported()["format"] == "gemini-balance"
    assert list(keys_of("gemini")) == KEYS


@needs_postgresql("SQLite has no server")
def test_views_are_not_read_and_too_much_is_not_taken(url: str, monkeypatch: pytest.MonkeyPatch):
    fill(url, {"real": [{"id": 1}], "api_keys": gpt_load_tables(TARGET, KEYS, OLD)["api_keys"]})
    with psycopg.connect(url) as connection:
        connection.execute("CREATE VIEW groups AS SELECT pg_sleep(60)::text, id FROM real")

    with pytest.raises(CommandError, match="a database without their tables"):
        imported()
    monkeypatch.setattr("proxyapp.peers.postgresql.MAX_ROWS", 2)
    with pytest.raises(CommandError, match="holds more than is read at a time"):
        imported("gpt-load")
    assert everything() == []


@needs_postgresql("SQLite has no server")
def test_a_table_that_is_locked_is_not_waited_for(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxyapp.peers.postgresql.LOCK_SECONDS", 0.1)
    fill(url, gpt_load_tables(TARGET, KEYS, OLD))

    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE api_keys")
        with pytest.raises(CommandError, match="cannot be read"):
            imported()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("mysql://user:MARKER@host/db", "MySQL is not read: export"),
        ("mysql+pymysql://user:MARKER@host/db", "MySQL is not read: export"),
        ("user:MARKER/x@tcp(host:3306)/db?charset=utf8mb4", "MySQL is not read: export"),
        ("postgresql://user:MARKER@host/db", "name that as env:NAME"),
        ("postgresql://user:MARK/ER@host/db", "write it as %2F"),
        ("sqlite:////srv/db", "is named by its file"),
        ("env:NOT_SET_MARKER", "is not set"),
        ("redis://user:MARKER@host", "is not a database URL"),
    ],
)
def test_another_address_is_refused_with_the_remedy(given: str, remedy: str):
    with pytest.raises(CommandError) as refused:
        call_command("import_from", "auto", given)

    assert remedy in str(refused.value)
    assert "MARKER" not in str(refused.value).replace("NOT_SET_MARKER", "")


def test_a_server_that_is_away_is_said_without_the_password(monkeypatch: pytest.MonkeyPatch):
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("OLD_DATABASE", f"postgresql://user:MARKER@{address}/old")

    with pytest.raises(CommandError) as refused:
        imported()

    assert f"{address}/old: cannot be read" in str(refused.value)
    assert "MARKER" not in str(refused.value)
