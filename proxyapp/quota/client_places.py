"""How many requests of a client token are under way at a time, and Live sessions, over all
processes.

Each leases places as it leases shares of keys' limits. Who gets none waits in order of arrival, as
long as QUEUE_SECONDS lets it.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from proxyapp.quota.account import Account
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.meters import Taken
from proxyapp.quota.owners import SESSIONS_OF, TOKEN
from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.in_task import time_limit
from proxyapp.vocabulary.kept_settings import kept
from proxyapp.vocabulary.limits import Meter

# Of places that others hold and do not use half comes back with their next look, and there are two
# a second: who would not wait for a place waits for that.
PATIENT_SECONDS = 1.65
LOOK_SECONDS = 0.25


class Places(NamedTuple):
    """What a token has so many of at a time. `is_queued`: who gets none may wait in the queue."""

    owner: str
    name: str
    last_words: str
    retry_after: int
    is_queued: bool


REQUESTS = Places(
    TOKEN, "request", "under way at a time, and it has them; try again when one has ended", 1, True
)
SESSIONS = Places(
    SESSIONS_OF, "Live session", "at a time, and it has them; close one first", 10, False
)


class RequestPlace:
    """Of one request; later ends of it mean nothing."""

    __slots__ = ("_account", "_places", "_taken")

    def __init__(self, places: "ClientPlaces", account: Account, taken: Taken) -> None:
        self._places = places
        self._account = account
        self._taken: Taken | None = taken

    def end(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            self._places.ended(self._account, taken)


class ClientPlaces:
    """Belongs to one event loop."""

    def __init__(self, keeper: QuotaKeeper) -> None:
        self._keeper = keeper
        self._lines: dict[Account, deque[asyncio.Event]] = {}

    async def take(self, client_id: int, most: int, places: Places = REQUESTS) -> RequestPlace:
        """To be ended with the answer, or the session. Raises LimitReached."""
        account = self._account(client_id, most, places)
        if account not in self._lines and (place := self._taken(account)) is not None:
            return place
        return await self._wait(account, places)

    def _account(self, client_id: int, most: int, places: Places) -> Account:
        limit = Limit(
            f"{places.owner}{client_id}", "", Meter.MAX_CONCURRENT, most, "its client token"
        )
        account = self._keeper.accounts.get(limit[:3])
        if account is None:
            account = self._keeper.accounts[limit[:3]] = Account(limit)
        elif account.limit.number != most:
            account.change(limit)
        return account

    def _taken(self, account: Account) -> RequestPlace | None:
        now = self._keeper.clock()
        if not account.use.has_room(1, now):
            self._keeper.fetch(account, 1, now)
            return None
        place = RequestPlace(self, account, account.use.take(1, now))
        if account.is_low(now):
            self._keeper.fetch(account, 1, now)
        return place

    async def _wait(self, account: Account, places: Places) -> RequestPlace:
        began_at = time.monotonic()
        with self._standing(account) as (line, woken):
            while True:
                if line[0] is woken:
                    if (place := self._taken(account)) is not None:
                        return place
                    if await self._keeper.more():
                        continue
                left = began_at + _patience(account, places) - time.monotonic()
                if left <= 0:
                    raise _reached(account.limit.number, places)
                with contextlib.suppress(TimeoutError):
                    async with time_limit(min(left, LOOK_SECONDS)):
                        await woken.wait()
                woken.clear()

    @contextlib.contextmanager
    def _standing(self, account: Account) -> Iterator[tuple[deque[asyncio.Event], asyncio.Event]]:
        woken = asyncio.Event()
        line = self._lines.setdefault(account, deque())
        line.append(woken)
        try:
            yield line, woken
        finally:
            line.remove(woken)
            if line:
                line[0].set()
            else:
                del self._lines[account]

    def ended(self, account: Account, taken: Taken) -> None:
        account.use.end(taken, 1, self._keeper.clock())
        if (line := self._lines.get(account)) is not None:
            line[0].set()


def _patience(account: Account, places: Places) -> float:
    """In seconds."""
    has_elsewhere = account.use.known < account.limit.number
    queued: float = kept.QUEUE_SECONDS if places.is_queued else 0.0
    return max(queued, PATIENT_SECONDS if has_elsewhere else 0.0)


def _reached(most: int, places: Places) -> LimitReached:
    name = places.name if most == 1 else f"{places.name}s"
    return LimitReached(
        f"The gateway lets this client token have {most} {name} {places.last_words}.",
        retry_after=places.retry_after,
    )
