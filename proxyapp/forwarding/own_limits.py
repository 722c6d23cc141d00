"""What a client is told when nothing but limits that the gateway keeps itself is in its way.

No provider has refused anything: the operator who set the limit, or its tier, is to be asked.
"""

import math
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from proxyapp.forwarding.no_key import LONGEST_RETRY_SECONDS, rings_of
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.charging import Quota
from proxyapp.pool.held_keys import held_in, held_of
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import KeysSpent
from proxyapp.vocabulary.times import countdown, utc_second

# Of many keys these tell well enough which is the first; a refusal shall cost little.
MOST_LOOKED_AT = 1000
# One that is under way may end at any time.
SOON_SECONDS = 1


class LimitParts(Protocol):
    """What of the runtime it takes."""

    snapshot: Snapshot
    queue: KeyQueue


def refuse_at_own_limits(
    parts: LimitParts, request: RequestPlan, turned_away: Collection[int], now: float
) -> None:
    """Raises KeysSpent where that is why there is no key."""
    error = at_own_limits(parts.snapshot, parts.queue.quota, request, turned_away, now)
    if error is not None:
        raise error


def at_own_limits(
    snapshot: Snapshot,
    quota: Quota,
    request: RequestPlan,
    turned_away: Collection[int],
    now: float,
) -> KeysSpent | None:
    """None: that is not why. `turned_away`: keys that have too little left for this request."""
    if quota.is_idle:
        return None
    scope, whom = request.quota_scope, f" for {request.quota_scope}" if request.model else ""
    there = [snapshot.keys[key_id] for key_id in turned_away if key_id in snapshot.keys]
    if there:
        words = _words(quota, there[0], scope, now)
        if quota.is_group_full(there[0], now):
            return _spent(_under_way(whom, words), SOON_SECONDS)
        return _spent(f"No key has room{whom} for a request of this size now{words}.", SOON_SECONDS)
    held = list(islice(_held(snapshot, request, now), MOST_LOOKED_AT))
    if not held:
        return None
    first = min(held, key=lambda key: snapshot.cooldowns.until(key.id, scope))
    until, words = snapshot.cooldowns.until(first.id, scope), _words(quota, first, scope, now)
    if until == math.inf:
        return _spent(_under_way(whom, words), SOON_SECONDS)
    if any(until > release for release in _releases(snapshot, request, now)):
        return None
    is_daily = snapshot.cooldowns.is_daily(first.id, scope, until)
    return _spent(
        f"What this gateway's own limits allow{whom} is used up{words}. {_when(until, now)}",
        max(1, math.ceil(until - now)),
        is_daily=is_daily,
    )


def _under_way(whom: str, words: str) -> str:
    return (
        f"As many requests are under way{whom} as this gateway allows{words}."
        " There is room when one of them ends."
    )


def _held(snapshot: Snapshot, request: RequestPlan, now: float) -> Iterator[PoolKey]:
    bond, scope = request.bond, request.quota_scope
    if bond is not None and bond.key_ids is not None:
        yield from held_of(snapshot, bond.key_ids, scope, now)
        return
    for ring in rings_of(snapshot, request):
        yield from held_in(snapshot, ring, scope, now)


def _releases(snapshot: Snapshot, request: RequestPlan, now: float) -> Iterator[float]:
    """Of keys that the provider has refused: the ends of holds are no earlier ones."""
    if request.bond is None or request.bond.is_sought:
        for ring in rings_of(snapshot, request):
            if (release := ring.earliest_release(now, request.quota_scope)) is not None:
                yield release.until


def _words(quota: Quota, key: PoolKey, quota_scope: str, now: float) -> str:
    words = quota.words(key, quota_scope, now)
    return f": {words}" if words else ""


def _when(until: float, now: float) -> str:
    at = max(until, now + 1)
    back = utc_second(datetime.fromtimestamp(math.ceil(at), UTC))
    wait = countdown(datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC))
    return f"There is room at {back}, in {wait}."


def _spent(why: str, seconds: int, *, is_daily: bool = False) -> KeysSpent:
    return KeysSpent(
        why,
        retry_after=seconds if is_daily else min(seconds, LONGEST_RETRY_SECONDS),
        is_worth_trying=not is_daily,
        last_words="",
    )
