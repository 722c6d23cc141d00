"""How many statements a PostgreSQL of the tests was asked: by its own log.

Another process of the same machine can read that log. Wants `requirements-dev.txt`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

STATEMENTS = (b" LOG:  statement: ", b" LOG:  execute ")


class NoStatementLog(Exception):
    """The text says why there is none."""


class StatementLog:
    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file

    def database(self, name: str) -> str:
        """The URL of a new one."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self._url.rpartition('/')[0]}/{name}"

    @property
    def end(self) -> int:
        return self._file.stat().st_size

    def counted(self, database: str, begin: int) -> int:
        """Statements to that database since the log ended at `begin`, BEGIN and COMMIT too."""
        return len(self.texts(database, begin, self.end))

    def texts(self, database: str, begin: int, end: int) -> list[bytes]:
        """The first line of each statement between two ends of the log."""
        with self._file.open("rb") as file:
            file.seek(begin)
            written = file.read(end - begin).splitlines()
        lines = [line for line in written if line.startswith(f"{database} ".encode())]
        return [line for line in lines if any(each in line for each in STATEMENTS)]


@contextmanager
def statement_log() -> Iterator[StatementLog]:
    """Of a server that runs as long as the block. Raises NoStatementLog."""
    try:
        from tests.support import postgres
    except ImportError as error:
        raise NoStatementLog(str(error)) from error
    try:
        with postgres.running_server() as url:
            yield StatementLog(url, _log_of(url))
    except (AssertionError, OSError, RuntimeError, psycopg.Error) as error:
        raise NoStatementLog(str(error)) from error


def _log_of(url: str) -> Path:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%d '")
        connection.execute("SELECT pg_reload_conf()")
        return Path(f"/proc/{connection.info.backend_pid}/fd/2").resolve()
