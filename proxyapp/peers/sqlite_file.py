"""A database of another gateway: read only, tables only, and never more of it than is allowed.

The file may be anybody's: views, triggers and functions of it do nothing, and time is bounded.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from proxyapp.config.contents import ConfigError
from proxyapp.peers.source import Source

MAX_ROWS = 200_000
MAX_TEXT = 4 * 1024 * 1024
MAX_CHARACTERS = 128 * 1024 * 1024
MAX_SECONDS = 60.0
STEPS = 10_000
REMEDY = "stop the other gateway, so that the file is whole, or export from it as text"
Row = dict[str, Any]


def tables_of(source: Source) -> frozenset[str]:
    """Empty where it is no database."""
    if not source.is_sqlite:
        return frozenset()
    with _opened(source) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return frozenset(str(name) for (name,) in rows.fetchmany(MAX_ROWS))


def rows_of(source: Source, table: str, names: Sequence[str], order: str = "") -> list[Row]:
    """Of the columns that there are; a row is without the others. Raises ConfigError."""
    if table not in tables_of(source):
        return []
    with _opened(source) as connection:
        there = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
        wanted = [name for name in names if name in there]
        columns = ", ".join(f'"{name}"' for name in wanted)
        if not wanted:
            return []
        sorting = f' ORDER BY "{order}"' if order in there else ""
        query = f'SELECT {columns} FROM "{table}"{sorting}'  # noqa: S608 - all names are ours
        found = _bounded(connection.execute(query), source, table)
        return [dict(zip(wanted, row, strict=True)) for row in found]


def parsed(value: object) -> object:
    """Of a column with JSON; None is what is none."""
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _bounded(
    rows: Iterable[Sequence[object]], source: Source, table: str
) -> Iterator[Sequence[object]]:
    characters = 0
    for count, row in enumerate(rows):
        plain = [_plain(value) for value in row]
        characters += sum(len(value) for value in plain if isinstance(value, str))
        if count >= MAX_ROWS or characters > MAX_CHARACTERS:
            raise source.wrong(f"table {table} holds more than is read at a time")
        yield plain


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    if source.path is None:
        raise source.wrong("a database is read on the gateway's machine: `manage.py import_from`")
    try:
        with closing(_connected(source.path)) as connection:
            yield connection
    except (sqlite3.Error, UnicodeError) as error:
        raise ConfigError([f"{source.name}: cannot be read ({error}): {REMEDY}"]) from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_TEXT)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    until = time.monotonic() + MAX_SECONDS
    connection.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
    return connection
