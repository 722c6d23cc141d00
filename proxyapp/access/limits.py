"""The limits of client tokens: requests a minute and a day, tokens a day, in windows of UTC.

Processes lease shares of a limit, so that together they never let more pass; what a process does
not use it gives back within about a second. A database that is away stops no request: a process
then counts alone, and owes what it took until the database is back. Tokens are known when an answer
ends: what is under way, and what other processes have not written yet, may exceed their limit.
"""

import asyncio
import functools
import math
import time
from collections.abc import Mapping

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import DAY_SECONDS, Leftover, LimitWindow, window_at
from proxyapp.access.llm_token_limits import LlmTokensToday
from proxyapp.access.request_share import Share
from proxyapp.access.token_book import Client, TokenBook
from proxyapp.database.threads import DatabaseThreads
from proxyapp.vocabulary.errors import LimitReached

# A limit is worth more patience than a turn: who goes on alone may let more pass than others know.
# Still less than ANSWER_SECONDS, after which the database counts as away.
LEASE_WAIT_SECONDS = 2.0
# A process leases a twentieth of a limit at once: no more than that lies idle in another process,
# and a window costs 20 leases however large its limit is.
BLOCKS = 20
WINDOW_NAMES = {60: "minute", DAY_SECONDS: "day"}


class ClientLimits:
    """Belongs to one event loop."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self.llm_tokens = LlmTokensToday(threads)
        self._threads = threads
        self._clients: dict[int, Client] = {}
        self._shares: dict[tuple[int, int], Share] = {}

    def install(self, book: TokenBook) -> None:
        """Shares of limits that changed are forgotten; what was left ends with its window."""
        self._clients = {client.id: client for client in book.clients if client.is_metered}
        limits = {
            (client.id, seconds): limit
            for client in self._clients.values()
            for seconds, limit in client.request_limits
        }
        self._shares = {
            name: share for name, share in self._shares.items() if limits.get(name) == share.limit
        }
        self.llm_tokens.keep(self._clients)

    async def take(self, client: Client) -> None:
        """One request of each limit, or none of any. Raises LimitReached."""
        self._check_llm_tokens(client)
        taken: list[tuple[Share, LimitWindow]] = []
        try:
            for seconds, limit in client.request_limits:
                share = self._share(client.id, seconds, limit)
                if not await self._take_one(share):
                    raise _reached(limit, "requests", seconds, share.place.ends_at)
                taken.append((share, share.place))
        except BaseException:
            for share, place in taken:
                share.put_back(place)
            raise

    def _check_llm_tokens(self, client: Client) -> None:
        limit, now = client.tokens_per_day, time.time()
        if limit is not None and self.llm_tokens.used(client.id, now) >= limit:
            ends_at = window_at(client.id, DAY_SECONDS, now).ends_at
            raise _reached(limit, "tokens", DAY_SECONDS, ends_at)

    def _share(self, token_id: int, seconds: int, limit: int) -> Share:
        share = self._shares.get((token_id, seconds))
        if share is None or share.limit != limit:
            share = Share(limit, window_at(token_id, seconds, time.time()))
            self._shares[token_id, seconds] = share
        return share

    async def _take_one(self, share: Share) -> bool:
        while True:
            now = time.time()
            share.turn(now)
            if share.left:
                share.left -= 1
                share.is_used = True
                return True
            if now < share.closed_until:
                return False
            await self._refilled(share)

    async def _refilled(self, share: Share) -> None:
        """Waits for a lease, and goes on alone when the database lets it wait."""
        refill = share.refill
        if refill is None:
            refill = share.refill = asyncio.get_running_loop().create_task(self._lease(share))
        if not share.is_stalled:
            share.waiting += 1
            try:
                await asyncio.wait({refill}, timeout=LEASE_WAIT_SECONDS)
            finally:
                share.waiting -= 1
        if not refill.done() and not share.left:
            share.is_stalled = True
            share.add_alone(1)

    async def _lease(self, share: Share) -> None:
        """Enough for those who wait, whose number is known once the loop has heard of them."""
        await asyncio.sleep(0)
        place, wanted = share.place, max(share.limit // BLOCKS, share.waiting, 1)
        try:
            share.add(place, await self._lease_now(share, wanted), time.time())
        except DatabaseError:
            share.add_alone(wanted)
        finally:
            share.refill, share.is_stalled = None, False

    async def _lease_now(self, share: Share, wanted: int) -> int:
        """Raises django.db.Error; then what is owed is still owed."""
        place, owed, share.owed = share.place, share.owed, 0
        try:
            return await self._threads.urgent(
                functools.partial(limit_windows.lease_share, place, share.limit, wanted, owed)
            )
        except BaseException:
            share.owe(place, owed)
            raise

    async def settle(self) -> None:
        """Tells the database what was taken while it was away, for the other processes.

        Raises django.db.Error.
        """
        now = time.time()
        for share in [share for share in self._shares.values() if share.owed]:
            if now < share.place.ends_at:
                await self._lease_now(share, 0)

    def leftovers(self, *, everything: bool = False) -> list[Leftover]:
        """What to give back: shares that nobody used since the last call (or all)."""
        given, now = [], time.time()
        for share in self._shares.values():
            if share.left and (everything or not share.is_used):
                count = share.give_back()
                if count and now < share.place.ends_at:
                    given.append((share.place, count))
            share.is_used = False
        return given

    @property
    def has_leftovers(self) -> bool:
        return any(share.left for share in self._shares.values())

    async def reread(self, unwritten: Mapping[int, int]) -> None:
        """How many LLM tokens all processes have written down today.

        `unwritten`: what this one will write. Raises django.db.Error.
        """
        limited = [
            client.id for client in self._clients.values() if client.tokens_per_day is not None
        ]
        if limited:
            await self.llm_tokens.reread(limited, unwritten)


def _reached(limit: int, what: str, seconds: int, ends_at: float) -> LimitReached:
    wait = max(1, math.ceil(ends_at - time.time()))
    return LimitReached(
        f"The gateway lets this client token have {limit} {what} a {WINDOW_NAMES[seconds]}, and"
        f" they are used up; try again in {wait} s.",
        retry_after=wait,
        is_worth_trying=seconds < DAY_SECONDS,
    )
