"""Writes what a process counted and where its rotation stands; at its end what limits have left."""

import contextlib
import functools
import time
from collections import deque
from collections.abc import Sequence

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import Leftover
from proxyapp.access.limits import ClientLimits
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.outbox import MakeRecord, Outbox, Work
from proxyapp.ledger.request_log import RequestLog
from proxyapp.ledger.spool_records import usage_record
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.pool import cursor
from proxyapp.pool.leasing import Leasing

# Counts in a transaction. 10,000 took PostgreSQL two to three seconds on a busy machine, as long as
# other processes waited for the same rows; then usage has run out of patience (`outbox`).
MOST_COUNTS = 2_500


class Flush:
    """Counts survive a database that is away, in the outbox's spool; the rest can be told later."""

    def __init__(
        self,
        threads: DatabaseThreads,
        outbox: Outbox,
        counting: Counting,
        leasing: Leasing,
        limits: ClientLimits,
        log: RequestLog | None = None,
    ) -> None:
        self._threads = threads
        self._outbox = outbox
        self._counting = counting
        self._leasing = leasing
        self._limits = limits
        self._log = log
        self._pieces: deque[UsageTally] = deque()

    async def run(self, *, is_last: bool = False) -> bool:
        """Whether all that was counted is in the database now; else some of it is in the spool."""
        self._cut(is_last=is_last)
        are_written = await self._are_written()
        if self._log is not None:
            await self._log.flush(time.time(), everything=is_last)
        if not are_written:
            return False
        progress = self._leasing.progress(everything=is_last)
        leftovers = self._limits.leftovers() if is_last else []
        if progress or leftovers:
            tell = functools.partial(_tell, progress, leftovers, give_back=is_last)
            with contextlib.suppress(DatabaseError):
                await self._threads.background(tell)
        return True

    def _cut(self, *, is_last: bool) -> None:
        if tally := self._counting.take(everything=is_last):
            pieces = tally.pieces(MOST_COUNTS)
            self._pieces.extend(pieces)
            self._counting.on_the_way.extend([piece.clients for piece in pieces])

    async def _are_written(self) -> bool:
        """Not while the database is away or slow."""
        are_written = True
        while self._pieces:
            record, write = _ways(self._pieces.popleft())
            try:
                are_written &= await self._outbox.write(record, write) is not None
            finally:
                self._counting.on_the_way.popleft()
        return are_written

    def run_at_exit(self) -> None:
        """For servers that end without a word; the event loop is gone by now."""
        self._cut(is_last=True)
        if self._log is not None:
            self._log.write_at_exit(time.time())
        if not self._pieces:
            return
        while self._pieces:
            self._outbox.write_at_exit(*_ways(self._pieces.popleft()))
        if not self._threads.is_away:
            with contextlib.suppress(DatabaseError):
                progress = self._leasing.progress(everything=True)
                _tell(progress, self._limits.leftovers(), give_back=True)


def _ways(tally: UsageTally) -> tuple[MakeRecord, Work]:
    """Into the spool, and into the database."""
    return functools.partial(usage_record, tally), functools.partial(_count, tally)


def _count(tally: UsageTally) -> int:
    """The number of counts."""
    write_usage(tally)
    return len(tally.counts)


def _tell(
    progress: Sequence[cursor.Progress], leftovers: Sequence[Leftover], *, give_back: bool
) -> None:
    """In transactions of their own: those who hold the cursors' rows may wait for the counts'."""
    if leftovers:
        limit_windows.give_back(leftovers)
    if progress:
        cursor.save_progress(progress, give_back=give_back)
