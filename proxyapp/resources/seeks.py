"""Names that nobody here knows: how many are looked for at a time, and which were in vain.

To look for one takes a request to each project. A client that makes names up is not to use up the
quotas of all keys by it, nor to keep others from looking.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.in_task import time_limit

# Also of what is made elsewhere meanwhile, which a client may wait for.
VAIN_SECONDS = 30.0
# Some hundred bytes each.
MOST_VAIN = 2_000
# In each process. A look lasts as long as one request to each project.
MOST_AT_ONCE, MOST_OF_CLIENT = 64, 16
WAIT_SECONDS = 10.0
# A key without billing has five requests a minute for some models, and every look takes one of
# each project. What asks for no model has no such quota.
MINUTE_SECONDS = 60.0
MOST_COST = 60
COST, COST_OF_MODEL = 1, 10


@dataclass(frozen=True, slots=True)
class VainSeek:
    """`key_ids`: a key of each project that was asked. `status`: what the last one answered.
    `until`: by the monotonic clock.
    """

    key_ids: tuple[int, ...]
    status: int
    until: float


class ClientSeeks:
    """Of one client."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(MOST_OF_CLIENT)
        self._spent = 0
        self._ends_at = 0.0

    def add(self, cost: int) -> None:
        now = time.monotonic()
        if now >= self._ends_at:
            self._spent, self._ends_at = 0, now + MINUTE_SECONDS
        self._spent = max(0, self._spent + cost)

    def check(self) -> None:
        """Raises LimitReached when enough was looked for in vain."""
        seconds = self._ends_at - time.monotonic()
        if self._spent >= MOST_COST and seconds > 0:
            raise _too_many(seconds)


def _too_many(seconds: float) -> LimitReached:
    return LimitReached(
        "The request names a resource that was not made here, and too many of such names were"
        f" looked for just now: try again in {math.ceil(seconds)} s.",
        retry_after=math.ceil(seconds),
    )


class Seeks:
    """Of one process; belongs to one event loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._clients: dict[int, ClientSeeks] = {}
        self._vain: OrderedDict[tuple[int, Sequence[str]], VainSeek] = OrderedDict()

    @asynccontextmanager
    async def turn(self, client_id: int) -> AsyncIterator[bool]:
        """To look for something; whether it had to be waited for. Raises LimitReached."""
        client = self._of(client_id)
        client.check()
        is_late = client.turns.locked() or self._turns.locked()
        await self._take_turn(client)
        try:
            client.check()
            yield is_late
        finally:
            self._turns.release()
            client.turns.release()

    async def _take_turn(self, client: ClientSeeks) -> None:
        try:
            async with time_limit(WAIT_SECONDS):
                await client.turns.acquire()
                try:
                    await self._turns.acquire()
                except BaseException:
                    client.turns.release()
                    raise
        except TimeoutError:
            raise _too_many(WAIT_SECONDS) from None

    def spend(self, client_id: int, cost: int) -> None:
        """For a look that goes on to a second project. Raises LimitReached."""
        client = self._of(client_id)
        client.check()
        client.add(cost)

    def give_back(self, client_id: int, cost: int) -> None:
        """It was not in vain."""
        self._of(client_id).add(-cost)

    def vain(self, client_id: int, names: Sequence[str]) -> VainSeek | None:
        """What was looked for by the client, together, and not found a moment ago."""
        seek = self._vain.get((client_id, names))
        return seek if seek is not None and seek.until > time.monotonic() else None

    def note_vain(
        self, client_id: int, names: Sequence[str], key_ids: Sequence[int], status: int
    ) -> None:
        """Added to what was asked before, which is believed no longer for it."""
        before = self.vain(client_id, names)
        until = time.monotonic() + VAIN_SECONDS if before is None else before.until
        asked = (*(before.key_ids if before is not None else ()), *key_ids)
        self._vain[client_id, names] = VainSeek(asked, status, until)
        if len(self._vain) > MOST_VAIN:
            self._vain.popitem(last=False)

    def _of(self, client_id: int) -> ClientSeeks:
        return self._clients.setdefault(client_id, ClientSeeks())
