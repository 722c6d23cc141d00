"""One kind of thing to write: into the database, or into the spool when that is away or slow."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.spool import Segment, Spool
from proxyapp.ledger.spool_marks import once

# Of what requests wait for, a refusal: as for the lease of a turn (LEASE_WAIT_SECONDS), where an
# outage begins. Later ones do not wait (docs/RELIABILITY.md).
PATIENCE_SECONDS = 0.5
# Of usage, for which nobody waits: a flush of 10,000 keys takes two seconds on a machine with seven
# times more to do than it has cores for. A stop waits as long for a database that hangs.
USAGE_PATIENCE_SECONDS = 3.0
Work = Callable[[], int | None]
MakeRecord = Callable[[], dict[str, Any]]
Run = Callable[[Work], Awaitable[int | None]]


class Outbox:
    """`run`: on which of the database's threads. `disk`: the thread for the spool.

    `patience_seconds`: what takes longer goes to the spool, too. `lock`: nothing is being written
    while somebody holds it.
    """

    def __init__(
        self,
        threads: DatabaseThreads,
        run: Run,
        spool: Spool,
        disk: ThreadPoolExecutor,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._threads = threads
        self._run = run
        self._spool = spool
        self._disk = disk
        self._patience_seconds = patience_seconds
        self.lock = asyncio.Lock()

    @property
    def is_waiting(self) -> bool:
        """Something is in the spool that the database has not taken."""
        return self._spool.is_waiting

    async def write(self, record: MakeRecord, work: Work) -> int | None:
        """What the work returns; None when it is in the spool. Only the spool needs the record.

        What comes after something that waits in the spool waits behind it: the marks' numbers have
        to rise.
        """
        async with self.lock:
            mark = self._spool.next_mark()
            if not self._threads.is_away and not self._spool.is_waiting:
                writing = asyncio.ensure_future(self._run(functools.partial(once, mark, work)))
                writing.add_done_callback(_look)
                done, _ = await asyncio.wait({writing}, timeout=self._patience_seconds)
                if done and not isinstance(writing.exception(), DatabaseError):
                    return writing.result()
            await self._on_disk(lambda: self._spool.keep(mark, record()))
            return None

    def write_at_exit(self, record: MakeRecord, work: Work) -> None:
        """Without an event loop."""
        mark = self._spool.next_mark()
        if not self._spool.is_waiting and not self._threads.is_away:
            try:
                once(mark, work)
            except DatabaseError:
                pass
            else:
                return
        self._spool.keep(mark, record())

    async def oldest(self) -> Segment | None:
        """What has to be written first."""
        async with self.lock:
            if self._spool.problem:
                await self._on_disk(self._spool.save)
            return self._spool.oldest()

    async def done(self, segment: Segment, bad: list[bytes]) -> None:
        await self._on_disk(functools.partial(self._spool.done, segment, bad))

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)


def _look(writing: "asyncio.Future[Any]") -> None:
    """It may end when nobody waits for it any more."""
    if not writing.cancelled():
        writing.exception()
