"""Takes each request from the limits of its key, before the provider would refuse it.

Where a limit has no room, the keys that it holds for are passed over until it has. Belongs to one
event loop.
"""

import time
from collections.abc import Awaitable, Callable, Collection

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.account import Account
from proxyapp.quota.accounts import Accounts, Book
from proxyapp.quota.asking import Asks, NobodyAsks
from proxyapp.quota.charge import FREE, LimitCharge
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.meters import WINDOW_SECONDS
from proxyapp.quota.owners import GROUP, keys_of
from proxyapp.quota.passed_over import PassedOver, is_wide
from proxyapp.quota.share_grants import OF_DAY, Place
from proxyapp.vocabulary.limits import Meter

# While a lease is on its way; it ends the hold when it is here.
LEASE_SECONDS = 0.5


class QuotaKeeper:
    """`is_idle`: no key has a limit, and nobody needs to ask. `on_room` hears when keys that were
    passed over may be used again before their time.
    """

    def __init__(
        self, snapshot: Snapshot, book: Book, clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.asks: Asks = NobodyAsks()
        self.on_room: Callable[[], None] | None = None
        self._accounts = Accounts(book, self._made, clock)
        self._passed_over = PassedOver(snapshot)
        self._refused: dict[Place, tuple[float, float]] = {}
        self.install(snapshot, book)

    def install(
        self, snapshot: Snapshot, book: Book, touched: Collection[int] | None = None
    ) -> None:
        """What is used stays used, and keys that were passed over are so in the new rings.

        `touched`: whose holds these have forgotten; None: all.
        """
        self.snapshot = snapshot
        self.is_idle = book.is_empty
        if book is not self._accounts.book:
            touched = None
            self._accounts.install(book)
            self._take_refused()
        if touched is None or touched:
            self._passed_over.hold_again(snapshot, touched, self._is_unchanged, self.clock())

    def _take_refused(self) -> None:
        """A limit that is new because it refused is used up, which only this process knows."""
        for owner, model, _ in list(self._refused):
            key = self._any_key(owner)
            if key is not None:
                self.accounts_of(key, model)

    def _any_key(self, owner: str) -> PoolKey | None:
        keys = (self.snapshot.keys.get(key_id) for key_id in keys_of(self.snapshot, owner))
        return next((each for each in keys if each is not None), None)

    def _is_unchanged(self, account: Account) -> bool:
        """Whether the limit is the one that its keys are passed over for."""
        key = self._any_key(account.limit.owner)
        return key is not None and account.limit in self._accounts.book.of(key, account.limit.model)

    def take(
        self, key: PoolKey, quota_scope: str, estimate: Callable[[], int], now: float
    ) -> LimitCharge | None:
        """None: another key has to answer; `is_held` says whether that holds for other requests."""
        accounts = self.accounts_of(key, quota_scope)
        if not accounts:
            return FREE
        llm_tokens = 0
        for account in accounts:
            if account.counts_llm_tokens:
                llm_tokens = estimate()
                break
        has_room = True
        for account in accounts:
            amount = account.amount(llm_tokens)
            if not account.use.has_room(amount, now):
                self._turn_away(account, amount, now)
                has_room = False
        return self._taken(accounts, llm_tokens, now) if has_room else None

    def _taken(self, accounts: tuple[Account, ...], llm_tokens: int, now: float) -> LimitCharge:
        charge = LimitCharge(self)
        for account in accounts:
            amount = account.amount(llm_tokens)
            charge.add(account, account.use.take(amount, now), amount)
            if account.is_low(now):
                self.fetch(account, 1, now)
                if account.free(now) <= 0:
                    self._pass_over(account, now)
        return charge

    @property
    def accounts(self) -> dict[Place, Account]:
        return self._accounts.by_place

    @property
    def counts_llm_tokens(self) -> bool:
        """Whether it may ask how long a request is."""
        return not self.is_idle

    def more(self) -> Awaitable[bool]:
        """Waits for shares that are on their way; False: none are."""
        return self.asks.more()

    def is_group_full(self, key: PoolKey, now: float) -> bool:
        """Whether that is why the key has no room, which passes over none of its group's keys."""
        owner = f"{GROUP}{key.group.id}"
        account = self.accounts.get((owner, "", Meter.MAX_CONCURRENT))
        return account is not None and account.free(now) <= 0 and is_wide(self.snapshot, account)

    def words(self, key: PoolKey, quota_scope: str, now: float) -> str:
        """Which of the key's limits has no room, and whose it is; empty: none."""
        accounts = self.accounts_of(key, quota_scope)
        full = next((each for each in accounts if each.free(now) <= 0), None)
        return full.limit.words if full is not None else ""

    def is_held(self, key: PoolKey, quota_scope: str, now: float) -> bool:
        return self.snapshot.cooldowns.until(key.id, quota_scope) > now

    def accounts_of(self, key: PoolKey, quota_scope: str) -> tuple[Account, ...]:
        return self._accounts.of(key, quota_scope)

    def _made(self, limit: Limit) -> Account:
        account = Account(limit)
        at, delay = self._refused.get((limit.owner, limit.model, limit.meter), (0.0, 0.0))
        if self.clock() - at < WINDOW_SECONDS:
            self._fill(account, at, delay)
        return account

    def _fill(self, account: Account, at: float, delay: float) -> None:
        account.fill(at, delay)
        self.fetch(account, 1, at)  # before another process takes it for free

    def note_refused(
        self, key: PoolKey, quota_scope: str, meter: str, delay: float | None, now: float
    ) -> None:
        """The provider says that the key's minute is used up, perhaps by a limit that is new.

        `delay`: when it has room again, in seconds. Of a day the database knows what is used.
        """
        model = self._accounts.model_of(quota_scope)
        if not model or meter in OF_DAY:
            return
        noted = self._refused.items()
        self._refused = {each: said for each, said in noted if now - said[0] < WINDOW_SECONDS}
        place = key.quota_owner, model, meter
        seconds = WINDOW_SECONDS if delay is None else delay
        self._refused[place] = now, seconds
        account = self.accounts.get(place)
        if account is not None:
            self._fill(account, now, seconds)

    def _turn_away(self, account: Account, amount: int, now: float) -> None:
        """One long request that does not fit is no reason to pass over the key for others."""
        self.fetch(account, amount, now)
        if account.free(now) <= 0:
            self._pass_over(account, now)

    def fetch(self, account: Account, amount: int, now: float) -> None:
        """Asks for so much more of it, unless that is on its way or would bring nothing."""
        account.needed = max(account.needed, amount)
        if account.may_ask(now):
            account.is_asking = True
            self.asks.ask(account)

    def _pass_over(self, account: Account, now: float) -> None:
        until = account.use.free_at(1, now)
        if account.is_asking:
            until = min(until, now + LEASE_SECONDS)
        elif account.closed_until > now:
            until = min(until, account.closed_until)
        self._passed_over.hold(account, until, now)

    def granted(self, account: Account, now: float) -> None:
        """An answer to what was asked for is here."""
        if account.held_until <= now:
            account.held_until = 0.0
            return
        if account.free(now) > 0:
            self._lift(account, now)
        else:
            self._pass_over(account, now)

    def eased(self, account: Account, now: float) -> None:
        """Something of it came back."""
        if account.held_until > now and account.free(now) > 0:
            self._lift(account, now)

    def _lift(self, account: Account, now: float) -> None:
        self._passed_over.lift(account, now)
        if self.on_room is not None:
            self.on_room()

    def day_fraction(self, key: PoolKey, quota_scope: str, now: float) -> float:
        """Which part of today's limits is used, of the one that is nearest its end; 0.0: none."""
        days = (each for each in self.accounts_of(key, quota_scope) if each.is_of_day)
        return max((account.fraction(now) for account in days), default=0.0)

    def note_written(self, before: float) -> None:
        """All that ended earlier than that is in the database."""
        for account in self.accounts.values():
            account.use.note_written(before)

    def shift(self, seconds: float) -> None:
        """The clock was set by so much."""
        for account in self.accounts.values():
            account.use.shift(seconds)
            account.held_until += seconds if account.held_until else 0.0
            account.closed_until = 0.0
