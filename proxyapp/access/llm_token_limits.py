"""How many LLM tokens each client token used today, in the database and since."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import DAY_SECONDS
from proxyapp.database.threads import DatabaseThreads


@dataclass(slots=True)
class LlmTokensOfDay:
    """Of one client token. `day`: days since the epoch, in UTC."""

    day: int
    stored: int = 0
    added: int = 0


class LlmTokensToday:
    """By client token, for those that have a limit. Belongs to one event loop."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._of: dict[int, LlmTokensOfDay] = {}

    def keep(self, token_ids: Mapping[int, object]) -> None:
        """Forgets all others."""
        self._of = {pk: used for pk, used in self._of.items() if pk in token_ids}

    def add(self, token_id: int, count: int, now: float) -> None:
        used = self._of.get(token_id)
        if used is not None and used.day == int(now) // DAY_SECONDS:
            used.added += count

    def used(self, token_id: int, now: float) -> int:
        """A new day begins at zero."""
        day = int(now) // DAY_SECONDS
        used = self._of.get(token_id)
        if used is None or used.day != day:
            used = self._of[token_id] = LlmTokensOfDay(day)
        return used.stored + used.added

    async def reread(self, token_ids: Sequence[int], unwritten: Mapping[int, int]) -> None:
        """What all processes have written of the day.

        `unwritten`: what this one will write. Raises django.db.Error.
        """
        now = datetime.now(UTC)
        day = int(now.timestamp()) // DAY_SECONDS
        before = {pk: used.added for pk, used in self._of.items() if used.day == day}
        stored = await self._threads.read(
            functools.partial(limit_windows.llm_tokens_of_day, token_ids, now)
        )
        for pk in token_ids:
            used = self._of.get(pk, LlmTokensOfDay(day))
            if used.day <= day:
                since = used.added - before.get(pk, 0) if used.day == day else 0
                self._of[pk] = LlmTokensOfDay(day, stored.get(pk, 0), unwritten.get(pk, 0) + since)
