"""A gateway's database goes, and comes back."""

import sqlite3

from tests.support import postgres
from tests.support.gateway import Gateway


class Away:
    """PostgreSQL lets nobody in any more; SQLite is locked for writing by another program."""

    def __init__(self, gateway: Gateway) -> None:
        self._url = gateway.database_url
        self._lock: sqlite3.Connection | None = None

    def take(self) -> None:
        if self._url.startswith("sqlite"):
            self._lock = sqlite3.connect(self._url.removeprefix("sqlite:///"), isolation_level=None)
            self._lock.execute("BEGIN EXCLUSIVE")
        else:
            postgres.lock_out(self._url)

    def bring_back(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        elif not self._url.startswith("sqlite"):
            postgres.let_in(self._url)
