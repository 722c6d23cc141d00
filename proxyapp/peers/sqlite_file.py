"""A database of another gateway: read only, tables only, and never more of it than is allowed.

The file may be anybody's: views, virtual tables, triggers and functions of it do nothing, and time
is bounded.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from proxyapp.config.contents import ConfigError
from proxyapp.peers.source import MAX_CHARACTERS, MAX_ROWS, MAX_TEXT, Row, Source
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

STEPS = 10_000
# A virtual one has no page of its own.
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
# Where a file says that its newest pages are in another file.
JOURNAL = slice(18, 20)
REMEDY = gettext_noop(
    "stop the other gateway, so that the file is whole, or export from it as text"
)


def tables_of(source: Source) -> frozenset[str]:
    with _opened(source) as connection:
        rows = connection.execute(TABLES)
        return frozenset(str(name) for (name,) in rows.fetchmany(MAX_ROWS))


def rows_of(source: Source, table: str, names: Sequence[str], order: str = "") -> list[Row]:
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


def _bounded(
    rows: Iterable[Sequence[object]], source: Source, table: str
) -> Iterator[Sequence[object]]:
    characters = 0
    for count, row in enumerate(rows):
        plain = [_plain(value) for value in row]
        characters += sum(len(value) for value in plain if isinstance(value, str))
        if count >= MAX_ROWS or characters > MAX_CHARACTERS:
            text = _("table %(table)s holds more than is read at a time")
            raise source.wrong(text % {"table": table})
        yield plain


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    try:
        with closing(_connected(source)) as connection:
            yield connection
    except (sqlite3.Error, UnicodeError) as error:
        why = _("cannot be read: %(why)s") % {"why": error}
        raise ConfigError([f"{source.name}: {why}; {_(REMEDY)}"]) from error


def _connected(source: Source) -> sqlite3.Connection:
    connection = _of_content(source) if source.path is None else _of_file(source.path)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_TEXT)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    until = source.read_until
    connection.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
    return connection


def _of_file(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)


def _of_content(source: Source) -> sqlite3.Connection:
    """In memory, where no other file can have newer pages."""
    content = bytearray(source.content)
    content[JOURNAL] = b"\1\1"
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(content))
    return connection
