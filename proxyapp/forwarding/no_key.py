"""What a client is told when no key can answer: when to come back."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import Bond
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.bound_keys import earliest_of
from proxyapp.pool.last_words import LastWords, words_of
from proxyapp.pool.ring import Ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.excerpts import excerpt
from proxyapp.vocabulary.errors import KeysSpent, NoKeyAvailable
from proxyapp.vocabulary.times import countdown, utc_second

# The OpenAI SDKs heed a Retry-After of a minute at most, and a key that waits for no day may be
# back sooner.
LONGEST_RETRY_SECONDS = 60


class Comeback(NamedTuple):
    """`at`: seconds since the epoch. `seconds`: whole, at least one, as clients are told.

    `is_worth_trying` False: every key is out until a daily reset.
    """

    at: float
    seconds: int
    is_worth_trying: bool


def comeback(snapshot: Snapshot, request: RequestPlan, now: float) -> Comeback | None:
    """When a key for the request's model is free; None when none is cooling."""
    rings = rings_of(snapshot, request)
    if any(ring.available(now, request.quota_scope).count for ring in rings):
        return Comeback(now, 1, is_worth_trying=True)
    releases = [ring.earliest_release(now, request.quota_scope) for ring in rings]
    release = min(filter(None, releases), default=None)
    if release is None:
        return None
    seconds = max(1, math.ceil(release.until - now))
    is_daily = release.is_daily
    told = seconds if is_daily else min(seconds, LONGEST_RETRY_SECONDS)
    return Comeback(release.until, told, is_worth_trying=not is_daily)


def rings_of(snapshot: Snapshot, request: RequestPlan) -> list[Ring]:
    """Of the keys that may answer: those of a group that has not the path never do."""
    barred = request.barred_groups
    if barred:
        groups = snapshot.groups_of(request.ring)
        return [snapshot.rings[group.ring] for group in groups if group.id not in barred]
    ring = snapshot.rings.get(request.ring)
    return [] if ring is None else [ring]


def add_retry_after(snapshot: Snapshot, request: RequestPlan, refused: Attempt, now: float) -> None:
    """The gateway knows better than the upstream when the next of its keys is free."""
    when = comeback(snapshot, request, now) if refused.status == 429 else None
    if when is None:
        return
    refused.headers = [header for header in refused.headers if header[0].lower() not in REPLACED]
    refused.headers.append((b"retry-after", b"%d" % when.seconds))
    if not when.is_worth_trying:
        refused.headers.append((b"x-should-retry", b"false"))


REPLACED = frozenset({b"retry-after", b"x-should-retry"})


async def no_key(
    snapshot: Snapshot, words: LastWords, request: RequestPlan, now: float
) -> NoKeyAvailable:
    """KeysSpent if there are keys that come back: the same for whoever asks meanwhile."""
    when = comeback(snapshot, request, now)
    if when is None:
        return _none_at_all(request)
    ring = snapshot.rings[request.ring]
    return spent(request, when, await words.of(ring, request.quota_scope, when.at, now), now)


def spent(request: RequestPlan, when: Comeback, last_words: str, now: float) -> KeysSpent:
    whom = f" for {request.quota_scope}" if request.model else ""
    at = max(when.at, now + 1)
    back = utc_second(datetime.fromtimestamp(math.ceil(at), UTC))
    wait = countdown(datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC))
    return KeysSpent(
        f"All API keys are spent{whom}. The first one is back at {back}, in {wait}.",
        retry_after=when.seconds,
        is_worth_trying=when.is_worth_trying,
        last_words=last_words,
    )


async def last_words_of(refused: Attempt) -> str:
    key = refused.key
    return words_of(excerpt(await refused.read_error(), key.secret, key.masked))


def _none_at_all(request: RequestPlan) -> NoKeyAvailable:
    places = {ALL_GROUPS: "the gateway"}
    place = places.get(
        request.ring,
        "this group" if request.ring.startswith("group:") else "what this token may use",
    )
    if request.is_narrowed:
        place = "each group that has this model"
    if request.barred_groups:
        place = "each group that has this path"
    why = f"No API key is available: {place} has none, or all are disabled or invalid."
    return NoKeyAvailable(
        f"{why} Add one in config.yaml (and restart) or in the admin.", retry_after=60
    )


def away(
    snapshot: Snapshot, bond: Bond, quota_scope: str, now: float, last_words: str = ""
) -> NoKeyAvailable:
    """What a client is told when none of the keys that could answer can now."""
    key_ids = bond.key_ids or ()
    who, until = bond.whose, earliest_of(snapshot, key_ids, quota_scope)
    if until == math.inf:
        why = f"{who} is disabled or invalid, and no other key of its project is available."
        return NoKeyAvailable(why, retry_after=LONGEST_RETRY_SECONDS)
    at = max(until, now + 1)
    is_daily = any(snapshot.cooldowns.is_daily(key_id, quota_scope, until) for key_id in key_ids)
    back = utc_second(datetime.fromtimestamp(math.ceil(at), UTC))
    wait = countdown(datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC))
    seconds = max(1, math.ceil(at - now))
    return KeysSpent(
        f"{who} is cooling. It is back at {back}, in {wait}.",
        retry_after=seconds if is_daily else min(seconds, LONGEST_RETRY_SECONDS),
        is_worth_trying=not is_daily,
        last_words=last_words,
    )
