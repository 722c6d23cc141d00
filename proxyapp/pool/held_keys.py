"""Which keys of a ring are out for nothing but limits that the gateway itself keeps."""

from collections.abc import Iterable, Iterator

from proxyapp.pool.cooldowns import EVERY_SCOPE
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.features import plain_scope


def held_in(snapshot: Snapshot, ring: Ring, quota_scope: str, now: float) -> Iterator[PoolKey]:
    """In no order; of either those of the ring or those that are held, whichever are fewer."""
    holds = snapshot.cooldowns.holds
    held = holds.keys_of(EVERY_SCOPE) + holds.keys_of(plain_scope(quota_scope))
    key_ids = ring.key_ids if len(ring) < len(held) else [each for each in held if each in ring]
    return held_of(snapshot, key_ids, quota_scope, now)


def held_of(
    snapshot: Snapshot, key_ids: Iterable[int], quota_scope: str, now: float
) -> Iterator[PoolKey]:
    """Of these keys."""
    cooldowns = snapshot.cooldowns
    for key_id in key_ids:
        key = snapshot.keys.get(key_id)
        if key is None or not key.is_active:
            continue
        if (
            cooldowns.cooling_until(key_id, quota_scope)
            <= now
            < cooldowns.until(key_id, quota_scope)
        ):
            yield key
