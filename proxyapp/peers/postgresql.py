"""A PostgreSQL database of another gateway: read only, tables only, and never more of it than is
allowed.

Its rows may be anybody's. Neither views nor foreign tables are read, and time is bounded.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from proxyapp.config.contents import ConfigError
from proxyapp.database.outage import reason_of
from proxyapp.operators.two_databases import connection_to
from proxyapp.peers.source import MAX_CHARACTERS, MAX_ROWS, MAX_TEXT, Row, Source
from proxyapp.vocabulary.in_words import gettext as _

LOCK_SECONDS = 5
TABLES = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND nspname = ANY (current_schemas(false))
"""
COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped
"""
AS_THEY_ARE = frozenset({"smallint", "integer", "bigint", "boolean"})


def tables_of(source: Source) -> frozenset[str]:
    with _opened(source) as cursor:
        cursor.execute(TABLES)
        return frozenset(str(name) for (name,) in cursor.fetchmany(MAX_ROWS))


def rows_of(source: Source, table: str, names: Sequence[str], order: str = "") -> list[Row]:
    with _opened(source) as cursor:
        cursor.execute(COLUMNS, [table])
        kinds = dict(cursor.fetchall())
        wanted = [name for name in names if name in kinds]
        if not wanted:
            return []
        columns = [_column(name, kinds[name]) for name in wanted]
        _refuse_too_much(cursor, source, table, columns)
        sorting = f' ORDER BY "{order}"' if order in kinds else ""
        query = f'SELECT {", ".join(columns)} FROM "{table}"{sorting}'  # noqa: S608 - all names are ours
        cursor.execute(query)
        return [dict(zip(wanted, row, strict=True)) for row in cursor.fetchall()]


def _column(name: str, kind: str) -> str:
    return f'"{name}"' if kind in AS_THEY_ARE else f'left("{name}"::text, {MAX_TEXT})'


def _refuse_too_much(
    cursor: CursorWrapper, source: Source, table: str, columns: Sequence[str]
) -> None:
    """Before any of it is here."""
    sizes = " + ".join(f"coalesce(length({column}::text), 0)" for column in columns)
    cursor.execute(f'SELECT count(*), sum({sizes}) FROM "{table}"')  # noqa: S608 - all names are ours
    rows, characters = cursor.fetchone()
    if rows > MAX_ROWS or (characters or 0) > MAX_CHARACTERS:
        text = _("table %(table)s holds more than is read at a time")
        raise source.wrong(text % {"table": table})


@contextmanager
def _opened(source: Source) -> Iterator[CursorWrapper]:
    """PostgreSQL's own words may have a password in them."""
    milliseconds = max(1, int((source.read_until - time.monotonic()) * 1000))
    try:
        with closing(connection_to(source.url)) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            yield cursor
    except DatabaseError as error:
        why = _("cannot be read: %(why)s") % {"why": reason_of(error)}
        raise ConfigError([f"{source.name}: {why}"]) from None
