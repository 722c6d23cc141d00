"""Snapshots of pools for tests, without a database."""

import time
from collections.abc import Collection

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import GroupFields, PoolKey, pool_group
from proxyapp.pool.last_words import LastWords
from proxyapp.pool.ring import Ring
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot, build


def group(group_id: int, name: str, **fields):
    defaults = {
        "target_url": "https://up.example",
        "proxy_url": None,
        "auth": "auto",
        "has_single_credential": False,
    }
    return pool_group(GroupFields(id=group_id, name=name, **{**defaults, **fields}))


def snapshot(statuses: str = "aaa", cooling: dict[int, float] | None = None) -> Snapshot:
    """Two groups; key n is the n-th letter: active, disabled or invalid.

    The last key is in the second group.
    """
    groups = [group(1, "One"), group(2, "Two")]
    names = {"a": "active", "d": "disabled", "i": "invalid"}
    keys = [
        PoolKey(number, groups[number == len(statuses)], f"K{number}", "…", names[letter])
        for number, letter in enumerate(statuses, 1)
    ]
    cooldowns = Cooldowns()
    for key_id, until in (cooling or {}).items():
        cooldowns.extend(key_id, "", until, is_daily=False)
    return build(1, groups, keys, cooldowns)


def pool_of(*groups: tuple[int, int, int]) -> Snapshot:
    """Each group: priority, weight, number of keys. Keys are numbered through from 1."""
    made = [
        group(number, f"g{number}", priority=p, weight=w)
        for number, (p, w, _) in enumerate(groups, 1)
    ]
    owners = [made[number] for number, (_, _, size) in enumerate(groups) for _ in range(size)]
    keys = [
        PoolKey(number, owner, f"K{number}", "…", "active")
        for number, owner in enumerate(owners, 1)
    ]
    return build(1, made, keys, Cooldowns())


class SaidNothing(LastWords):
    """Knows only what it was told."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]

    async def _read(self, ring: Ring, quota_scope: str, now: float) -> str:
        return ""


class Picks:
    """Stands where the leases are: the next available key of the snapshot, for nothing."""

    def __init__(self, pool: Snapshot) -> None:
        self.pool = pool

    async def next_key(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        return self.key_now(ring_name, quota_scope)

    def passed_over(self, ring: Ring, quota_scope: str) -> Collection[int]:
        return ()

    def key_now(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        ring, now = self.pool.rings[ring_name], time.time()
        if not ring.available(now, quota_scope).count:
            return None
        return Rotor(ring).pick_apart(quota_scope, now)
