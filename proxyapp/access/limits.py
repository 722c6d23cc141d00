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
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import Error as DatabaseError

from proxyapp.access import limit_windows
from proxyapp.access.limit_windows import Leftover, LimitWindow, window_at
from proxyapp.access.token_book import Client, TokenBook
from proxyapp.database.threads import DatabaseThreads
from proxyapp.vocabulary.errors import LimitReached

LEASE_WAIT_SECONDS = 2.0
RECHECK_SECONDS = 0.5
BLOCKS = 20
DAY = 86_400
WINDOW_NAMES = {60: "minute", DAY: "day"}


@dataclass(slots=True)
class Share:
    """What this process holds of one limit of one token.

    `got`: all that it got in this window. `owed`: how much of that it gave itself, unknown to the
    database.
    """

    limit: int
    place: LimitWindow
    left: int = 0
    got: int = 0
    owed: int = 0
    waiting: int = 0
    is_used: bool = False
    closed_until: float = 0.0
    refill: "asyncio.Task[None] | None" = None
    is_stalled: bool = False

    def turn(self, now: float) -> None:
        """A new window begins at zero."""
        place = window_at(self.place.token_id, self.place.seconds, now)
        if place != self.place:
            self.place, self.left, self.got, self.owed, self.closed_until = place, 0, 0, 0, 0.0

    def add(self, place: LimitWindow, count: int, now: float) -> None:
        """None left: another process may give some back."""
        if place != self.place:
            return
        self.left += count
        self.got += count
        if not count:
            self.closed_until = min(now + RECHECK_SECONDS, place.ends_at)

    def add_alone(self, wanted: int) -> None:
        count = min(wanted, max(self.limit - self.got, 0))
        self.owed += count
        self.add(self.place, count, time.time())

    def owe(self, place: LimitWindow, count: int) -> None:
        self.owed += count if place == self.place else 0

    def give_back(self) -> int:
        """How much of what is left the database shall have back: what it never gave is no more owed
        instead.
        """
        count, self.left = self.left, 0
        forgiven = min(count, self.owed)
        self.got -= count
        self.owed -= forgiven
        return count - forgiven

    def put_back(self, place: LimitWindow) -> None:
        self.left += place == self.place


@dataclass(slots=True)
class Spent:
    """Tokens of one day: those that are in the database, and those that this process added
    since.
    """

    day: int
    stored: int = 0
    added: int = 0


@dataclass
class ClientLimits:
    """Belongs to one event loop."""

    threads: DatabaseThreads
    _clients: dict[int, Client] = field(default_factory=dict)
    _shares: dict[tuple[int, int], Share] = field(default_factory=dict)
    _spent: dict[int, Spent] = field(default_factory=dict)

    def install(self, book: TokenBook) -> None:
        """Shares of limits that changed are forgotten: what was left of them ends with its
        window.
        """
        self._clients = {client.id: client for client in book.clients if client.is_metered}
        limits = {
            (client.id, seconds): limit
            for client in self._clients.values()
            for seconds, limit in client.request_limits
        }
        self._shares = {
            name: share for name, share in self._shares.items() if limits.get(name) == share.limit
        }
        self._spent = {pk: spent for pk, spent in self._spent.items() if pk in self._clients}

    async def take(self, client: Client) -> None:
        """One request of each limit, or none of any. Raises LimitReached."""
        self._check_tokens(client, time.time())
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
            return await self.threads.urgent(
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

    # Tokens a day.

    def add_tokens(self, token_id: int, count: int, now: float) -> None:
        spent = self._spent.get(token_id)
        if spent is not None and spent.day == int(now) // DAY:
            spent.added += count

    def _check_tokens(self, client: Client, now: float) -> None:
        limit = client.tokens_per_day
        if limit is None:
            return
        day = int(now) // DAY
        spent = self._spent.get(client.id)
        if spent is None or spent.day != day:
            spent = self._spent[client.id] = Spent(day)
        if spent.stored + spent.added >= limit:
            raise _reached(limit, "tokens", DAY, (day + 1) * DAY)

    async def reread(self, unwritten: Mapping[int, int]) -> None:
        """What all processes have written of the day.

        `unwritten`: what this one will write. Raises django.db.Error.
        """
        limited = [
            client.id for client in self._clients.values() if client.tokens_per_day is not None
        ]
        if not limited:
            return
        now = datetime.now(UTC)
        day = int(now.timestamp()) // DAY
        before = {pk: spent.added for pk, spent in self._spent.items() if spent.day == day}
        stored = await self.threads.read(
            functools.partial(limit_windows.tokens_of_day, limited, now)
        )
        for pk in limited:
            spent = self._spent.get(pk, Spent(day))
            if spent.day <= day:
                since = spent.added - before.get(pk, 0) if spent.day == day else 0
                self._spent[pk] = Spent(day, stored.get(pk, 0), unwritten.get(pk, 0) + since)


def _reached(limit: int, what: str, seconds: int, ends_at: float) -> LimitReached:
    wait = max(1, math.ceil(ends_at - time.time()))
    return LimitReached(
        f"The gateway lets this client token have {limit} {what} a {WINDOW_NAMES[seconds]}, and"
        f" they are used up; try again in {wait} s.",
        retry_after=wait,
        is_worth_trying=seconds < DAY,
    )
