"""What a client is told when no key can answer: when to come back."""

import math
from typing import NamedTuple

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.plan import RequestPlan
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import NoKeyAvailable

# The OpenAI SDKs heed a Retry-After of a minute at most, and a key that waits for no day may be
# back sooner.
LONGEST_RETRY_SECONDS = 60


class Comeback(NamedTuple):
    """`seconds`: whole, at least one.

    `is_worth_trying` False: every key is out until a daily reset.
    """

    seconds: int
    is_worth_trying: bool


def comeback(snapshot: Snapshot, request: RequestPlan, now: float) -> Comeback | None:
    """When a key for the request's model is free; None when none is cooling."""
    ring = snapshot.rings.get(request.ring)
    if ring is None:
        return None
    if ring.available(now, request.quota_scope):
        return Comeback(1, is_worth_trying=True)
    release = ring.earliest_release(now, request.quota_scope)
    if release is None:
        return None
    seconds = max(1, math.ceil(release.until - now))
    return Comeback(
        seconds if release.is_daily else min(seconds, LONGEST_RETRY_SECONDS), not release.is_daily
    )


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


def no_key(snapshot: Snapshot, request: RequestPlan, now: float) -> NoKeyAvailable:
    when = comeback(snapshot, request, now)
    if when is not None:
        whom = f" for {request.quota_scope}" if request.model else ""
        return NoKeyAvailable(
            f"All API keys are cooling{whom}; the next one is free in {when.seconds} s.",
            retry_after=when.seconds,
            is_worth_trying=when.is_worth_trying,
        )
    places = {ALL_GROUPS: "the gateway"}
    place = places.get(
        request.ring,
        "this group" if request.ring.startswith("group:") else "what this token may use",
    )
    why = f"No API key is available: {place} has none, or all are disabled or invalid."
    return NoKeyAvailable(
        f"{why} Add one in config.yaml (and restart) or in the admin.", retry_after=60
    )
