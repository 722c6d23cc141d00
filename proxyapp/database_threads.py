"""Two threads for the database: one for what requests wait for, one for the rest. Neither serves the admin."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class DatabaseThreads:
    """`urgent` and `background` run a function on their thread and await it; they raise what it raises."""

    def __init__(self) -> None:
        self._urgent = ThreadPoolExecutor(1, thread_name_prefix="database-urgent")
        self._background = ThreadPoolExecutor(1, thread_name_prefix="database-background")
        self.error: str | None = None

    async def urgent(self, work: Callable[[], Result]) -> Result:
        return await self._run(self._urgent, work)

    async def background(self, work: Callable[[], Result]) -> Result:
        return await self._run(self._background, work)

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        try:
            result = await asyncio.get_running_loop().run_in_executor(executor, _with_connection, work)
        except DatabaseError as error:
            self._note(type(error).__name__)
            raise
        self._note(None)
        return result

    def _note(self, error: str | None) -> None:
        """Says it once when the database goes away, and once when it is back. Its texts may hold a password."""
        if error and not self.error:
            logger.error("The database is away (%s): going on with the keys in memory", error)
        elif self.error and not error:
            logger.warning("The database is back")
        self.error = error

    def close(self) -> None:
        for executor in (self._urgent, self._background):
            executor.submit(connection.close)
            executor.shutdown(wait=True)


def _with_connection(work: Callable[[], Result]) -> Result:
    close_old_connections()
    return work()
