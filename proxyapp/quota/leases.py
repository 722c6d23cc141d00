"""Fetches shares of limits from the database: those of many limits in one transaction, one
transaction at a time, and none for a request that finds enough.
"""

import asyncio
import functools
import time
from collections import deque
from collections.abc import Iterable

from django.db import Error as DatabaseError

from proxyapp.database.threads import ANSWER_SECONDS, DatabaseThreads
from proxyapp.quota import share_rows
from proxyapp.quota.account import Account
from proxyapp.quota.keeper import LEASE_SECONDS, QuotaKeeper
from proxyapp.quota.share_grants import Place
from proxyapp.quota.share_rows import Told

# Few enough for some milliseconds of the thread that requests wait for.
MOST_SHARES = 250
# By then the database counts as away, and who has no share yet goes on alone.
WAIT_SECONDS = ANSWER_SECONDS + 0.5
TOLD_EVERY_SECONDS = 5.0
SEEN_EVERY_SECONDS = share_rows.SEEN_EVERY.total_seconds()


class QuotaLeases:
    """Belongs to one event loop. The keeper asks it. `name`: of the process."""

    def __init__(self, threads: DatabaseThreads, keeper: QuotaKeeper, name: str) -> None:
        self._threads = threads
        self._keeper = keeper
        keeper.asks = self
        self._name = name
        self._holder_id: int | None = None
        self._holders = 1
        self._count_asked = self._count_answered = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._asked: dict[Account, None] = {}
        self._work: asyncio.Task[None] | None = None
        self._seen_at = self._told_at = 0.0

    def ask(self, account: Account) -> None:
        self._count_asked += account not in self._asked
        self._asked[account] = None
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._run())

    async def more(self) -> bool:
        """Waits for what was asked for by now; False: nothing is on its way, or it takes too long.

        What others ask for later is not waited for.
        """
        if self._work is None:
            return False
        answered = asyncio.get_running_loop().create_future()
        self._waiting.append((self._count_asked, answered))
        done, _ = await asyncio.wait({answered}, timeout=WAIT_SECONDS)
        return bool(done)

    def _hear(self, count: int) -> None:
        """So many were answered, in the order in which they were asked for."""
        self._count_answered += count
        while self._waiting and self._waiting[0][0] <= self._count_answered:
            _, answered = self._waiting.popleft()
            answered.set_result(None)

    async def _run(self) -> None:
        """Who asks in the same turn of the loop is asked for together."""
        try:
            await asyncio.sleep(0)
            while self._asked:
                batch = list(self._asked)[:MOST_SHARES]
                for account in batch:
                    del self._asked[account]
                try:
                    await self._lease(batch)
                finally:
                    self._hear(len(batch))
        finally:
            self._work = None

    async def _lease(self, accounts: list[Account]) -> None:
        asks = [account.ask(time.time()) for account in accounts]
        work = functools.partial(share_rows.lease, self._name, self._holder_id, asks)
        try:
            leased = await self._threads.urgent(work)
        except DatabaseError:
            for account in accounts:
                account.go_alone(self._holders, time.time())
        else:
            self._holder_id, self._holders = leased.holder_id, leased.holders
            for account, grant in zip(accounts, leased.grants, strict=True):
                account.take(grant, time.time())
        finally:
            for account in accounts:
                account.is_asking = False
        for account in accounts:
            self._keeper.granted(account, time.time())

    async def look(self) -> None:
        """What processes tell each other twice a second. Raises django.db.Error."""
        holder_id = self._holder_id
        if holder_id is None:
            return
        now = time.monotonic()
        if now - self._seen_at >= SEEN_EVERY_SECONDS:
            self._seen_at = now
            if not await self._threads.background(functools.partial(share_rows.seen, holder_id)):
                self._lose_all()
                return
        wanted = await self._threads.read(functools.partial(share_rows.wanted_by_others, holder_id))
        told = self._given_back(wanted)
        if now - self._told_at >= TOLD_EVERY_SECONDS:
            told |= self._used_since()
            self._told_at = now
        if told:
            tell = functools.partial(share_rows.tell, holder_id, list(told.values()))
            await self._threads.background(tell)

    def _lose_all(self) -> None:
        """What is free is others' by now, as after hours in which a machine slept."""
        self._holder_id = None
        now = time.time()
        for account in self._keeper.accounts.values():
            account.lose(now)

    def _given_back(self, wanted: Iterable[Place]) -> dict[Account, Told]:
        """Half of what is free of that."""
        now, accounts = time.time(), self._keeper.accounts
        held = [accounts[place] for place in wanted if place in accounts]
        given = [account for account in held if account.give_back(now)]
        return {account: _told(account, now) for account in given}

    def _used_since(self) -> dict[Account, Told]:
        """For the pages: of those that are another than they were told to be."""
        now = time.time()
        changed = [
            account
            for account in self._keeper.accounts.values()
            if account.use.used(now) != account.told_used
        ]
        return {account: _told(account, now) for account in changed[:MOST_SHARES]}

    async def close(self) -> None:
        """No request may come after it. Raises django.db.Error."""
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=LEASE_SECONDS)
        if self._holder_id is not None:
            now = time.time()
            kept = [
                Told(_place(account), account.use.used(now), account.use.used(now))
                for account in self._keeper.accounts.values()
                if account.limit.meter in share_rows.OF_MINUTE
            ]
            leave = functools.partial(share_rows.leave, self._holder_id, kept)
            await self._threads.background(leave)


def _place(account: Account) -> Place:
    return account.limit.owner, account.limit.model, account.limit.meter


def _told(account: Account, now: float) -> Told:
    account.told_used = account.use.used(now)
    return Told(_place(account), account.use.capacity, account.told_used)
