"""The limits of client tokens: requests a minute and a day, tokens a day, money a day and a month,
in windows of UTC.

Processes lease shares of a limit, so that together they never let more pass, and keep them until
the window ends, nobody has used them for a minute, or somebody got nothing. A database that is away
stops no request: a process then counts alone, and owes what it took until the database is back.
Tokens are known when an answer ends: what is under way, and what other processes have not written
yet, may exceed their limit.
"""

import asyncio
import functools
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from proxyapp.access import limit_windows
from proxyapp.access.budgets import budget_spent, cost_of_day, cost_of_month
from proxyapp.access.limit_windows import Leftover, LimitWindow, window_at
from proxyapp.access.llm_token_limits import UsedLately
from proxyapp.access.periods import DAY, MONTH
from proxyapp.access.request_share import Share
from proxyapp.access.share_leases import ShareLeases
from proxyapp.access.token_book import Client, TokenBook
from proxyapp.database.threads import DatabaseThreads
from proxyapp.vocabulary.durations import DAY_SECONDS
from proxyapp.vocabulary.errors import LimitReached

# Where others have leased the rest of a limit, they give back what they do not use with their
# second look after somebody got nothing, and there are two looks a second. Each time the database
# may be asked again, for which RECHECK_SECONDS have to be over.
PATIENT_LOOKS, PATIENT_SECONDS = 3, 0.55
# How often all shares are gone through, which takes 5 ms for 5,000 tokens.
SWEEP_LOOKS = 8
NOTHING: Mapping[int, int] = MappingProxyType({})
WINDOW_NAMES = {60: "minute", DAY_SECONDS: "day"}
Meter = tuple[Client, tuple[Share, ...]]
"""A client and its shares, one for each of its limits of requests."""


class ClientLimits:
    """Belongs to one event loop."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self.llm_tokens = UsedLately(threads, DAY, limit_windows.llm_tokens_of_day)
        self.cost_of_day = UsedLately(threads, DAY, cost_of_day)
        self.cost_of_month = UsedLately(threads, MONTH, cost_of_month)
        self._threads = threads
        self._leases = ShareLeases(threads)
        self._clients: dict[int, Client] = {}
        self._meters: dict[int, Meter] = {}
        self._windows: dict[int, int] = {}
        self._looks = 0
        self._idle: list[Share] = []

    def install(self, book: TokenBook) -> None:
        """Shares of limits that changed are given back once their token is used."""
        self._clients = {client.id: client for client in book.clients if client.is_metered}
        for token_id in [pk for pk in self._meters if pk not in self._clients]:
            del self._meters[token_id]
        for used, name in (
            (self.llm_tokens, "tokens_per_day"),
            (self.cost_of_day, "cost_per_day"),
            (self.cost_of_month, "cost_per_month"),
        ):
            limits = {client.id: getattr(client, name) for client in self._clients.values()}
            used.keep({pk: limit for pk, limit in limits.items() if limit is not None})

    def charge_now(self, client: Client) -> bool:
        """One request of each limit, where no database has to be asked.

        False: nothing was taken, and `take` knows why.
        """
        now = time.time()
        if client.is_charged:
            for used, limit in self._charged(client):
                if not used.is_followed(client.id) or used.used(client.id, now) >= limit:
                    return False
        shares = self._shares(client, now)
        for share in shares:
            if not share.has_one(now):
                return False
        for share in shares:
            self._use_one(share)
        return True

    async def take(self, client: Client) -> None:
        """One request of each limit, or none of any. Raises LimitReached."""
        for used, _ in self._charged(client):
            await used.follow(client.id)
        now = time.time()
        self.check_used(client, now)
        taken: list[tuple[Share, LimitWindow]] = []
        try:
            for share in self._shares(client, now):
                if not await self._take_one(share):
                    place = share.place
                    raise _reached(share.limit, "requests", place.seconds, place.ends_at)
                taken.append((share, share.place))
        except BaseException:
            for share, place in taken:
                share.put_back(place)
                self._leases.held.add(share)
            raise

    def check_used(self, client: Client, now: float) -> None:
        """Raises LimitReached when the day's LLM tokens, or what they may cost, are used up."""
        for used, limit in self._charged(client):
            spent = used.used(client.id, now)
            if spent < limit:
                continue
            if used is self.llm_tokens:
                raise _reached(limit, "tokens", DAY_SECONDS, DAY.end_of(DAY.number_at(now)))
            raise budget_spent(limit, spent, used.period, now)

    def _charged(self, client: Client) -> Iterator[tuple[UsedLately, int]]:
        """What of it is limited, the longest wait first."""
        if client.cost_per_month is not None:
            yield self.cost_of_month, client.cost_per_month
        if client.cost_per_day is not None:
            yield self.cost_of_day, client.cost_per_day
        if client.tokens_per_day is not None:
            yield self.llm_tokens, client.tokens_per_day

    def add_used(self, token_id: int, llm_tokens: int, cost_micros: int, now: float) -> None:
        """What an answer came to."""
        self.llm_tokens.add(token_id, llm_tokens, now)
        if cost_micros:
            self.cost_of_day.add(token_id, cost_micros, now)
            self.cost_of_month.add(token_id, cost_micros, now)

    def _shares(self, client: Client, now: float) -> tuple[Share, ...]:
        meter = self._meters.get(client.id)
        if meter is not None and meter[0] is client:
            return meter[1]
        before = meter[1] if meter else ()
        known = {(share.place.seconds, share.limit): share for share in before}
        shares = tuple(
            known.get((seconds, limit)) or Share(limit, window_at(client.id, seconds, now))
            for seconds, limit in client.request_limits
        )
        for share in before:
            if share not in shares:
                self._idle.append(share)
        self._meters[client.id] = client, shares
        return shares

    def _use_one(self, share: Share) -> None:
        share.use_one()
        if not share.left and share.has_room_ahead:
            self._leases.fetch_ahead(share)

    async def _take_one(self, share: Share) -> bool:
        """Once in a window it waits for what others have leased and do not use."""
        looks = 0
        while True:
            now = time.time()
            if share.turn(now):
                self._turn(share.place.seconds, share.place.number)
            if share.left:
                self._use_one(share)
                return True
            if now >= share.closed_until:
                await self._leases.more(share)
            elif share.may_open and looks < PATIENT_LOOKS:
                looks += 1
                await asyncio.sleep(PATIENT_SECONDS)
            else:
                share.refuse()
                return False

    def _turn(self, seconds: int, number: int) -> None:
        """Who asked in the last window is likely to ask in this one."""
        if self._windows.get(seconds) == number:
            return
        self._windows[seconds] = number
        for share in self._all_shares():
            place = share.place
            if place.seconds == seconds and place.number == number - 1 and share.is_used:
                self._leases.fetch_ahead(share)

    def _all_shares(self) -> Iterator[Share]:
        return (share for _, shares in self._meters.values() for share in shares)

    async def look(self) -> None:
        """What the processes tell each other through the database. Raises django.db.Error.

        What was taken while it was away, where somebody got nothing, what nobody uses.
        """
        now = time.time()
        self._looks += 1
        if self._looks % SWEEP_LOOKS == 0:
            self._sweep(now)
        if not self._leases.held:
            return
        await self._leases.settle()
        starts = {int(now) // seconds * seconds for seconds in WINDOW_NAMES}
        wanted = await self._threads.read(functools.partial(limit_windows.wanted_windows, starts))
        now = time.time()
        idle, self._idle = self._idle, []
        for place, total in wanted.items():
            share = self._share_at(place)
            if share is not None:
                share.look(total, now)
                idle += [share] if share.is_idle else []
        given = _given_back(idle, now)
        if given:
            await self._threads.background(functools.partial(limit_windows.give_back, given))

    def _sweep(self, now: float) -> None:
        """All that the process holds, which with thousands of tokens is much for each look."""
        held = {share for share in self._leases.held if share.is_held(now)}
        for share in held:
            if not share.is_wanted:  # each look counts for those
                share.quiet_looks += SWEEP_LOOKS
        self._leases.held = held
        self._idle += [share for share in held if share.is_idle]

    def _share_at(self, place: LimitWindow) -> Share | None:
        meter = self._meters.get(place.token_id)
        return next((share for share in (meter[1] if meter else ()) if share.place == place), None)

    def leftovers(self) -> list[Leftover]:
        """What to give back when the process ends."""
        return _given_back(self._all_shares(), time.time())

    async def reread(
        self,
        unwritten: Mapping[int, int],
        cost_of_day: Mapping[int, int] = NOTHING,
        cost_of_month: Mapping[int, int] = NOTHING,
    ) -> None:
        """How many LLM tokens all processes have written down today, and what they cost.

        What this one will write: `unwritten` LLM tokens, and their cost. Raises django.db.Error.
        """
        await self.llm_tokens.reread(unwritten)
        await self.cost_of_day.reread(cost_of_day)
        await self.cost_of_month.reread(cost_of_month)


def _given_back(shares: Iterable[Share], now: float) -> list[Leftover]:
    """What is left of windows that are over is nobody's."""
    given = []
    for share in shares:
        count = share.give_back()
        if count and now < share.place.ends_at:
            given.append((share.place, count))
    return given


def _reached(limit: int, what: str, seconds: int, ends_at: float) -> LimitReached:
    wait = max(1, math.ceil(ends_at - time.time()))
    return LimitReached(
        f"The gateway lets this client token have {limit} {what} a {WINDOW_NAMES[seconds]}, and"
        f" they are used up; try again in {wait} s.",
        retry_after=wait,
        is_worth_trying=seconds < DAY_SECONDS,
    )
