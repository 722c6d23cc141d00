"""Asks dead keys again when their time has come: those that work come back by themselves."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import key_probes
from proxyapp.ledger.shared_answers import Finding, SharedAnswers
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.probing import ProbeOutcome

logger = logging.getLogger(__name__)
LOOK_SECONDS = 15.0
AT_ONCE = 4


class Asker(Protocol):
    async def ask_anew(self, key: PoolKey) -> Finding: ...


class KeyRevival:
    """`keys`: those of the present snapshot. Of several processes one asks about a key."""

    def __init__(
        self,
        threads: DatabaseThreads,
        shared: SharedAnswers,
        asker: Asker,
        keys: Callable[[], Mapping[int, PoolKey]],
    ) -> None:
        self._threads = threads
        self._shared = shared
        self._asker = asker
        self._keys = keys

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                with contextlib.suppress(DatabaseError):  # it is away: later
                    await self.look()
            except Exception:
                logger.exception("Dead keys could not be asked again")

    async def look(self) -> None:
        """Raises django.db.Error."""
        now = self._shared.now()
        due = await self._threads.background(functools.partial(key_probes.due_keys, now))
        known = self._keys()
        if unknown := [key_id for key_id in due if key_id not in known]:
            await self._threads.background(functools.partial(key_probes.put_off, unknown, now))
        keys = [known[key_id] for key_id in due if key_id in known]
        for start in range(0, len(keys), AT_ONCE):
            await asyncio.gather(*(self._ask_again(key) for key in keys[start : start + AT_ONCE]))

    async def _ask_again(self, key: PoolKey) -> None:
        is_mine, _ = await self._shared.claim(key)
        if not is_mine:
            return
        found = await self._asker.ask_anew(key)
        if found.outcome is not ProbeOutcome.WORKS:
            return
        bring_back = functools.partial(key_probes.bring_back, key.id, key.key_hash, found.message)
        if await self._threads.background(bring_back):
            logger.warning(
                "Key %s of group %s works again and is back in rotation",
                key.masked,
                key.group.name,
            )
