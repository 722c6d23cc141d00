"""A copy of the database as it is at one moment, while others go on writing to it.

Each kind by its own means: SQLite's backup, which knows of the log beside the file (a plain copy of
the file lacks what is in that), and PostgreSQL's pg_dump.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

SQLITE_COPY, POSTGRESQL_COPY = "database.sqlite3", "database.pgdump"
OWN_TABLES = ("proxyapp_", "auth_", "django_")


class BackupError(Exception):
    """There is no backup; the text says why and what to do."""


def back_up(directory: Path, environment: Mapping[str, str]) -> Path:
    """Makes the directory, whole or not at all; the database's copy in it.

    `environment`: for the program that dumps. Raises BackupError and django.db.Error.
    """
    with _new_directory(directory) as draft:
        if connection.vendor == "postgresql":
            copy = _dump_postgresql(draft / POSTGRESQL_COPY, directory, environment)
        else:
            copy = _copy_sqlite(draft / SQLITE_COPY)
        _sync(copy)
        _sync(draft)
    return directory / copy.name


@contextmanager
def _new_directory(directory: Path) -> Iterator[Path]:
    """A draft beside it, which takes its name when it is complete. Both are the owner's alone."""
    directory = directory.absolute()
    if directory.is_symlink() or (directory.exists() and not _is_empty(directory)):
        raise BackupError(
            f"{directory} is there already: nothing is overwritten, name a new directory"
        )
    draft: Path | None = None
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{directory.name}.partial-", dir=directory.parent))
        yield draft
        draft.rename(directory)
        _sync(directory.parent)
    except OSError as error:
        raise BackupError(
            f"{error.filename or directory} cannot be written: {error.strerror or error}"
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _copy_sqlite(copy: Path) -> Path:
    """In one step, which keeps no writer waiting: the log holds what they write meanwhile."""
    source = connection.settings_dict["NAME"]
    if not Path(source).exists():
        raise BackupError(f"There is no database yet: {source} is missing")
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(copy)) as target:
            connection.connection.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupError(f"The copy cannot be made: {error}") from error
    if found != "ok":
        raise BackupError(f"The database is damaged: {found}")
    return copy


def _dump_postgresql(copy: Path, directory: Path, environment: Mapping[str, str]) -> Path:
    connection.ensure_connection()
    server = connection.connection.info
    command = ["pg_dump", "--format=custom", "--no-password", f"--dbname={server.dsn}", *_tables()]
    by_hand = (
        f"pg_dump --format=custom --file={directory / copy.name} --host={server.host}"
        f" --port={server.port} --username={server.user} {server.dbname}"
    )
    version = server.server_version // 10_000
    remedy = (
        f"Install PostgreSQL's client programs of version {version} or newer (Debian:"
        f" postgresql-client-{version}), or run where they are: {by_hand}"
    )
    environment = {**environment, "PGPASSWORD": server.password}
    connection.close()  # the server may have few
    with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            done = subprocess.run(  # noqa: S603
                command, env=environment, stdout=file, stderr=subprocess.PIPE, check=False
            )
        except FileNotFoundError:
            raise BackupError(f"pg_dump is not installed. {remedy}") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise BackupError(f"{said}. {remedy}" if "version mismatch" in said else said)
    return copy


def _tables() -> list[str]:
    """The gateway's: a database may have others', which its role may not even read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(coalesce(current_schema(), 'public'))")
        schema = cursor.fetchone()[0]
    return [f"--table={schema}.{prefix}*" for prefix in OWN_TABLES]


def _sync(path: Path) -> None:
    """On disk when it returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
