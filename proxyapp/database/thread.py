"""A thread of its own for the database, with the connection that it keeps."""

import asyncio
import os
import select
import socket
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db import Error as DatabaseError

from proxyapp.database.outage import NoAnswer, takes_reads_only
from proxyapp.vocabulary.marks import gettext_noop

if TYPE_CHECKING:  # on SQLite nothing else needs it
    import psycopg
    from django.db.backends.base.base import BaseDatabaseWrapper

Result = TypeVar("Result")
# The wait for SQLite's lock ends before ours does.
SQLITE_WAIT_SECONDS = 4.0
# At a stop, what does not answer by then is cut off.
CLOSE_SECONDS = 2.0
# Should this machine or the network fail, the server ends what we left: a row's lock must not
# outlive us.
POSTGRESQL_SESSION = (
    "SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '10s'"
)


class DatabaseThread:
    """Runs one piece of work after the other, on one thread with one connection.

    Who waits for an answer is let go after its time; what it asked for may be done all the same.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._wrapper: BaseDatabaseWrapper | None = None
        self._limited: psycopg.Connection[Any] | None = None
        self._file: tuple[int, int] | None = None
        self._is_cut = False

    @property
    def _link(self) -> "psycopg.Connection[Any] | None":
        """To PostgreSQL, as it is now: in the middle of work Django may make another one."""
        return None if self._wrapper is None else self._wrapper.connection

    @property
    def is_connected(self) -> bool:
        """To PostgreSQL."""
        link = self._link
        return link is not None and not link.closed

    async def run(self, work: Callable[[], Result], seconds: float) -> Result:
        """Raises what the work raises, or NoAnswer when it takes longer.

        Then it may be done all the same.
        """
        return await self._run(partial(self._with_connection, work), seconds)

    async def read(self, work: Callable[[], Result], seconds: float) -> Result:
        """As `run`, of work that may be done twice: also when the connection ends under it."""
        return await self._run(partial(self._reading, work), seconds)

    async def _run(self, work: Callable[[], Result], seconds: float) -> Result:
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(_look)
        done, _ = await asyncio.wait({future}, timeout=seconds)
        if not done:
            self._cut()
            raise NoAnswer("it does not answer")
        return future.result()

    def _reading(self, work: Callable[[], Result]) -> Result:
        link = self._link
        try:
            return self._with_connection(work)
        except DatabaseError:
            was_there = link is not None and link is self._link and link.closed
            if self._is_cut or not was_there:
                raise
        return self._with_connection(work)

    def _with_connection(self, work: Callable[[], Result]) -> Result:
        """The connection lives as long as its thread.

        A request's end, which Django would age it by, never comes.
        """
        self._is_cut = False
        if connection.vendor == "postgresql":
            self._wrapper = connections[DEFAULT_DB_ALIAS]  # this thread's
        connection.close_at = None
        connection.close_if_unusable_or_obsolete()
        self._follow_file()
        if not self._is_silent():
            connection.close_if_health_check_failed()
        if connection.connection is None:
            self._connect()
        self._limit()
        connection.health_check_done = True  # type: ignore[attr-defined]
        try:
            return work()
        except DatabaseError as error:
            if takes_reads_only(error):
                connection.close()  # the next one may lead to the server that takes writes now
            raise

    def _is_silent(self) -> bool:
        """A server that has ended the connection has sent its end.

        Only when there is something to read does Django ask (`SELECT 1`) before the work.
        """
        link = self._link
        if link is None or link.closed:
            return False
        waiting = select.poll()
        waiting.register(link.fileno(), select.POLLIN)
        return not waiting.poll(0)

    def _follow_file(self) -> None:
        """A file of SQLite that was deleted or replaced would go on taking writes, for nobody."""
        if self._file is None or (found := _file_of_database()) == self._file:
            return
        connection.close()
        if found is None:
            raise OperationalError from sqlite3.OperationalError(gettext_noop("its file is gone"))

    def _connect(self) -> None:
        connection.ensure_connection()
        if connection.vendor != "postgresql":
            connection.connection.patience_seconds = min(
                settings.SQLITE_TIMEOUT_SECONDS, SQLITE_WAIT_SECONDS
            )
        self._file = _file_of_database()

    def _limit(self) -> None:
        link = self._link
        if link is not None and link is not self._limited:
            with connection.cursor() as cursor:
                cursor.execute(POSTGRESQL_SESSION)
            self._limited = link

    def _cut(self) -> None:
        """A server that is there and does not answer would hold the thread for ever."""
        link = self._link
        if link is None or link.closed:
            return
        self._is_cut = True
        import psycopg  # it is there already

        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(link.fileno())) as way,
        ):
            way.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Blocks."""
        if not wait([self._executor.submit(_close)], CLOSE_SECONDS).done:
            self._cut()
        self._executor.shutdown(wait=True)


def _file_of_database() -> tuple[int, int] | None:
    """Which one it is; None for PostgreSQL, and when it is not there."""
    if connection.vendor != "sqlite":
        return None
    try:
        found = os.stat(connection.settings_dict["NAME"])
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _look(future: "asyncio.Future[Any] | Future[Any]") -> None:
    """Nobody may wait for it any more: its error is of no interest then."""
    if not future.cancelled():
        future.exception()


def _close() -> None:
    """`connection` is another one in every thread: it has to be looked up on the thread itself."""
    connection.close()
