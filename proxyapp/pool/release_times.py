"""How long a request has to wait for a key."""

import math
from collections.abc import Iterator
from itertools import islice

from proxyapp.pool.bound_keys import earliest_of
from proxyapp.pool.held_keys import held_in, held_of
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish

# Who waits until another request is over is woken by its end; what this process does not hear of,
# the end of one elsewhere, it sees so late.
LOOK_SECONDS = 0.5
# Of many keys these tell well enough which is the first.
MOST_LOOKED_AT = 1000


def seconds_until_free(snapshot: Snapshot, wish: KeyWish, now: float) -> float:
    """Until the next look. Infinity: none is cooling, and none is held."""
    seconds = _first_release(snapshot, wish, now) - now
    if seconds <= LOOK_SECONDS:
        return seconds
    return LOOK_SECONDS if wish.turned_away or _may_come(snapshot, wish, now) else seconds


def _first_release(snapshot: Snapshot, wish: KeyWish, now: float) -> float:
    if wish.only is not None:
        return earliest_of(snapshot, wish.only, wish.quota_scope)
    ring = snapshot.rings.get(wish.ring)
    release = ring.earliest_release(now, wish.quota_scope) if ring else None
    return release.until if release else math.inf


def _may_come(snapshot: Snapshot, wish: KeyWish, now: float) -> bool:
    """Whether a key is held until something ends, which may be at any time."""
    return any(until == math.inf for until in _ends_of_holds(snapshot, wish, now))


def next_share_at(snapshot: Snapshot, wish: KeyWish, now: float) -> float:
    """When the first key that is held is no longer; infinity: nobody knows."""
    ends = islice(_ends_of_holds(snapshot, wish, now), MOST_LOOKED_AT)
    return min(ends, default=math.inf)


def _ends_of_holds(snapshot: Snapshot, wish: KeyWish, now: float) -> Iterator[float]:
    cooldowns, quota_scope = snapshot.cooldowns, wish.quota_scope
    ring = snapshot.rings.get(wish.ring)
    if not cooldowns.holds or ring is None:
        return
    if wish.only is not None:
        held = held_of(snapshot, wish.only, quota_scope, now)
    else:
        held = held_in(snapshot, ring, quota_scope, now)
    for key in held:
        yield cooldowns.until(key.id, quota_scope)
