"""How many requests of a client token are under way at a time, over all processes.

Each leases places as it leases shares of keys' limits. Who gets none waits in order of arrival, as
long as QUEUE_SECONDS lets it.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterator

from proxyapp.quota.account import Account
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.meters import Taken
from proxyapp.quota.owners import TOKEN
from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.in_task import time_limit
from proxyapp.vocabulary.kept_settings import kept
from proxyapp.vocabulary.limits import Meter

# Of places that others hold and do not use half comes back with their next look, and there are two
# a second: who would not wait for a place waits for that.
PATIENT_SECONDS = 1.65
LOOK_SECONDS = 0.25
RETRY_SECONDS = 1


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

    async def take(self, client_id: int, most: int) -> RequestPlace:
        """To be ended with the answer. Raises LimitReached."""
        account = self._account(client_id, most)
        if account not in self._lines and (place := self._taken(account)) is not None:
            return place
        return await self._wait(account)

    def _account(self, client_id: int, most: int) -> Account:
        limit = Limit(f"{TOKEN}{client_id}", "", Meter.MAX_CONCURRENT, most, "its client token")
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

    async def _wait(self, account: Account) -> RequestPlace:
        began_at = time.monotonic()
        with self._standing(account) as (line, woken):
            while True:
                if line[0] is woken:
                    if (place := self._taken(account)) is not None:
                        return place
                    if await self._keeper.more():
                        continue
                left = began_at + _patience(account) - time.monotonic()
                if left <= 0:
                    raise _reached(account.limit.number)
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


def _patience(account: Account) -> float:
    """In seconds."""
    has_elsewhere = account.use.known < account.limit.number
    queued: float = kept.QUEUE_SECONDS
    return max(queued, PATIENT_SECONDS if has_elsewhere else 0.0)


def _reached(most: int) -> LimitReached:
    requests = "request" if most == 1 else "requests"
    return LimitReached(
        f"The gateway lets this client token have {most} {requests} under way at a time, and it"
        " has them; try again when one has ended.",
        retry_after=RETRY_SECONDS,
    )
