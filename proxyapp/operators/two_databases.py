"""Two databases in one process: one that is only read, and the one that all the rest knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.utils import ConnectionHandler

from gateway.database import configured_database
from proxyapp.database.outage import reason_of
from proxyapp.operators.database_copy import CopyError

DatabaseSettings = dict[str, Any]
DEFAULT = "default"


@contextmanager
def without_passwords() -> Iterator[None]:
    """What a database complains of may have them."""
    try:
        yield
    except DatabaseError as error:
        raise CopyError(reason_of(error)) from None


def _configured(url: str) -> DatabaseSettings:
    """With what Django adds of its own."""
    database = configured_database(url, settings.SQLITE_TIMEOUT_SECONDS)
    databases: dict[str, DatabaseSettings] = ConnectionHandler({DEFAULT: database}).settings
    return databases[DEFAULT]


def shown(url: str) -> str:
    database = _configured(url)
    if not database["HOST"]:
        return str(database["NAME"])
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"{database['HOST']}{port}/{database['NAME']}"


def opened(url: str) -> BaseDatabaseWrapper:
    """As it is at one moment, and to be read only."""
    database = _configured(url)
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    if "sqlite" in database["ENGINE"]:
        if not Path(database["NAME"]).is_file():
            raise CopyError(f"FROM: there is no database {database['NAME']}")
        begin, database["OPTIONS"]["init_command"] = "BEGIN", "PRAGMA query_only = ON"
    source = _connection(database)
    try:
        with source.cursor() as cursor:
            cursor.execute(begin)
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except DatabaseError as error:
        raise CopyError(f"FROM cannot be read: {reason_of(error)}") from None
    if applied != set(MigrationLoader(None).disk_migrations):
        raise CopyError(
            "FROM is another version's: start the gateway with it once, which brings it up to date"
        )
    return source


def connection_to(url: str) -> BaseDatabaseWrapper:
    """A new one, beside that which all the rest knows."""
    return _connection(_configured(url))


def _connection(database: DatabaseSettings) -> BaseDatabaseWrapper:
    return ConnectionHandler({DEFAULT: database})[DEFAULT]


def become_default(url: str) -> None:
    """Migrations, and whoever writes here, know no other."""
    connections[DEFAULT].close()
    del connections[DEFAULT]
    connections.settings[DEFAULT] = _configured(url)
