"""What `back_up` has written becomes the database: whole, in one transaction, or not at all."""

import re
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from proxyapp.models import audit
from proxyapp.models.sealed import UNREADABLE, opener
from proxyapp.operators.backup import OWN_TABLES, BackupError
from proxyapp.operators.backup_copy import (
    KEYS,
    MIGRATIONS,
    Copy,
    PostgresqlCopy,
    SqliteCopy,
    copy_in,
    is_older,
    run,
)
from proxyapp.pool.cursor import lock_pool, raise_pool_version

BY_RESTORE = audit.command("restore")
# In pg_restore's list: a number, two of the server's, the kind.
NOT_OURS = re.compile(r"\d+; \d+ \d+ (?:SCHEMA|EXTENSION) ")


@dataclass(frozen=True, slots=True)
class Restored:
    """`unreadable`: so many keys no secret opens; `is_older`: the next start has to update it."""

    counts: dict[str, int]
    unreadable: int
    is_older: bool


def put_back(
    place: Path,
    environment: Mapping[str, str],
    secrets: Sequence[str],
    *,
    is_replacing: bool,
    keep: Callable[[list[str]], object],
) -> Restored:
    """`secrets`: of the machine that the backup comes from; `keep` takes them before it is put
    back. Raises BackupError, django.db.Error and what `keep` raises.
    """
    _check_room(is_replacing=is_replacing)
    copy = copy_in(place, environment)
    older = is_older(copy)
    unreadable = _unreadable(copy, secrets)
    keep([*secrets])
    if isinstance(copy, SqliteCopy):
        _put_back_sqlite(copy)
    else:
        _put_back_postgresql(copy)
    counts = counted()
    if not older:
        _tell(place, counts)
    return Restored(counts, unreadable, older)


def counted() -> dict[str, int]:
    """Rows by what they are called, of tables that are there and not empty."""
    counts = {}
    there = set(connection.introspection.table_names())
    for model in apps.get_models():
        if model._meta.db_table in there and (count := _count(model)):
            counts[str(model._meta.verbose_name_plural)] = count
    return counts


def _count(model: type[Model]) -> int:
    """Also where the table is of an older version."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _unreadable(copy: Copy, secrets: Sequence[str]) -> int:
    opened = opener(secrets)
    sealed = copy.values(KEYS, "secret")
    unreadable = sum(opened(value) == UNREADABLE for value in sealed)
    if sealed and unreadable == len(sealed):
        raise BackupError(
            f"its {len(sealed)} keys cannot be opened with {_whose(secrets)}: name the file that"
            " `backup --secret` has written with --secret"
        )
    return unreadable


def _whose(secrets: Sequence[str]) -> str:
    return "what that file has, nor with this gateway's secret" if secrets else "this secret"


def _check_room(*, is_replacing: bool) -> None:
    if not is_replacing and MIGRATIONS in connection.introspection.table_names():
        there = ", ".join(f"{count} {name}" for name, count in counted().items())
        raise BackupError(
            f"the database has {there or 'its tables'} already: with --replace the backup takes"
            " their place, for good"
        )


def _put_back_sqlite(copy: SqliteCopy) -> None:
    """By SQLite's own means, so that a log which a killed gateway left beside the file is not
    written into what is restored, and others who have it open see all or nothing.
    """
    connection.ensure_connection()
    try:
        with closing(copy.open()) as source:
            source.backup(connection.connection)
    except sqlite3.Error as error:
        raise BackupError(f"It cannot be written: {error}") from None
    connection.close()


def _put_back_postgresql(copy: PostgresqlCopy) -> None:
    """First made into statements, whole: of a dump that breaks off nothing is executed."""
    connection.ensure_connection()
    server = connection.connection.info
    environment = {**copy.environment, "PGPASSWORD": server.password}
    place = f"--dbname={server.dsn}"
    removal = _removal()
    connection.close()  # the server may have few
    with tempfile.TemporaryDirectory(prefix="gateway-restore-") as directory:
        script, entries = Path(directory) / "statements", Path(directory) / "entries"
        entries.write_text(_own_entries(run("pg_restore", ["--list", str(copy.path)], environment)))
        arguments = ["--no-owner", "--no-privileges", "--no-comments", f"--use-list={entries}"]
        run("pg_restore", [*arguments, f"--file={script}", str(copy.path)], environment)
        arguments = ["--no-psqlrc", "--quiet", "--no-password", "--single-transaction"]
        arguments += ["--output=/dev/null", "--set=ON_ERROR_STOP=1", place]
        arguments += ["--command=SET LOCAL lock_timeout = '60s'", *removal, f"--file={script}"]
        run("psql", arguments, environment)


def _own_entries(listed: str) -> str:
    """Without schemas and extensions: who owns no more than its tables may not make them, and they
    are there, or are the server's.
    """
    lines = listed.splitlines(keepends=True)
    return "".join(line for line in lines if not NOT_OURS.match(line))


def _removal() -> list[str]:
    """Also of tables that a later version has made; never of others'."""
    tables = [
        connection.ops.quote_name(name)
        for name in connection.introspection.table_names()
        if name.startswith(OWN_TABLES)
    ]
    return [f"--command=DROP TABLE {', '.join(tables)}"] if tables else []


def _tell(place: Path, counts: Mapping[str, int]) -> None:
    """The audit log, and processes that have the database open."""
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    with transaction.atomic():
        lock_pool()
        audit.record_whole(
            BY_RESTORE, "import", audit.DATABASE, label=str(place.absolute()), detail=text
        )
        raise_pool_version()
