"""Two threads for the database: one for what requests wait for, one for the rest.

Neither serves the admin.

Once it is found to be away, nobody asks it any more but who looks whether it is back: no request
waits for it twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import Error as DatabaseError

from proxyapp.database.outage import (
    DatabaseAway,
    Outage,
    is_out_of_connections,
    reason_of,
    tells_of_an_outage,
)
from proxyapp.database.thread import DatabaseThread

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
READING, WRITING = "reading", "writing"
# Longer than `thread.SQLITE_WAIT_SECONDS`; after so long the database counts as away, and nobody
# waits for it any more.
ANSWER_SECONDS = 5.0
# Several looks at the pool have succeeded by then: there is one each `runtime.POLL_SECONDS`.
STEADY = timedelta(seconds=3)
# Of a server without a connection left: how often it is asked, how often that is said, and how long
# one thread works for both before a second connection is asked for again.
CONNECT_SECONDS, SAY_SECONDS, SHARE_SECONDS = 1.0, 5.0, 30.0


class DatabaseThreads:
    """`urgent` and `background` run a write, `read` a read; all raise what it raises.

    `look_up`: a short read that a request waits for. `seconds`: after so many the database counts
    as away. All raise DatabaseAway at once while it is.
    """

    def __init__(self) -> None:
        self._urgent = DatabaseThread("database-urgent")
        self._background = DatabaseThread("database-background")
        self.outage: Outage | None = None
        self.last_outage: Outage | None = None
        self._is_trusted = True
        self._without: DatabaseThread | None = None
        self._without_until = 0.0

    async def connect(self) -> None:
        """Waits as long as the server has no connection left, and says so.

        Raises django.db.Error.
        """
        began_at, said_at = time.monotonic(), -SAY_SECONDS
        while True:
            try:
                return await self._background.run(_nothing, ANSWER_SECONDS)
            except DatabaseError as error:
                if not is_out_of_connections(error):
                    raise
                reason = reason_of(error)
            if (now := time.monotonic()) - said_at >= SAY_SECONDS:
                said_at = now
                logger.warning(
                    "Waits for a connection to the database: %s; %.0f s so far. Raise the limit, or"
                    " start fewer workers.",
                    reason,
                    now - began_at,
                )
            await asyncio.sleep(CONNECT_SECONDS)

    @property
    def is_away(self) -> bool:
        return self.outage is not None

    async def urgent(self, work: Callable[[], Result]) -> Result:
        return await self._unless_away(self._urgent, work, WRITING, ANSWER_SECONDS)

    async def background(
        self, work: Callable[[], Result], seconds: float = ANSWER_SECONDS
    ) -> Result:
        return await self._unless_away(self._background, work, WRITING, seconds)

    async def read(self, work: Callable[[], Result], seconds: float = ANSWER_SECONDS) -> Result:
        return await self._unless_away(self._background, work, READING, seconds)

    async def look_up(self, work: Callable[[], Result]) -> Result:
        return await self._unless_away(self._urgent, work, READING, ANSWER_SECONDS)

    async def attempt(self, work: Callable[[], Result], seconds: float = ANSWER_SECONDS) -> Result:
        """As `background`, but it also asks a database that is away.

        `welcome` it when it answers.
        """
        return await self._ask(self._background, work, WRITING, seconds)

    async def _unless_away(
        self, thread: DatabaseThread, work: Callable[[], Result], doing: str, seconds: float
    ) -> Result:
        if self.outage is not None:
            raise DatabaseAway(self.outage.reason)
        return await self._ask(thread, work, doing, seconds)

    async def _ask(
        self, thread: DatabaseThread, work: Callable[[], Result], doing: str, seconds: float
    ) -> Result:
        try:
            return await self._run(thread, work, doing, seconds)
        except DatabaseError as error:
            if tells_of_an_outage(error):
                self._fail(doing, error)
            raise

    async def _run(
        self, thread: DatabaseThread, work: Callable[[], Result], doing: str, seconds: float
    ) -> Result:
        """By the other thread where the server has no connection left for this one."""
        other = self._background if thread is self._urgent else self._urgent
        ask = DatabaseThread.read if doing == READING else DatabaseThread.run
        if thread is self._without and time.monotonic() < self._without_until:
            return await ask(other, work, seconds)
        try:
            return await ask(thread, work, seconds)
        except DatabaseError as error:
            if not other.is_connected or not is_out_of_connections(error):
                raise
            logger.warning(
                "The process goes on with one connection to the database: %s", reason_of(error)
            )
        self._without, self._without_until = thread, time.monotonic() + SHARE_SECONDS
        return await ask(other, work, seconds)

    def _fail(self, doing: str, error: DatabaseError) -> None:
        """Says it once."""
        reason = reason_of(error)
        if self.outage is not None:
            self.outage = replace(self.outage, reason=reason)
        elif self._is_trusted or self.last_outage is None:
            logger.error("The database is away (%s: %s): going on from memory", doing, reason)
            self.outage = Outage(datetime.now(UTC), reason)
        else:
            self.outage = replace(self.last_outage, reason=reason, until=None)
        self._is_trusted = False

    def welcome(self) -> None:
        """It answers. Call it again and again: what fails within STEADY was no end of the outage.

        A disk that is nearly full takes one row and refuses the next.
        """
        now = datetime.now(UTC)
        if self.outage is not None:
            self.last_outage, self.outage = replace(self.outage, until=now), None
        last = self.last_outage
        if last is None or last.until is None or self._is_trusted or now - last.until < STEADY:
            return
        logger.warning(
            "The database is back after %.1f s", (last.until - last.since).total_seconds()
        )
        self._is_trusted = True

    def close(self) -> None:
        """Blocks."""
        for thread in (self._urgent, self._background):
            thread.close()


def _nothing() -> None:
    """Connecting is all."""
