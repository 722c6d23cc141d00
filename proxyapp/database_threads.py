"""Two threads for the database: one for what requests wait for, one for the rest. Neither serves the admin."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error as DatabaseError
from django.db import connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class DatabaseThreads:
    """`urgent` and `background` run a write on their thread and await it, `read` a read; they raise what it raises."""

    def __init__(self) -> None:
        self._urgent = ThreadPoolExecutor(1, thread_name_prefix="database-urgent")
        self._background = ThreadPoolExecutor(1, thread_name_prefix="database-background")
        self._failing: set[str] = set()

    @property
    def is_away(self) -> bool:
        return bool(self._failing)

    async def urgent(self, work: Callable[[], Result]) -> Result:
        return await self._run(self._urgent, work, "writing")

    async def background(self, work: Callable[[], Result]) -> Result:
        return await self._run(self._background, work, "writing")

    async def read(self, work: Callable[[], Result]) -> Result:
        return await self._run(self._background, work, "reading")

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[], Result], doing: str) -> Result:
        try:
            result = await asyncio.get_running_loop().run_in_executor(executor, _with_connection, work)
        except DatabaseError as error:
            self._fail(doing, error)
            raise
        self._succeed(doing)
        return result

    def _fail(self, doing: str, error: DatabaseError) -> None:
        """Says it once. The error's text may hold a password."""
        if not self._failing:
            logger.error("The database is away (%s, %s): going on from memory", doing, type(error).__name__)
        self._failing.add(doing)

    def _succeed(self, doing: str) -> None:
        if doing in self._failing:
            self._failing.remove(doing)
            if not self._failing:
                logger.warning("The database is back")

    def close(self) -> None:
        for executor in (self._urgent, self._background):
            executor.submit(_close)
            executor.shutdown(wait=True)


def _with_connection(work: Callable[[], Result]) -> Result:
    """These connections live as long as their threads: a request's end, which Django would age them by, never comes."""
    connection.close_at = None
    connection.close_if_unusable_or_obsolete()
    return work()


def _close() -> None:
    """`connection` is another one in every thread: it has to be looked up on the thread itself."""
    connection.close()
