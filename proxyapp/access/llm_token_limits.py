"""What each client token used of its day or month, in the database and since: LLM tokens, or money.

A process follows the tokens that it serves: it reads them again with its looks. One that it does
not serve is read when it asks again, and costs nothing until then.
"""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import Error as DatabaseError

from proxyapp.access.periods import Period
from proxyapp.access.request_share import QUIET_LOOKS
from proxyapp.database.threads import DatabaseThreads

# As for a lease: who waits longer goes on with what was known.
READ_WAIT_SECONDS = 2.0
# Tokens that are far from their limit take turns; one that has used half of it is read with each
# look, which are two a second.
LOOKS_BETWEEN = 4


Reader = Callable[[Sequence[int], datetime], Mapping[int, int]]


@dataclass(slots=True)
class UsedInPeriod:
    """By one client token. `period`: its number. `quiet_looks`: since somebody asked."""

    period: int
    stored: int = 0
    added: int = 0
    quiet_looks: int = 0


class UsedLately:
    """By client token, for those that have a limit. Belongs to one event loop.

    `read`: what is written of the period in which that moment is.
    """

    def __init__(self, threads: DatabaseThreads, period: Period, read: Reader) -> None:
        self._threads = threads
        self.period = period
        self._number_at = period.number_at
        self._read = read
        self._limits: Mapping[int, int] = {}
        self._looks = 0
        self._of: dict[int, UsedInPeriod] = {}
        self._unread: set[int] = set()
        self._followed: set[int] = set()
        self._turns: list[set[int]] = [set() for _ in range(LOOKS_BETWEEN)]
        self._near: set[int] = set()
        self._asked: set[int] = set()
        self._reading: asyncio.Task[None] | None = None

    def keep(self, limits: Mapping[int, int]) -> None:
        """By client token. Forgets all others."""
        self._limits = limits
        self._of = {pk: used for pk, used in self._of.items() if pk in limits}
        self._unread = {pk for pk in limits if pk not in self._of}
        for kept in (self._followed, *self._turns):
            kept.intersection_update(limits)
        self._near = {pk for pk in self._followed if self._is_near(pk, self._of.get(pk))}

    def add(self, token_id: int, count: int, now: float) -> None:
        used = self._of.get(token_id)
        if used is not None and used.period == self._number_at(now):
            used.added += count
            if token_id in self._followed:
                self._note_near(token_id, used)

    def _is_near(self, token_id: int, used: UsedInPeriod | None) -> bool:
        """Its limit."""
        spent = used.stored + used.added if used is not None else 0
        return 2 * spent >= self._limits.get(token_id, 0)

    def _note_near(self, token_id: int, used: UsedInPeriod | None) -> None:
        if self._is_near(token_id, used):
            self._near.add(token_id)
        else:
            self._near.discard(token_id)

    def is_followed(self, token_id: int) -> bool:
        return token_id in self._followed

    def used(self, token_id: int, now: float) -> int:
        """A new period begins at zero."""
        number = self._number_at(now)
        used = self._of.get(token_id)
        if used is None or used.period != number:
            used = self._of[token_id] = UsedInPeriod(number)
        used.quiet_looks = 0
        return used.stored + used.added

    async def follow(self, token_id: int) -> None:
        """Reads a token that was not asked for lately, with others that are asked for just now.

        A database that is away or slow is not waited for: then what was known counts.
        """
        while token_id not in self._followed:
            self._asked.add(token_id)
            reading = self._reading
            if reading is None:
                reading = asyncio.get_running_loop().create_task(self._read_asked())
                self._reading = reading
            done, _ = await asyncio.wait({reading}, timeout=READ_WAIT_SECONDS)
            if not done:
                self._follow(token_id)

    def _follow(self, token_id: int) -> None:
        self._followed.add(token_id)
        self._turns[token_id % LOOKS_BETWEEN].add(token_id)
        self._note_near(token_id, self._of.get(token_id))

    async def _read_asked(self) -> None:
        await asyncio.sleep(0)
        asked, self._asked = self._asked, set()
        now = datetime.now(UTC)
        stored: Mapping[int, int] = {}
        try:
            stored = await self._threads.urgent(functools.partial(self._read, list(asked), now))
        except DatabaseError:
            pass
        finally:
            self._reading = None
            for token_id, count in stored.items():
                known = self.used(token_id, now.timestamp())
                self._of[token_id].stored += max(count - known, 0)
            for token_id in asked:
                self._follow(token_id)

    async def reread(self, unwritten: Mapping[int, int]) -> None:
        """What all processes have written of the period, of the tokens whose turn it is.

        `unwritten`: what this one will write. Raises django.db.Error.
        """
        token_ids = [*(self._due() | self._unread)]
        if not token_ids:
            return
        now = datetime.now(UTC)
        number = self._number_at(now.timestamp())
        known = [self._of_period(pk, number) for pk in token_ids]
        before = [used.added if used.period == number else 0 for used in known]
        stored = await self._threads.read(functools.partial(self._read, token_ids, now))
        for pk, used, added in zip(token_ids, known, before, strict=True):
            if used.period <= number:
                since = used.added - added if used.period == number else 0
                used.period, used.stored = number, stored.get(pk, 0)
                used.added = unwritten.get(pk, 0) + since
                if pk in self._followed:
                    self._note_near(pk, used)
        self._unread.difference_update(token_ids)

    def _of_period(self, token_id: int, number: int) -> UsedInPeriod:
        """What is known, of that one or another."""
        used = self._of.get(token_id)
        if used is None:
            used = self._of[token_id] = UsedInPeriod(number)
        return used

    def _due(self) -> set[int]:
        """Forgets to follow who has not asked for a minute."""
        self._looks += 1
        due = set(self._near)
        self._note_quiet(due, 1)
        turn = self._turns[self._looks % LOOKS_BETWEEN] - due
        self._note_quiet(turn, LOOKS_BETWEEN)
        return due | turn

    def _note_quiet(self, token_ids: set[int], looks: int) -> None:
        for pk in token_ids:
            used = self._of.get(pk)
            if used is None:
                continue
            used.quiet_looks += looks
            if used.quiet_looks >= QUIET_LOOKS:
                self._followed.discard(pk)
                self._turns[pk % LOOKS_BETWEEN].discard(pk)
                self._near.discard(pk)
