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
        progress = self._leasing.progress(everything=is_last)
        leftovers = self._limits.leftovers() if is_last else []
        write = functools.partial(_write, tally, progress, leftovers, give_back=is_last)
        if tally:
            await self._outbox.write(functools.partial(usage_record, tally), write)
        elif progress or leftovers:
            with contextlib.suppress(DatabaseError):
                await self._threads.background(write)

    def run_at_exit(self) -> None:
        """For servers that end without a word; the event loop is gone by now."""
        tally = self._counting.tally
        if not tally:
            return
        progress = self._leasing.progress(everything=True)
        leftovers = self._limits.leftovers()
        write = functools.partial(_write, tally, progress, leftovers, give_back=True)
        self._outbox.write_at_exit(functools.partial(usage_record, tally), write)


def _write(
    tally: UsageTally,
    progress: Sequence[cursor.Progress],
    leftovers: Sequence[Leftover],
    *,
    give_back: bool,
) -> None:
    if tally:
        write_usage(tally)
    if leftovers:
        limit_windows.give_back(leftovers)
    if progress:
        cursor.save_progress(progress, give_back=give_back)
