"""What Django is told of the database."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from gateway.database_url import SQLITE, check_database_url, parsed_database_url

# A server that is gone without a word is noticed within seconds. (psycopg's own default for a
# connection is minutes.)
POSTGRESQL_OPTIONS = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def configured_database(url: str, sqlite_timeout_seconds: float) -> dict[str, Any]:
    if complaint := check_database_url(url):  # the default has VAR_DIR in it, which may be anything
        raise ImproperlyConfigured(f"DATABASE_URL {complaint}")
    database = parsed_database_url(url)
    if database["ENGINE"] == SQLITE:
        _make_directory(Path(database["NAME"]).parent)
        database |= _sqlite(sqlite_timeout_seconds)
    else:
        database["DISABLE_SERVER_SIDE_CURSORS"] = True  # a pooler's sessions change hands
        database["OPTIONS"] = {**POSTGRESQL_OPTIONS, **database.get("OPTIONS", {})}
    database["CONN_HEALTH_CHECKS"] = True
    return database


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL: {directory} cannot be made: {error.strerror}"
        ) from None


def _sqlite(timeout_seconds: float) -> dict[str, Any]:
    """IMMEDIATE transactions: SQLite ignores select_for_update, so the lock has to be taken at
    BEGIN.
    """
    return {
        "ENGINE": "proxyapp.database.sqlite",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": timeout_seconds,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
