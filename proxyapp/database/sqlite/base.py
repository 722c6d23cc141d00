"""SQLite that waits for a lock outside of SQLite.

SQLite's own wait holds the mutex of its connection, and whoever lets go of one of that connection's
cursors needs the mutex: in whatever thread drops the last reference or happens to collect garbage,
be it the one of the event loop.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base

Result = TypeVar("Result")
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY})
# Most locks are short; the pause doubles, so that a long one is not asked for all the time. The
# longest still leaves forty tries a second.
FIRST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.025


def patiently(work: Callable[[], Result], seconds: float) -> Result:
    """Tries again for so long while somebody else has the lock. Raises sqlite3.OperationalError."""
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class PatientConnection(sqlite3.Connection):
    """`timeout` as everywhere: how long it waits for a lock.

    `patience_seconds` is the same, and may be changed.
    """

    def __init__(self, database: Any, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(database, timeout=0, **options)
        self.patience_seconds = timeout

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        return patiently(
            lambda: super(PatientConnection, self).execute(*statement), self.patience_seconds
        )

    def commit(self) -> None:
        patiently(super().commit, self.patience_seconds)


class PatientCursor(base.SQLiteCursorWrapper):
    connection: PatientConnection

    def execute(self, query: Any, params: Any = None) -> Any:
        return patiently(
            lambda: super(PatientCursor, self).execute(query, params),
            self.connection.patience_seconds,
        )

    def executemany(self, query: Any, param_list: Iterable[Any]) -> Any:
        rows = list(param_list)
        return patiently(
            lambda: super(PatientCursor, self).executemany(query, rows),
            self.connection.patience_seconds,
        )


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: Any) -> PatientConnection:
        """A new file is its owner's alone, whatever the umask.

        SQLite gives those beside it the same mode.

        One that is there is not even opened: closing it would end the locks of this process's other
        connections.
        """
        if not self.is_in_memory_db():
            with suppress(OSError):  # which SQLite explains
                os.close(
                    os.open(conn_params["database"], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                )
        connection: PatientConnection = super().get_new_connection(conn_params)
        return connection

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "factory": PatientConnection}

    def create_cursor(self, name: Any = None) -> Any:
        return self.connection.cursor(factory=PatientCursor)
