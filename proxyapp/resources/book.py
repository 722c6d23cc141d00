"""Whose a resource is: from memory, else from the database, and told to it before a client hears.

A request waits for one short read of a name that this process does not know well enough. Names that
are asked for while a read is under way share the next one, and what is made shares the next write.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.resources.known import KnownResource, ResourceChange, forgotten
from proxyapp.resources.memory import ResourceMemory, UnwrittenChanges, existing, with_changes
from proxyapp.resources.rows import is_keepable, read_resources, write_resources
from proxyapp.resources.seeks import Seeks
from proxyapp.resources.spooled import resources_record

logger = logging.getLogger(__name__)
# After so long the database is asked again: another process may have forgotten a resource, or made
# another one of its name, for another client. Longer than a burst of requests with one file.
FRESH_SECONDS = 2.0
# As for the lease of a turn; then the request goes on with what is in memory.
FIND_WAIT_SECONDS = 0.5
# As for a cooldown: the outbox spools what the database does not take in half a second.
WRITE_WAIT_SECONDS = 2.0


class SafeWriting(Protocol):
    """Into the database, or into a spool when that is away.

    `is_waiting`: something is in the spool. `spooled_elsewhere`: what is new in those of the other
    processes of this machine, or all, the oldest first; None: some of them were written since.
    """

    @property
    def is_waiting(self) -> bool: ...

    async def write(
        self, record: Callable[[], dict[str, Any]], work: Callable[[], int | None]
    ) -> int | None: ...

    async def spooled_elsewhere(self, *, is_first: bool) -> Sequence[ResourceChange] | None: ...


def _ended() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class AskedNames:
    """Of one read; `is_read` is set when it has ended, one way or the other."""

    names: set[str] = field(default_factory=set)
    is_read: "asyncio.Future[None]" = field(default_factory=_ended)


@dataclass(slots=True)
class NewChanges:
    """Of one write, likewise."""

    changes: list[ResourceChange] = field(default_factory=list)
    is_written: "asyncio.Future[None]" = field(default_factory=_ended)


class ResourceBook:
    """Belongs to one event loop. `seeks`: who looks for what is not in it."""

    def __init__(self, threads: DatabaseThreads, outbox: SafeWriting) -> None:
        self._threads = threads
        self._outbox = outbox
        self.seeks = Seeks()
        self._memory = ResourceMemory()
        self._writing = UnwrittenChanges()
        self._spooled = UnwrittenChanges()
        self._elsewhere = UnwrittenChanges()
        self._looker: asyncio.Task[None] | None = None
        self._asked = AskedNames()
        self._new = NewChanges()
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._is_stalled = False

    def find_now(self, name: str) -> Sequence[KnownResource] | None:
        """From memory, the newest first; None: the database has to be asked."""
        kept = self._memory.get(name)
        if kept is None or (
            time.monotonic() - kept.read_at > FRESH_SECONDS and not self._threads.is_away
        ):
            return None
        return existing(kept.rows) or None

    async def find(self, name: str) -> Sequence[KnownResource]:
        """The newest first; empty: it is unknown, or the database is away and it is not in memory.

        Up to FRESH_SECONDS old: `refind` before a client is told that there is no such thing.
        """
        known = self.find_now(name)
        return await self.refind(name) if known is None else known

    async def refind(self, name: str) -> Sequence[KnownResource]:
        """As `find`, by a look into the database that begins now."""
        return (await self.refind_all([name]))[name]

    async def find_all(self, names: Collection[str]) -> dict[str, Sequence[KnownResource]]:
        """As `find` of each, by one look for all that are not in memory."""
        found = {name: self.find_now(name) for name in names}
        missing = [name for name, known in found.items() if known is None]
        asked = await self.refind_all(missing) if missing else {}
        return {name: known or asked.get(name, ()) for name, known in found.items()}

    async def refind_all(self, names: Collection[str]) -> dict[str, Sequence[KnownResource]]:
        """The spools come before a read that may find nothing: what leaves them is in its rows."""
        wanted = [name for name in names if is_keepable(name)]
        if wanted and not self._is_blind:
            if not all(map(self._memory.get, wanted)):
                await self._look_elsewhere()
            await self._read(wanted)
        if wanted and self._is_blind:
            await self._look_elsewhere()
        return dict.fromkeys(names, ()) | {name: self._remembered(name) for name in wanted}

    async def remember(self, made: Sequence[KnownResource]) -> None:
        """Returns when they are in the database, or in the spool when that is away."""
        now = time.time()
        changes = [ResourceChange(known, now) for known in made if is_keepable(known.name)]
        if changes:
            await asyncio.wait({self._note(changes)}, timeout=WRITE_WAIT_SECONDS)

    def forget(self, name: str, key_id: int) -> None:
        """It was deleted: gone here at once, and in the database with the next write."""
        if is_keepable(name):
            self._note([forgotten(name, key_id, time.time())])

    async def close(self) -> None:
        """Returns when all is in the database or in the spool."""
        for task in (self._reader, self._writer, self._looker):
            if task is not None:
                await task

    @property
    def _is_blind(self) -> bool:
        """The database tells nothing."""
        return self._threads.is_away or self._is_stalled

    def _remembered(self, name: str) -> Sequence[KnownResource]:
        """However old that is."""
        kept = self._memory.get(name)
        rows = () if kept is None else kept.rows
        changes = self._unwritten(name)
        # A row may be newer than what another process could not write.
        if self._is_blind or not (rows or changes):
            others = self._elsewhere.of(name)
            changes = sorted([*others, *changes], key=lambda change: change.at)
        return existing(with_changes(rows, changes))

    async def _look_elsewhere(self) -> None:
        """A look that is under way may have begun too early to know; the next is everybody's."""
        is_under_way = self._looker is not None and not self._looker.done()
        for _ in range(1 + is_under_way):
            self._looker = _running(self._looker, self._take_elsewhere)
            await asyncio.wait({self._looker}, timeout=FIND_WAIT_SECONDS)

    async def _take_elsewhere(self) -> None:
        new = await self._outbox.spooled_elsewhere(is_first=False)
        if new is None:  # the database knows better
            new = await self._outbox.spooled_elsewhere(is_first=True)
            self._elsewhere.clear()
        self._elsewhere.add(new or ())

    async def _read(self, names: Collection[str]) -> None:
        """A read that is under way may have begun too early to know."""
        asked = self._asked
        asked.names.update(names)
        self._reader = _running(self._reader, self._read_asked)
        await asyncio.wait({asked.is_read}, timeout=FIND_WAIT_SECONDS)
        if not asked.is_read.done():
            self._is_stalled = True

    async def _read_asked(self) -> None:
        while self._asked.names:
            asked, self._asked = self._asked, AskedNames()
            try:
                await self._read_names(sorted(asked.names))
            except DatabaseError:
                pass  # what is in memory has to do
            except Exception:
                logger.exception("Resources could not be looked up")
            finally:
                self._is_stalled = False
                asked.is_read.set_result(None)

    async def _read_names(self, names: list[str]) -> None:
        """What was unwritten when the read began may be written by its end, and not be in it."""
        if not self._outbox.is_waiting:
            self._spooled.clear()
        before = {name: self._unwritten(name) for name in names}
        began_at = time.monotonic()
        found = await self._threads.look_up(functools.partial(read_resources, names, time.time()))
        for name in names:
            changes = before[name] + self._unwritten(name)
            self._memory.put(name, with_changes(found.get(name, ()), changes), began_at)

    def _unwritten(self, name: str) -> list[ResourceChange]:
        """The oldest first."""
        return self._spooled.of(name) + self._writing.of(name)

    def _note(self, changes: Sequence[ResourceChange]) -> "asyncio.Future[None]":
        """Known here when this returns; done when it is written."""
        for change in changes:
            self._memory.take(change)
        self._writing.add(changes)
        new = self._new
        new.changes.extend(changes)
        self._writer = _running(self._writer, self._write_new)
        return new.is_written

    async def _write_new(self) -> None:
        while self._new.changes:
            new, self._new = self._new, NewChanges()
            try:
                await self._write(new.changes)
            except Exception:
                logger.exception("Resources could not be written")
            finally:
                self._writing.remove(new.changes)
                new.is_written.set_result(None)

    async def _write(self, changes: list[ResourceChange]) -> None:
        written = await self._outbox.write(
            functools.partial(resources_record, changes),
            functools.partial(write_resources, changes),
        )
        if written is None:
            self._spooled.add(changes)


def _running(
    task: "asyncio.Task[None] | None", work: Callable[[], Coroutine[Any, Any, None]]
) -> "asyncio.Task[None]":
    """The task, or a new one where it has ended."""
    if task is None or task.done():
        return asyncio.get_running_loop().create_task(work())
    return task
