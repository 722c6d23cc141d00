"""The only keys that can answer a request: those of the project that made what it names."""

import math
from collections.abc import Iterator, Sequence

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish


def key_of(snapshot: Snapshot, key_id: int, key_hash: str) -> PoolKey | None:
    """Also where it was deleted and added again, or its row has another secret by now."""
    return snapshot.keys.get(snapshot.of_hash.get(key_hash, key_id))


def keys_of_project(snapshot: Snapshot, key_id: int, project: str) -> list[PoolKey]:
    """The key first, where it is still there; then those of its project at the same target."""
    keys = snapshot.keys
    there = [keys[each] for each in snapshot.sharing(key_id, project) if each in keys]
    return [key for key in there if key.group.host == there[0].group.host]


def usable_of(snapshot: Snapshot, wish: KeyWish, now: float) -> Iterator[PoolKey]:
    """In their order; also those that were tried."""
    return usable_among(snapshot, wish, wish.only or (), now)


def usable_among(
    snapshot: Snapshot, wish: KeyWish, key_ids: Sequence[int], now: float
) -> Iterator[PoolKey]:
    """As `usable_of`, of these."""
    ring = snapshot.rings.get(wish.ring)
    for key_id in key_ids:
        key = snapshot.keys.get(key_id)
        if key is None or ring is None or key_id not in ring or not key.is_active:
            continue
        if key.group.id in wish.outside:
            continue
        if snapshot.cooldowns.until(key_id, wish.quota_scope) <= now:
            yield key


def earliest_of(snapshot: Snapshot, key_ids: Sequence[int], quota_scope: str) -> float:
    """When the first of those that are active is good for the scope; infinity: none will be."""
    keys = (snapshot.keys.get(key_id) for key_id in key_ids)
    ends = (snapshot.cooldowns.until(key.id, quota_scope) for key in keys if key and key.is_active)
    return min(ends, default=math.inf)
