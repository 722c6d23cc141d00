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

# As for the lease of a turn (LEASE_WAIT_SECONDS): how long a request waits for its refusal to be
# noted where an outage begins. Later ones do not wait (docs/RELIABILITY.md).
PATIENCE_SECONDS = 0.5
Work = Callable[[], int | None]
Run = Callable[[Work], Awaitable[int | None]]


class Outbox:
    """`run`: on which of the database's threads. `disk`: the thread for the spool."""

    def __init__(
        self, threads: DatabaseThreads, run: Run, spool: Spool, disk: ThreadPoolExecutor
    ) -> None:
        self._threads = threads
        self._run = run
        self._spool = spool
        self._disk = disk
        self._lock = asyncio.Lock()

    async def write(self, record: dict[str, Any], work: Work) -> int | None:
        """What the work returns; None when it is in the spool.

        What comes after something that waits in the spool waits behind it: the marks' numbers have
        to rise.
        """
        async with self._lock:
            mark = self._spool.next_mark()
            if not self._threads.is_away and not self._spool.is_waiting:
                writing = asyncio.ensure_future(self._run(functools.partial(once, mark, work)))
                writing.add_done_callback(_look)
                done, _ = await asyncio.wait({writing}, timeout=PATIENCE_SECONDS)
                if done and not isinstance(writing.exception(), DatabaseError):
                    return writing.result()
            await self._on_disk(functools.partial(self._spool.keep, mark, record))
            return None

    def write_at_exit(self, record: dict[str, Any], work: Work) -> None:
        """Without an event loop."""
        mark = self._spool.next_mark()
        if not self._spool.is_waiting and not self._threads.is_away:
            try:
                once(mark, work)
            except DatabaseError:
                pass
            else:
                return
        self._spool.keep(mark, record)

    async def oldest(self) -> Segment | None:
        """What has to be written first."""
        async with self._lock:
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
