"""Fetches shares of limits from the database: those of many tokens in one transaction.

One transaction is under way at a time, and the next one takes along all who asked meanwhile. A
share that was used up is fetched ahead, before anybody asks, with those of other tokens.
"""

import asyncio
import functools
import time

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import Wish
from proxyapp.access.request_share import Share
from proxyapp.database.threads import DatabaseThreads

# A limit is worth more patience than a turn: who goes on alone may let more pass than others know.
# Still less than ANSWER_SECONDS, after which the database counts as away.
LEASE_WAIT_SECONDS = 2.0
# Few enough for some milliseconds of the thread that requests wait for.
MOST_SHARES = 250
# Many tokens that are used in turn share a transaction, and few of them come again before it.
AHEAD_SECONDS = 0.1


class ShareLeases:
    """Belongs to one event loop.

    `held`: shares that have something left, or wait for what others give back.
    """

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._asked: list[Share] = []
        self._ahead: dict[Share, None] = {}
        self._work: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._owing: set[Share] = set()
        self.held: set[Share] = set()

    async def more(self, share: Share) -> None:
        """Waits for a lease, and goes on alone when the database lets it wait."""
        refill = share.refill
        if refill is None:
            refill = share.refill = asyncio.get_running_loop().create_future()
            self._asked.append(share)
            self._begin()
        if not share.is_stalled:
            share.waiting += 1
            try:
                await asyncio.wait({refill}, timeout=LEASE_WAIT_SECONDS)
            finally:
                share.waiting -= 1
        if not refill.done() and not share.left:
            share.is_stalled = True
            self._add_alone(share, 1)

    def _add_alone(self, share: Share, wanted: int) -> None:
        share.add_alone(wanted, time.time())
        self._owing.add(share)

    def fetch_ahead(self, share: Share) -> None:
        """Soon, or with the next transaction."""
        self._ahead[share] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AHEAD_SECONDS, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """How many wait is known once the loop has heard of them."""
        try:
            await asyncio.sleep(0)
            while self._asked or self._ahead:
                asked, self._asked = self._asked[:MOST_SHARES], self._asked[MOST_SHARES:]
                await self._lease(asked, self._take_ahead(MOST_SHARES - len(asked)))
        finally:
            self._work = None

    def _take_ahead(self, count: int) -> list[Share]:
        """Not who got something meanwhile, or is asking."""
        taken: list[Share] = []
        now = time.time()
        while self._ahead and len(taken) < count:
            share = next(iter(self._ahead))
            del self._ahead[share]
            share.turn(now)
            if not share.left and share.refill is None and share.has_room_ahead:
                taken.append(share)
        return taken

    async def _lease(self, asked: list[Share], ahead: list[Share]) -> None:
        wishes = [share.wish(is_ahead=False) for share in asked]
        wishes += [share.wish(is_ahead=True) for share in ahead]
        try:
            await self._fetch([*asked, *ahead], wishes)
        except DatabaseError:
            for share, wish in zip(asked, wishes, strict=False):
                self._add_alone(share, wish.wanted)
        finally:
            self.held.update(asked, ahead)
            for share in asked:
                refill, share.refill, share.is_stalled = share.refill, None, False
                if refill is not None and not refill.done():
                    refill.set_result(None)

    async def _fetch(self, shares: list[Share], wishes: list[Wish]) -> None:
        """Raises django.db.Error; then what is owed is still owed."""
        try:
            work = functools.partial(limit_windows.lease_shares, wishes)
            grants = await self._threads.urgent(work)
        except BaseException:
            for share, wish in zip(shares, wishes, strict=True):
                share.owe(wish)
            self._owing.update(share for share in shares if share.owed)
            raise
        now = time.time()
        for share, wish, grant in zip(shares, wishes, grants, strict=True):
            share.add(wish, grant, now)

    async def settle(self) -> None:
        """Tells the database what was taken while it was away, for the other processes.

        Raises django.db.Error.
        """
        now = time.time()
        owing = [share for share in self._owing if share.owed and now < share.place.ends_at]
        self._owing = set(owing)
        while owing:
            batch, owing = owing[:MOST_SHARES], owing[MOST_SHARES:]
            self._owing.difference_update(batch)
            await self._fetch(batch, [share.debt() for share in batch])
