"""Writes what a process counted and where its rotation stands; at its end what limits have left."""

import contextlib
import functools
from collections.abc import Sequence

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import Leftover
from proxyapp.access.limits import ClientLimits
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.outbox import Outbox
from proxyapp.ledger.spool_records import usage_record
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.pool import cursor
from proxyapp.pool.leasing import Leasing


class Flush:
    """Counts survive a database that is away, in the outbox's spool; the rest can be told later."""

    def __init__(
        self,
        threads: DatabaseThreads,
        outbox: Outbox,
        counting: Counting,
        leasing: Leasing,
        limits: ClientLimits,
    ) -> None:
        self._threads = threads
        self._outbox = outbox
        self._counting = counting
        self._leasing = leasing
        self._limits = limits

    async def run(self, *, is_last: bool = False) -> None:
        tally = self._counting.take()
        if tally and not await self._is_written(tally):
            return
        progress = self._leasing.progress(everything=is_last)
        leftovers = self._limits.leftovers() if is_last else []
        if progress or leftovers:
            tell = functools.partial(_tell, progress, leftovers, give_back=is_last)
            with contextlib.suppress(DatabaseError):
                await self._threads.background(tell)

    async def _is_written(self, tally: UsageTally) -> bool:
        """Not while the database is away or slow: then it is in the spool."""
        record, write = functools.partial(usage_record, tally), functools.partial(_count, tally)
        return await self._outbox.write(record, write) is not None

    def run_at_exit(self) -> None:
        """For servers that end without a word; the event loop is gone by now."""
        tally = self._counting.tally
        if not tally:
            return
        record, write = functools.partial(usage_record, tally), functools.partial(_count, tally)
        self._outbox.write_at_exit(record, write)
        if not self._threads.is_away:
            with contextlib.suppress(DatabaseError):
                progress = self._leasing.progress(everything=True)
                _tell(progress, self._limits.leftovers(), give_back=True)


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
