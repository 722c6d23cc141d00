"""SQLite files that anybody made: nothing in them runs, and none is read for long."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError

from proxyapp.config.contents import ConfigError
from proxyapp.peers.databases import rows_of, tables_of
from proxyapp.peers.source import Source, read_source
from tests.support.import_from import everything, import_from
from tests.support.peer_files import database, gpt_load_tables
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two")]
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n"
TRIGGER = "CREATE TRIGGER t AFTER INSERT ON groups BEGIN DELETE FROM api_keys; END"


def made(path: Path, *statements: str) -> Path:
    database(path, gpt_load_tables("https://gemini.example.com", KEYS, "sk-clients-of-old-8c1f04"))
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


@pytest.mark.parametrize("is_uploaded", [False, True])
@pytest.mark.parametrize(
    "statement",
    [f"CREATE VIEW tokens AS {ENDLESS}", "CREATE VIRTUAL TABLE tokens USING fts5(id, key)"],
)
def test_only_tables_are_read(tmp_path: Path, statement: str, *, is_uploaded: bool):
    file = made(tmp_path / "db", statement, TRIGGER)
    source = Source("db", file.read_bytes()) if is_uploaded else read_source(file)

    assert "tokens" not in tables_of(source)
    assert rows_of(source, "tokens", ("id", "key")) == []
    assert len(rows_of(source, "api_keys", ("id", "key_value"))) == 2


@pytest.mark.parametrize("is_uploaded", [False, True])
def test_time_is_bounded(tmp_path: Path, *, is_uploaded: bool):
    numbers = "WITH RECURSIVE n(i) AS (SELECT 9 UNION ALL SELECT i + 1 FROM n LIMIT 90000)"
    file = made(tmp_path / "db", f"INSERT INTO api_keys {numbers} SELECT i, 1, 'x', '', '' FROM n")
    content = file.read_bytes() if is_uploaded else file.read_bytes()[:16]
    source = Source("db", content, None if is_uploaded else file, seconds=0.0)

    with pytest.raises(ConfigError, match="interrupted"):
        rows_of(source, "api_keys", ("id", "key_value"), "key_value")


def test_a_value_that_is_longer_than_any_is_refused(tmp_path: Path):
    file = made(tmp_path / "db", "UPDATE api_keys SET key_value = zeroblob(5000000)")

    with pytest.raises(CommandError, match="cannot be read"):
        import_from("gpt-load", file)
    assert everything() == []


def test_a_column_that_is_computed_is_none(tmp_path: Path):
    computed = "ALTER TABLE groups ADD COLUMN config TEXT AS (hex(zeroblob(9000000)))"
    file = made(tmp_path / "db", "ALTER TABLE groups DROP COLUMN config", computed)

    assert import_from("gpt-load", file)["keys"]["created"] == 2
