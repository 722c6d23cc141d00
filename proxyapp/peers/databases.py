"""A database of another gateway, of either kind: its tables, and rows of them."""

import json
from collections.abc import Sequence

from proxyapp.peers import postgresql, sqlite_file
from proxyapp.peers.source import Row, Source


def tables_of(source: Source) -> frozenset[str]:
    """Empty where it is no database. Raises ConfigError."""
    if source.url:
        return postgresql.tables_of(source)
    return sqlite_file.tables_of(source) if source.is_sqlite else frozenset()


def rows_of(source: Source, table: str, names: Sequence[str], order: str = "") -> list[Row]:
    """Of the columns that there are; a row is without the others. Raises ConfigError."""
    if table not in tables_of(source):
        return []
    if source.url:
        return postgresql.rows_of(source, table, names, order)
    return sqlite_file.rows_of(source, table, names, order)


def parsed(value: object) -> object:
    """Of a column with JSON; None is what is none."""
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
