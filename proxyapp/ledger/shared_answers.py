"""How a process hears what the others have found when they asked about a key.

While the database is away it asks by itself.
"""

import contextlib
import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from django.db import Error as DatabaseError

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import key_probes
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.probing import ProbeOutcome


class Finding(Protocol):
    @property
    def outcome(self) -> ProbeOutcome: ...
    @property
    def message(self) -> str: ...


class SharedAnswers:
    """By the rows of `key_probes`. `now`: what processes agree on."""

    def __init__(
        self, threads: DatabaseThreads, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._threads = threads
        self.now = now

    async def claim(self, key: PoolKey) -> tuple[bool, ProbeOutcome | None]:
        """Whether this process asks, and else what is known. Nothing is to be known of a key that
        is gone.
        """
        ask = functools.partial(key_probes.claim, key.id, key.key_hash, self.now())
        try:
            claim = await self._threads.urgent(ask)
        except DatabaseError:
            return True, None
        return claim or (False, ProbeOutcome.INCONCLUSIVE)

    async def settle(self, key: PoolKey, result: Finding) -> None:
        tell = functools.partial(
            key_probes.settle,
            key.id,
            key.key_hash,
            result.outcome,
            result.message,
            self.now(),
        )
        with contextlib.suppress(DatabaseError):
            await self._threads.urgent(tell)
