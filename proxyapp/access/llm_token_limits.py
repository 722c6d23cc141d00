"""How many LLM tokens each client token used today, in the database and since.

A process follows the tokens that it serves: it reads them again with its looks. One that it does
not serve is read when it asks again, and costs nothing until then.
"""

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import DAY_SECONDS
from proxyapp.access.request_share import QUIET_LOOKS
from proxyapp.database.threads import DatabaseThreads

# As for a lease: who waits longer goes on with what was known.
READ_WAIT_SECONDS = 2.0
# Tokens that are far from their limit take turns; one that has used half of it is read with each
# look, which are two a second.
LOOKS_BETWEEN = 4


@dataclass(slots=True)
class LlmTokensOfDay:
    """Of one client token. `day`: days since the epoch, in UTC.

    `quiet_looks`: since somebody asked.
    """

    day: int
    stored: int = 0
    added: int = 0
    quiet_looks: int = 0


class LlmTokensToday:
    """By client token, for those that have a limit. Belongs to one event loop."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._limits: Mapping[int, int] = {}
        self._looks = 0
        self._of: dict[int, LlmTokensOfDay] = {}
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
        if used is not None and used.day == int(now) // DAY_SECONDS:
            used.added += count
            if token_id in self._followed:
                self._note_near(token_id, used)

    def _is_near(self, token_id: int, used: LlmTokensOfDay | None) -> bool:
        """Its limit."""
        spent = used.stored + used.added if used is not None else 0
        return 2 * spent >= self._limits.get(token_id, 0)

    def _note_near(self, token_id: int, used: LlmTokensOfDay | None) -> None:
        if self._is_near(token_id, used):
            self._near.add(token_id)
        else:
            self._near.discard(token_id)

    def is_followed(self, token_id: int) -> bool:
        return token_id in self._followed

    def used(self, token_id: int, now: float) -> int:
        """A new day begins at zero."""
        day = int(now) // DAY_SECONDS
        used = self._of.get(token_id)
        if used is None or used.day != day:
            used = self._of[token_id] = LlmTokensOfDay(day)
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
            stored = await self._threads.urgent(
                functools.partial(limit_windows.llm_tokens_of_day, list(asked), now)
            )
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
        """What all processes have written of the day, of the tokens whose turn it is.

        `unwritten`: what this one will write. Raises django.db.Error.
        """
        token_ids = [*(self._due() | self._unread)]
        if not token_ids:
            return
        now = datetime.now(UTC)
        day = int(now.timestamp()) // DAY_SECONDS
        known = [self._of_day(pk, day) for pk in token_ids]
        before = [used.added if used.day == day else 0 for used in known]
        stored = await self._threads.read(
            functools.partial(limit_windows.llm_tokens_of_day, token_ids, now)
        )
        for pk, used, added in zip(token_ids, known, before, strict=True):
            if used.day <= day:
                since = used.added - added if used.day == day else 0
                used.day, used.stored = day, stored.get(pk, 0)
                used.added = unwritten.get(pk, 0) + since
                if pk in self._followed:
                    self._note_near(pk, used)
        self._unread.difference_update(token_ids)

    def _of_day(self, token_id: int, day: int) -> LlmTokensOfDay:
        """What is known, of that day or another."""
        used = self._of.get(token_id)
        if used is None:
            used = self._of[token_id] = LlmTokensOfDay(day)
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
