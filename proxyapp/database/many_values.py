"""Rows as what a statement reads from: one on PostgreSQL, one for each few hundred on SQLite."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models

# SQLite takes 32,766 in a statement; from a few thousand on a larger one is no faster.
MOST_VARIABLES = 5000
Table = type[models.Model]
Rows = Sequence[Sequence[str | int]]


def sources(table: Table, names: Sequence[str], rows: Rows) -> Iterator[tuple[str, list[Any]]]:
    """Statements that yield the rows in their order, and their values."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        fields = [field for field in table._meta.concrete_fields if field.column in names]
        types = {field.column: _type(field) for field in fields}
        arrays = ", ".join(f"%s::{types[name]}[]" for name in names)
        columns = [list(column) for column in zip(*rows, strict=True)]
        yield f"SELECT * FROM unnest({arrays})", columns  # noqa: S608
        return
    marks, most = f"({', '.join(['%s'] * len(names))})", MOST_VARIABLES // len(names)
    for start in range(0, len(rows), most):
        batch = rows[start : start + most]
        yield f"VALUES {', '.join([marks] * len(batch))}", [part for row in batch for part in row]


def time_texts(times: Iterable[float]) -> dict[float, str]:
    """As they stand in SQLite's rows; PostgreSQL is told their zone."""
    zone = "" if connection.vendor == "postgresql" else "+00:00"
    return {
        seconds: str(datetime.fromtimestamp(seconds, UTC)).removesuffix(zone)
        for seconds in set(times)
    }


def table_name(table: Table) -> str:
    return connection.ops.quote_name(table._meta.db_table)


def _type(field: "models.Field[Any, Any]") -> str:
    """Without a length, by which a cast would cut what the column refuses."""
    found = str(field.db_type(connection))
    return "text" if found.startswith("varchar") else found
