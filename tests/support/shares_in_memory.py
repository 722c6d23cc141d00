"""Processes that share limits without a database, at times that the caller names."""

from collections import Counter
from collections.abc import Callable, Iterable

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.account import Account
from proxyapp.quota.accounts import Book
from proxyapp.quota.charge import LimitCharge
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.limit_book import Limit
from proxyapp.quota.share_grants import Known, Place, granted
from proxyapp.vocabulary.limits import Meter


class SomeLimits:
    """A limit book that holds these numbers for each project and model."""

    is_empty = False

    def __init__(self, numbers: dict[str, dict[Meter, int]]) -> None:
        self.numbers = numbers

    def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
        owner = f"project:{key.project}" if key.project else f"key:{key.id}"
        numbers = self.numbers.get(model, {})
        return tuple(Limit(owner, model, meter, numbers[meter], "group main") for meter in numbers)


class SharesInMemory:
    """What `share_rows` keeps in the database."""

    def __init__(self) -> None:
        self.held: dict[tuple[int, Place], int] = {}
        self.written: Counter[Place] = Counter()
        self.wanted: set[Place] = set()
        self.processes: list[SimulatedProcess] = []
        self.leases = 0


class SimulatedProcess:
    """One process: its keeper gets every lease at once."""

    def __init__(
        self,
        shares: SharesInMemory,
        snapshot: Snapshot,
        book: Book,
        clock: Callable[[], float],
    ) -> None:
        self.keeper = QuotaKeeper(snapshot, book, clock)
        self.keeper.asks = self
        self._shares = shares
        self._number = len(shares.processes)
        shares.processes.append(self)

    def ask(self, account: Account) -> None:
        now, shares = self.keeper.clock(), self._shares
        shares.leases += 1
        ask = account.ask(now)
        place: Place = ask[:3]
        others = sum(
            held
            for (number, of), held in shares.held.items()
            if of == place and number != self._number
        )
        written = shares.written[place] if account.is_of_day else 0
        grant = granted(ask, Known(others, written), len(shares.processes))
        shares.held[self._number, place] = grant.capacity
        if grant.capacity < ask.used + ask.needed:
            shares.wanted.add(place)
        account.take(grant, now)
        self.keeper.granted(account, now)

    async def more(self) -> bool:
        return False

    def look(self) -> None:
        """Gives back half of what others want."""
        now = self.keeper.clock()
        for place in self._shares.wanted & self.keeper.accounts.keys():
            account = self.keeper.accounts[place]
            if account.give_back(now):
                self._shares.held[self._number, place] = account.use.capacity


def first_free(
    process: SimulatedProcess, keys: Iterable[PoolKey], scope: str, llm_tokens: int = 0
) -> tuple[PoolKey, LimitCharge] | None:
    """The first key that may be used now, with what it takes."""
    keeper = process.keeper
    for key in keys:
        for _ in range(2):  # the first time may bring the lease
            if not keeper.is_held(key, scope, keeper.clock()):
                charge = keeper.take(key, scope, lambda: llm_tokens, keeper.clock())
                if charge is not None:
                    return key, charge
    return None
