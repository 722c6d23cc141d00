"""Takes keys out of rotation: here at once, and in the database before the request goes on."""

import asyncio
import functools
import logging

from django.db import Error as DatabaseError

from proxyapp.database_threads import DatabaseThreads
from proxyapp.events import Cooldown, write_cooldowns
from proxyapp.pool import Snapshot
from proxyapp.spool import Spool

logger = logging.getLogger(__name__)
WRITE_WAIT_SECONDS = 2.0


class Cooling:
    """The cooldowns that this process imposes. Those that meet while a write is under way share the next one."""

    def __init__(self, threads: DatabaseThreads, spool: Spool, snapshot: Snapshot) -> None:
        self._threads = threads
        self._spool = spool
        self._snapshot = snapshot
        self._waiting: list[Cooldown] = []
        self._unconfirmed: list[tuple[Cooldown, int | None]] = []
        self._writer: asyncio.Task[None] | None = None

    def install(self, snapshot: Snapshot) -> None:
        """A snapshot that was read before a cooldown was written does not know it yet."""
        self._snapshot = snapshot
        known = snapshot.version
        self._unconfirmed = [(c, version) for c, version in self._unconfirmed if version is None or version > known]
        for cooldown, _ in self._unconfirmed:
            self._apply(cooldown)

    async def cool(self, cooldown: Cooldown) -> None:
        """Returns when the event is in the database, or in the spool when the database is away.

        A key that is already out for as long gets no second event: its refusals were under way together.
        """
        if self._snapshot.cooling_until.get(cooldown.key_id, 0.0) < cooldown.until.timestamp():
            self._apply(cooldown)
            self._say(cooldown)
            self._waiting.append(cooldown)
            self._unconfirmed.append((cooldown, None))
            if self._writer is None or self._writer.done():
                self._writer = asyncio.get_running_loop().create_task(self._write_waiting())
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=WRITE_WAIT_SECONDS)

    def confirm(self, version: int) -> None:
        """All that was spooled is in the database as of this version of the pool."""
        self._unconfirmed = [(c, version if known is None else known) for c, known in self._unconfirmed]

    def _say(self, cooldown: Cooldown) -> None:
        key = self._snapshot.keys.get(cooldown.key_id)
        if key is not None:
            until = cooldown.until.strftime("%Y-%m-%d %H:%M:%S UTC")
            logger.info("Key %s of group %s is out until %s (%s)", key.masked, key.group.name, until, cooldown.kind)

    def _apply(self, cooldown: Cooldown) -> None:
        if not cooldown.model:
            self._snapshot.cool(cooldown.key_id, cooldown.until.timestamp())

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            version = await self._write(batch)
            self._unconfirmed = [(c, version if c in batch else v) for c, v in self._unconfirmed]

    async def _write(self, batch: list[Cooldown]) -> int | None:
        try:
            return await self._threads.urgent(functools.partial(write_cooldowns, batch))
        except DatabaseError:
            self._spool.add_cooldowns(batch)
            return None

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=WRITE_WAIT_SECONDS)
        if self._waiting:
            self._spool.add_cooldowns(self._waiting)
