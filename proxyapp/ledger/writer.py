"""What one process writes, cooldowns, resources, usage and the request log, and what of it waits in
the spool.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.outbox import USAGE_PATIENCE_SECONDS, Outbox
from proxyapp.ledger.replay import record_batches, write_batch
from proxyapp.ledger.spool import Segment, Spool, count_lines, left_behind, unreadable
from proxyapp.ledger.spool_records import decoded_record
from proxyapp.ledger.spooled_elsewhere import ResourceOutbox
from proxyapp.pool.cursor import prove_writable
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.told import told

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
# Listing a directory for each of the pool's looks would be work for nothing.
LEFT_BEHIND_SECONDS = 2.0
# In one line of /readyz.
MOST_NAMES = 5


class Writing:
    """`on_written` hears the pool's version that includes all cooldowns that were spooled here."""

    def __init__(
        self, threads: DatabaseThreads, folder: Path, on_written: Callable[[int], None]
    ) -> None:
        self._threads = threads
        self._folder = folder
        self._on_written = on_written
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        kinds = ("cooldowns", "usage", "resources", "requests")
        self._spools = [Spool(folder, kind) for kind in kinds]
        self.cooldowns = Outbox(threads, threads.urgent, self._spools[0], self._disk)
        self.usage = Outbox(
            threads, threads.background, self._spools[1], self._disk, USAGE_PATIENCE_SECONDS
        )
        self.resources = ResourceOutbox(threads, self._spools[2], self._disk)
        self.requests = Outbox(
            threads, threads.background, self._spools[3], self._disk, USAGE_PATIENCE_SECONDS
        )
        self._looks_at = 0.0
        self._stuck: set[str] = set()

    @property
    def problems(self) -> list[str]:
        """Of the spool, to be shown; empty: all is well."""
        reasons = {spool.problem for spool in self._spools if spool.problem}
        text = gettext_noop("the spool cannot be written (%(why)s)")
        problems: list[str] = [told(text, why=reason) for reason in reasons]
        if names := unreadable(self._folder):
            text = gettext_noop("the spool has files that cannot be read: %(names)s")
            problems.append(told(text, names=", ".join(names[:MOST_NAMES])))
        return problems

    @property
    def waiting(self) -> int:
        """How many records wait in the spool, of all processes, and in the memory of this one."""
        return count_lines(self._folder) + sum(spool.in_memory for spool in self._spools)

    async def report(self) -> tuple[int, list[str]]:
        """How many records wait, and the spool's problems; read on the thread for the disk."""
        return await self._on_disk(lambda: (self.waiting, self.problems))

    async def catch_up(self) -> None:
        """Writes what waits in the spool; then the database counts as back.

        Raises django.db.Error.
        """
        if self._threads.is_away:
            await self._threads.attempt(prove_writable)
        written = await self._empty(self.cooldowns, self._on_written)
        written += await self._empty(self.resources) + await self._empty(self.usage)
        written += await self._empty(self.requests)
        if time.monotonic() >= self._looks_at:
            written += await self._take_over()
            self._looks_at = time.monotonic() + LEFT_BEHIND_SECONDS
        self._threads.welcome()
        if written:
            logger.info("%d records that waited in the spool are written", written)

    async def _empty(self, box: Outbox, on_written: Callable[[int], None] | None = None) -> int:
        written = 0
        while (segment := await box.oldest()) is not None:
            records, version, bad = await self._write(segment)
            if on_written is not None and version is not None:
                on_written(version)
            written += records
            if not await self._finish(segment, box.done(segment, bad)):
                break
        return written

    async def _take_over(self) -> int:
        """The files of the dead."""
        written = 0
        segments = await self._on_disk(lambda: list(left_behind(self._folder)))
        try:
            for segment in segments:
                records, _, bad = await self._write(segment)
                written += records
                await self._finish(segment, self._on_disk(functools.partial(segment.remove, bad)))
        finally:
            for segment in segments:
                segment.close()
        return written

    async def _write(self, segment: Segment) -> tuple[int, int | None, list[bytes]]:
        """How many records it had, the pool's version that includes them, and the refused lines."""
        records, bad = await self._on_disk(lambda: decoded_record(segment.lines()))
        version = None
        for batch in record_batches(records):
            newer, refused = await self._threads.attempt(
                functools.partial(write_batch, segment.name, batch)
            )
            version = newer or version
            bad += refused
        return len(records), version, bad

    async def _finish(self, segment: Segment, finishing: Awaitable[None]) -> bool:
        """False: the file stays for now. Its records have their marks."""
        try:
            await finishing
        except OSError as error:
            if segment.name not in self._stuck:
                logger.error(
                    "%s is written, but cannot be removed: %s", segment.path, error.strerror
                )
            self._stuck.add(segment.name)
            return False
        return True

    async def _on_disk(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def close(self) -> None:
        """Blocks. What is in the spool stays there."""
        self._disk.shutdown(wait=True)
