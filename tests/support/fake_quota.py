"""Stands where the keeper of limits is: so many requests a key, and each that was taken is kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.llm_tokens import LlmTokens


@dataclass
class FakeCharge:
    """`ends`: what it ended with; None: it was cancelled."""

    key_id: int
    quota_scope: str
    llm_tokens: int
    quota: "FakeQuota"
    ends: list[tuple[LlmTokens, bool] | None] = field(default_factory=list)

    def end(self, llm_tokens: LlmTokens, *, is_counted: bool) -> None:
        self.ends.append((llm_tokens, is_counted))
        self.quota.ended(self)

    def cancel(self) -> None:
        self.ends.append(None)
        self.quota.ended(self)


@dataclass
class FakeQuota:
    """`room`: requests at a time, by key; `most`: LLM tokens of one request, by key; `coming`: what
    `more` waits for, one after the other. `asks`: the keys that were asked for.
    """

    pool: Snapshot
    room: dict[int, int] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)
    until: float = math.inf
    coming: list[Callable[[], object]] = field(default_factory=list)
    charges: list[FakeCharge] = field(default_factory=list)
    asks: list[int] = field(default_factory=list)
    on_room: Callable[[], object] = bool
    is_idle: bool = False
    counts_llm_tokens: bool = True

    def take(
        self, key: PoolKey, quota_scope: str, estimate: Callable[[], int], now: float
    ) -> FakeCharge | None:
        self.asks.append(key.id)
        llm_tokens = estimate()
        if self.room.get(key.id, 1) <= 0:
            self.pool.hold([key.id], quota_scope, self.until)
            return None
        if llm_tokens > self.most.get(key.id, llm_tokens):
            return None
        self.room[key.id] = self.room.get(key.id, 1_000_000) - 1
        charge = FakeCharge(key.id, quota_scope, llm_tokens, self)
        self.charges.append(charge)
        return charge

    async def more(self) -> bool:
        if self.coming:
            self.coming.pop(0)()
            return True
        return False

    def note_refused(
        self, key: PoolKey, quota_scope: str, meter: str, delay: float | None, now: float
    ) -> None:
        """It learns nothing."""

    def is_group_full(self, key: PoolKey, now: float) -> bool:
        return False

    def words(self, key: PoolKey, quota_scope: str, now: float) -> str:
        return f"requests_per_minute 10 (project of {key.id})"

    def give(self, key_id: int, room: int) -> None:
        self.room[key_id] = room
        for scope in self.pool.cooldowns.holds.scopes_of(key_id):
            self.pool.lift([key_id], scope)
        self.on_room()

    def ended(self, charge: FakeCharge) -> None:
        assert len(charge.ends) == 1
        self.give(charge.key_id, self.room[charge.key_id] + 1)
