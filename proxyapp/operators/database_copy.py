"""All rows of one database into another, of whichever kind, as they stand in it.

Sealed columns stay sealed, numbers of rows stay, and so does what the next row's number is: usage
outlives its key, and a new key must not get the number of one that is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, BigAutoField, Field, Model

from proxyapp.models import ApiKey, ClientToken, Group, Project, audit
from proxyapp.models.sealed import UNREADABLE, SealedTextField
from proxyapp.pool.cursor import lock_pool, raise_pool_version

BATCH = 500
BY_COMMAND = audit.command("migrate_database")
Column: TypeAlias = "Field[Any, Any]"
Table = type[Model]
MADE_BY_HAND: Mapping[str, Table] = {"groups": Group, "projects": Project}


class CopyError(Exception):
    """Nothing was changed; the text says why."""


def copy_rows(source: BaseDatabaseWrapper, told: str, *, is_replacing: bool) -> dict[str, int]:
    """Into the default database, which has its tables, in one transaction; how many of what.

    `told`: what the audit log says of where they come from. Raises CopyError and django.db.Error.
    """
    counts: dict[str, int] = {}
    with transaction.atomic():
        lock_pool()
        _check_room(is_replacing=is_replacing)
        tables = _tables()
        for table in tables:
            _execute(f"DELETE FROM {_quoted(table._meta.db_table)}")  # noqa: S608
        for table in tables:
            if count := _copy_table(source, table):
                counts[str(table._meta.verbose_name_plural)] = count
        try:
            connection.check_constraints()
        except IntegrityError as error:
            raise CopyError(f"A row does not fit: {_first_line(error)}") from None
        _go_on_counting(source, tables)
        text = ", ".join(f"{count} {name}" for name, count in counts.items())
        audit.record_whole(BY_COMMAND, "import", audit.DATABASE, label=told, detail=text)
        lock_pool()  # another row than before
        raise_pool_version()
    return counts


def unreadable_keys() -> int:
    """How many of the default database's no secret of this process opens."""
    secrets = ApiKey.objects.exclude(secret=None).values_list("secret", flat=True)
    return sum(secret == UNREADABLE for secret in secrets)


def _tables() -> list[Table]:
    """Also those between two models."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    ]


def _check_room(*, is_replacing: bool) -> None:
    there = _counted({"keys": ApiKey, "client tokens": ClientToken}) or _counted(MADE_BY_HAND)
    users = get_user_model().objects.count()
    # A first start makes one.
    there = there or (f"{users} users" if users > 1 else "")
    if there and not is_replacing:
        raise CopyError(
            f"The database has {there} already: with --replace the rows that come take the place of"
            " all that it has"
        )


def _counted(tables: Mapping[str, Table]) -> str:
    found = {name: _count(connection, table) for name, table in tables.items()}
    return " and ".join(f"{count} {name}" for name, count in found.items() if count)


def _copy_table(source: BaseDatabaseWrapper, table: Table) -> int:
    """Raises CopyError also when the two have not as many in the end."""
    columns = list(table._meta.concrete_fields)
    names = ", ".join(_quoted(column.column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {_quoted(table._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608
    name = table._meta.verbose_name_plural
    try:
        with connection.cursor() as cursor:
            for batch in _batches(source, table, columns):
                cursor.executemany(statement, batch)
    except (DataError, IntegrityError, ValueError, OverflowError) as error:
        raise CopyError(f"A row of {name} does not fit: {_first_line(error)}") from None
    counts = [_count(one, table) for one in (source, connection)]
    if counts[0] != counts[1]:
        raise CopyError(f"Of {counts[0]} {name} only {counts[1]} have arrived")
    return counts[0]


def _batches(
    source: BaseDatabaseWrapper, table: Table, columns: Sequence[Column]
) -> Iterator[list[list[Any]]]:
    """In the order of their numbers, from one on to the next: a pooler has no cursors."""
    pk = table._meta.pk
    at, last = columns.index(pk), None
    names = ", ".join(_quoted(column.column) for column in columns)
    query = f"SELECT {names} FROM {_quoted(table._meta.db_table)}"  # noqa: S608
    order = f" ORDER BY {_quoted(pk.column)} LIMIT {BATCH}"
    readers = [_readers(source, column) for column in columns]
    while True:
        where = "" if last is None else f" WHERE {_quoted(pk.column)} > %s"
        with source.cursor() as cursor:
            cursor.execute(query + where + order, [] if last is None else [last])
            rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][at]
        yield [_written(row, columns, readers, source) for row in rows]


def _readers(source: BaseDatabaseWrapper, column: Column) -> tuple[Any, list[Any]]:
    """What Django makes of a column's value; nothing of a sealed one."""
    if isinstance(column, SealedTextField):
        return None, []
    shown = column.get_col(column.model._meta.db_table)
    return shown, [*source.ops.get_db_converters(shown), *shown.get_db_converters(source)]


def _written(
    row: Sequence[Any],
    columns: Sequence[Column],
    readers: Sequence[tuple[Any, list[Any]]],
    source: BaseDatabaseWrapper,
) -> list[Any]:
    values = []
    for value, column, (shown, converters) in zip(row, columns, readers, strict=True):
        for convert in converters:
            value = convert(value, shown, source)
        values.append(value if shown is None else column.get_db_prep_save(value, connection))
    return values


def _go_on_counting(source: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    numbered = [table for table in tables if isinstance(table._meta.pk, AutoField | BigAutoField)]
    if connection.vendor == "postgresql":
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            _execute(statement)
    for table in numbered:
        last = _last_number(source, table)
        if last > _last_number(connection, table):
            _set_last_number(table, last)


def _last_number(database: Any, table: Table) -> int:
    """That was given, if its row is gone, too."""
    name, column = table._meta.db_table, table._meta.pk.column
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [_quoted(name), column])
            sequence = cursor.fetchone()[0]
            cursor.execute(f"SELECT last_value FROM {sequence} WHERE is_called")  # noqa: S608
        else:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [name])
        found = cursor.fetchone()
    return int(found[0] or 0) if found else 0


def _set_last_number(table: Table, last: int) -> None:
    name, column = table._meta.db_table, table._meta.pk.column
    if connection.vendor == "postgresql":
        _execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [_quoted(name), column, last])
    else:
        _execute("DELETE FROM sqlite_sequence WHERE name = %s", [name])
        _execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [name, last])


def _count(database: Any, table: Table) -> int:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_quoted(table._meta.db_table)}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _execute(statement: str, values: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def _quoted(name: str) -> str:
    """The same on both databases."""
    return connection.ops.quote_name(name)


def _first_line(error: Exception) -> str:
    """Without the row's values, which the rest of a database's words may have."""
    return str(error).partition("\n")[0]
