"""Takes each turn from the limits of its key, where there are any."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Unit
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.turn_charge import Charge, TurnCharge
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.provider.estimate_ratios import EstimateRatios
from proxyapp.provider.features import plain_scope

# A request that is too large for what is left of so many keys waits: others want the time, too.
MOST_TURNED_AWAY = 100
# After so many keys that have no share yet it is worth a wait: each has asked for one.
MOST_HELD = 16


class Quota(Protocol):
    """What keeps the limits. `is_idle`: there are none; `counts_llm_tokens`: some are of those."""

    @property
    def is_idle(self) -> bool: ...

    @property
    def counts_llm_tokens(self) -> bool: ...

    def take(
        self, key: PoolKey, quota_scope: str, estimate: Callable[[], int], now: float
    ) -> Charge | None:
        """None: there is no room. The key is held, or has too little for this request only."""

    def more(self) -> Awaitable[bool]:
        """Waits for shares that are on their way. False: there are none."""

    def note_refused(
        self, key: PoolKey, quota_scope: str, meter: str, delay: float | None, now: float
    ) -> None:
        """The provider has refused the key for a limit of that meter. `delay`: in seconds."""

    def is_group_full(self, key: PoolKey, now: float) -> bool:
        """Whether no key of its group may be used now, though they are not held."""

    def words(self, key: PoolKey, quota_scope: str, now: float) -> str:
        """Which of its limits has no room, and where that comes from; empty: none."""


class NoQuota:
    """Where nothing is limited."""

    is_idle = True
    counts_llm_tokens = False

    def take(
        self, key: PoolKey, quota_scope: str, estimate: Callable[[], int], now: float
    ) -> Charge | None:
        return None

    async def more(self) -> bool:
        return False

    def note_refused(
        self, key: PoolKey, quota_scope: str, meter: str, delay: float | None, now: float
    ) -> None:
        """Nobody keeps it."""

    def is_group_full(self, key: PoolKey, now: float) -> bool:
        return False

    def words(self, key: PoolKey, quota_scope: str, now: float) -> str:
        return ""


class Charging:
    """Of one process. `snapshot`: the present one."""

    def __init__(self, snapshot: Snapshot, quota: Quota) -> None:
        self.snapshot = snapshot
        self.quota = quota
        self.ratios = EstimateRatios()

    def charged(self, key: PoolKey, wish: KeyWish, probe: Unit | None = None) -> Turn | None:
        """None: another key has to be picked; this one is held, or turned away for the wish."""
        if self.quota.is_idle:
            return Turn(key, probe)
        now, quota_scope = time.time(), wish.quota_scope
        charge = self.quota.take(key, quota_scope, lambda: self._estimated(wish), now)
        if charge is None:
            if self.snapshot.cooldowns.until(key.id, quota_scope) > now:
                wish.held += (key.id,)
                return None
            wish.turn_away(key.id)
            if self.quota.is_group_full(key, now):
                wish.turn_away_group(key.group.id)
            return None
        turn_charge = TurnCharge(charge, self.ratios, plain_scope(quota_scope), wish.estimated)
        return Turn(key, probe, turn_charge)

    def _estimated(self, wish: KeyWish) -> int:
        return self.ratios.applied(plain_scope(wish.quota_scope), wish.estimate())

    def is_held_up(self, wish: KeyWish) -> bool:
        """Whether it has met many keys without a share, and may meet others."""
        return len(wish.held) >= MOST_HELD

    def may_look_on(self, wish: KeyWish) -> bool:
        return not self.is_held_up(wish) and len(wish.turned_away) < MOST_TURNED_AWAY
