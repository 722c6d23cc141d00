"""One limit of one owner and model, as one process keeps it."""

import math

from proxyapp.quota.limit_book import Limit
from proxyapp.quota.meters import Use, UseAtOnce, UseOfDay, UseOfMinute
from proxyapp.quota.pacific_days import day_ends_at
from proxyapp.quota.share_grants import OF_DAY, Ask, ShareGrant
from proxyapp.vocabulary.limits import Meter

USES: dict[Meter, type[Use]] = {
    Meter.REQUESTS_PER_MINUTE: UseOfMinute,
    Meter.INPUT_TOKENS_PER_MINUTE: UseOfMinute,
    Meter.REQUESTS_PER_DAY: UseOfDay,
    Meter.TOKENS_PER_DAY: UseOfDay,
    Meter.MAX_CONCURRENT: UseAtOnce,
}
OF_LLM_TOKENS = frozenset({Meter.INPUT_TOKENS_PER_MINUTE, Meter.TOKENS_PER_DAY})
# What others hold may come back with their next look, and there are two a second.
SOON_SECONDS = 0.5
# What ended lately counts twice until it is written down and the lease knows of it.
WRITTEN_SECONDS = 2.0
# Who asked in vain asks less often.
MOST_DOUBLINGS = 4
# Below a quarter of what it got, more is fetched ahead.
LOW = 4


class Account:
    """`is_asking`: a lease is on its way. `closed_until`: before that it would bring nothing more.

    `held_until`: how long its owner's keys are passed over; 0: they are not. `elsewhere`: what the
    database knows to be used of the day, and what other processes hold.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.use = USES[limit.meter]()
        self.counts_llm_tokens = limit.meter in OF_LLM_TOKENS
        self.is_of_day = limit.meter in OF_DAY
        self.is_asking = False
        self.closed_until = 0.0
        self.held_until = 0.0
        self.elsewhere = 0
        self.needed = 0
        self.told_used = 0
        self._misses = 0

    def change(self, limit: Limit) -> None:
        """Another number, or from another source: what is used stays."""
        if limit.number != self.limit.number:
            self.use.capacity = min(self.use.capacity, limit.number)
            self.closed_until = 0.0
        self.limit = limit

    def amount(self, llm_tokens: int) -> int:
        """Of one request. What is more than all there is must not wait for ever."""
        return min(llm_tokens, self.limit.number) if self.counts_llm_tokens else 1

    def fill(self, now: float, delay: float) -> None:
        """The provider says that the minute is used up, whoever used it."""
        if isinstance(self.use, UseOfMinute):
            self.use.fill(self.limit.number, now, delay)

    def free(self, now: float) -> int:
        used = self.use.used(now)  # a new day has no capacity yet
        return self.use.capacity - used

    def is_low(self, now: float) -> bool:
        use = self.use
        left = use.capacity - use.known
        return left * LOW < use.capacity and self.free(now) * LOW < use.capacity

    def may_ask(self, now: float) -> bool:
        return not self.is_asking and now >= self.closed_until

    def ask(self, now: float) -> Ask:
        limit = self.limit
        used = self.use.used(now)
        needed, self.needed = max(self.needed, 1), 0
        return Ask(limit.owner, limit.model, limit.meter, limit.number, used, needed)

    def take(self, grant: ShareGrant, now: float) -> None:
        """What was used since it was asked for has been taken of the same capacity."""
        self.is_asking = False
        self.use.used(now)
        self._misses = 0 if grant.capacity > self.use.capacity else self._misses + 1
        self.use.capacity = grant.capacity
        self.elsewhere = grant.elsewhere
        if not grant.is_all:
            self.closed_until = 0.0
        elif grant.is_final:
            self.closed_until = day_ends_at(now) if self.is_of_day else math.inf
        else:
            first = WRITTEN_SECONDS if self.is_of_day else SOON_SECONDS
            self.closed_until = now + first * 2.0 ** min(self._misses, MOST_DOUBLINGS)

    def go_alone(self, holders: int, now: float) -> None:
        """The database is away: who has no share yet takes what would be one."""
        self.is_asking = False
        self.use.used(now)
        if not self.use.capacity:
            self.use.capacity = max(self.limit.number // max(holders, 1), 1)
        self.closed_until = now + WRITTEN_SECONDS

    def give_back(self, now: float) -> int:
        """Half of what is free, all where that is one."""
        given = -(-max(self.free(now), 0) // 2)
        self.use.capacity -= given
        self.closed_until = 0.0
        return given

    def lose(self, now: float) -> None:
        """All that is free."""
        self.use.capacity = self.use.used(now)
        self.closed_until = 0.0

    def fraction(self, now: float) -> float:
        """Which part of it is used, as far as this process knows."""
        return (self.elsewhere + self.use.used(now)) / self.limit.number
