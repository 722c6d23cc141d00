"""What a backup's copy of a database says of itself, before anything is made of it."""

import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from gateway.places import NAME
from proxyapp.operators.backup import POSTGRESQL_COPY, SQLITE_COPY, BackupError

KEYS, MIGRATIONS = "proxyapp_apikey", "django_migrations"
NULL = r"\N"


@dataclass(frozen=True, slots=True)
class SqliteCopy:
    path: Path

    def open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)

    def values(self, table: str, column: str) -> list[str]:
        """Those of all rows that have one. Raises BackupError."""
        query = f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
        try:
            with closing(self.open()) as database:
                return [str(value) for (value,) in database.execute(query)]
        except sqlite3.Error as error:
            raise BackupError(f"{self.path} is no backup of a gateway: {error}") from None

    def check(self) -> None:
        try:
            with closing(self.open()) as database:
                found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise BackupError(f"{self.path} cannot be read: {error}") from None
        if found != "ok":
            raise BackupError(f"{self.path} is damaged: {found}")


@dataclass(frozen=True, slots=True)
class PostgresqlCopy:
    """`environment`: of the programs that read it."""

    path: Path
    environment: Mapping[str, str]

    def values(self, table: str, column: str) -> list[str]:
        """From what `COPY` would be given: a line a row, its columns named above them."""
        arguments = ["--data-only", f"--table={table}", "--file=-", str(self.path)]
        lines = iter(run("pg_restore", arguments, self.environment).splitlines())
        head = next((line for line in lines if line.startswith("COPY ")), "")
        names = [name.strip(' "') for name in head.partition("(")[2].partition(")")[0].split(",")]
        if column not in names:
            raise BackupError(f"{self.path} is no backup of a gateway: it has no {table}")
        at, found = names.index(column), []
        for line in lines:
            if line == r"\.":
                break
            found.append(line.split("\t")[at])
        return [value for value in found if value != NULL]


Copy = SqliteCopy | PostgresqlCopy


def run(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """What it prints. Raises BackupError, with the first line only of what it complains of: others
    may have rows.
    """
    command = [program, *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise BackupError(
            f"{program} is not installed: it comes with PostgreSQL's client programs (Debian:"
            " postgresql-client)"
        ) from None
    if done.returncode:
        raise BackupError(done.stderr.partition("\n")[0] or f"{program} failed")
    return done.stdout


def copy_in(place: Path, environment: Mapping[str, str]) -> Copy:
    """`place`: what `backup` made, or the one file in it. Raises BackupError."""
    kinds = {"sqlite": SQLITE_COPY, "postgresql": POSTGRESQL_COPY}
    there = [place] if place.is_file() else [place / name for name in kinds.values()]
    path = next((path for path in there if path.is_file()), None)
    if path is None:
        raise BackupError(f"{place} has no backup: neither {' nor '.join(kinds.values())}")
    is_dump = _begins(path, b"PGDMP")
    if is_dump != (connection.vendor == "postgresql"):
        raise BackupError(
            f"{path} is of {'PostgreSQL' if is_dump else 'SQLite'}, and DATABASE_URL is not:"
            f" restore it there, then run `{NAME} migrate_database`"
        )
    if is_dump:
        return PostgresqlCopy(path, environment)
    copy = SqliteCopy(path)
    copy.check()
    return copy


def is_older(copy: Copy) -> bool:
    """Than this version. Raises BackupError when it is newer."""
    apps = copy.values(MIGRATIONS, "app")
    names = copy.values(MIGRATIONS, "name")
    applied = {pair for pair in zip(apps, names, strict=True) if pair[0] == "proxyapp"}
    known = {pair for pair in MigrationLoader(None).disk_migrations if pair[0] == "proxyapp"}
    if applied - known:
        raise BackupError(f"{copy.path} was written by a later version: update this gateway first")
    return bool(known - applied)


def _begins(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from None
