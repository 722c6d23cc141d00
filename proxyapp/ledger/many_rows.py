"""Many rows in few statements: one on PostgreSQL, one for each few hundred rows on SQLite.

A statement for each row is a round trip to PostgreSQL. On SQLite its thread gives the interpreter's
lock away for each, and a busy event loop gives that back late.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from types import MappingProxyType

from django.db import connection

from proxyapp.database.many_values import Rows, Table, sources, table_name, time_texts

# What is noted for later than that was a clock's error.
MOST_AHEAD = timedelta(days=1)
# Of a count with its hour or day in front (proxyapp.ledger.stamps): no key has so many in a day.
STAMP_LIMIT = 1 << 32
Stamps = Mapping[str, int]
NO_STAMPS: Stamps = MappingProxyType({})


def add_to_rows(
    table: Table,
    place: Sequence[str],
    columns: Sequence[str],
    rows: Rows,
    stamps: Stamps = NO_STAMPS,
) -> None:
    """Each row: its place (unique in the table and here), then what is added to the columns.

    A place without a row gets one. Their locks are taken in this order. `stamps`: columns behind
    the others, with the base of the hour or day that is added to.
    """
    columns, rows = _with_something_to_add(table, place, columns, rows)
    name, names = table_name(table), (*place, *columns, *stamps)
    sums = ", ".join(
        [
            *(f"{column} = {name}.{column} + excluded.{column}" for column in columns),
            *(_stamped(name, column, base) for column, base in stamps.items()),
        ]
    )
    with connection.cursor() as cursor:
        for source, values in sources(table, names, rows):
            cursor.execute(  # no outside value
                f"INSERT INTO {name} ({', '.join(names)}) {source}"
                f" ON CONFLICT ({', '.join(place)}) DO UPDATE SET {sums}",
                values,
            )


def _with_something_to_add(
    table: Table, place: Sequence[str], columns: Sequence[str], rows: Rows
) -> tuple[Sequence[str], Rows]:
    """Without the columns of zeros that a new row has anyway: each that is written costs as much
    as any other.
    """
    first = len(place)
    defaults: dict[str, object] = {
        field.column: field.db_default for field in table._meta.concrete_fields
    }
    spare = {
        number
        for number, column in enumerate(columns)
        if defaults[column] == 0 and not any(row[first + number] for row in rows)
    }
    if not spare or not rows:
        return columns, rows
    kept = itemgetter(*(at for at in range(len(rows[0])) if at - first not in spare))
    left = [column for number, column in enumerate(columns) if number not in spare]
    return left, [kept(row) for row in rows]


def _stamped(name: str, column: str, base: int) -> str:
    """What is older begins anew; where a later hour or day counts, nothing is added."""
    old, new = f"{name}.{column}", f"excluded.{column}"
    return (
        f"{column} = CASE WHEN {old} < {base} THEN {new}"
        f" WHEN {old} < {base + STAMP_LIMIT} THEN {old} + {new} - {base} ELSE {old} END"
    )


def known_ids(table: Table, ids: Sequence[int]) -> set[int]:
    """Which of them there are."""
    found: set[int] = set()
    column = table._meta.pk.column
    with connection.cursor() as cursor:
        for source, values in sources(table, (column,), [(number,) for number in ids]):
            cursor.execute(
                f"SELECT {column} FROM {table_name(table)} WHERE {column} IN ({source})",  # noqa: S608
                values,
            )
            found.update(number for (number,) in cursor.fetchall())
    return found


def note_latest(
    table: Table, column: str, times: Mapping[int, float], *, skips_locked: bool = False
) -> None:
    """Writes the times, by the rows' ids, where no later one stands.

    The rows are locked in the order of their ids before they are written: an UPDATE would lock them
    in that of its plan.
    """
    name = table_name(table)
    horizon = (datetime.now(UTC) + MOST_AHEAD).timestamp()
    texts = time_texts((horizon, *times.values()))
    rows = [(number, texts[times[number]]) for number in sorted(times)]
    locking = ""
    if connection.vendor == "postgresql":
        locking = f" FOR NO KEY UPDATE OF {name}{' SKIP LOCKED' if skips_locked else ''}"
    with connection.cursor() as cursor:
        for source, values in sources(table, ("id", column), rows):
            cursor.execute(
                f"WITH given (id, noted) AS ({source}), latest AS ("  # noqa: S608
                f"SELECT {name}.id, given.noted FROM {name} JOIN given ON given.id = {name}.id"
                f" WHERE {column} IS NULL OR {column} < given.noted OR {column} > %s"
                f" ORDER BY {name}.id{locking})"
                f" UPDATE {name} SET {column} = latest.noted FROM latest"
                f" WHERE {name}.id = latest.id",
                [*values, texts[horizon]],
            )
