"""The last minutes for those who watch: one query, and nothing about single keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from proxyapp.ledger.usage import ANSWER_COLUMNS, COLUMNS, MINUTE_COLUMNS, MINUTE_SECONDS
from proxyapp.models import LATENCY_BOUNDS_MS, LATENCY_COLUMNS, SEEN_COLUMNS, MinuteUsage

COUNT_COLUMNS = (*COLUMNS, *ANSWER_COLUMNS, *SEEN_COLUMNS)
BUCKETS_MS = tuple(pairwise((0, *LATENCY_BOUNDS_MS, LATENCY_BOUNDS_MS[-1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The counts of the minute from `since`. Attempts at upstreams first, then what clients saw:
    as their answers began, and by the outcome at their end.
    """

    since: datetime
    requests: int
    succeeded: int
    rate_limited: int
    client_errors: int
    upstream_errors: int
    cancelled: int
    prompt_tokens: int
    output_tokens: int
    cached_tokens: int
    thought_tokens: int
    tool_use_tokens: int
    cost_micros: int
    unpriced_tokens: int
    answered: int
    answered_well: int
    no_key: int
    proxy_failed: int
    seen_ok: int
    seen_client_error: int
    seen_client_limit: int
    seen_no_key: int
    seen_upstream: int
    seen_left: int
    latency: tuple[int, ...]


def percentile(buckets: Sequence[int], share: float) -> float | None:
    """Milliseconds until an answer with a status below 400 began; None: there was none.

    Interpolated inside the bucket; in the last one, which has no end, its beginning.
    """
    rank = sum(buckets) * share
    below = 0
    for count, (low, high) in zip(buckets, BUCKETS_MS, strict=True):
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return None


def last_minutes(now: datetime, minutes: int) -> list[Totals]:
    """One a minute, the oldest first, zeros where nothing happened; the last one still runs."""
    last = int(now.timestamp()) // MINUTE_SECONDS
    sums = {number: (0,) * len(MINUTE_COLUMNS) for number in range(last + 1 - minutes, last + 1)}
    since = _moment((last + 1 - minutes) * MINUTE_SECONDS)
    rows = MinuteUsage.objects.filter(minute__gte=since, minute__lte=now).order_by()
    for minute, *counts in rows.values_list("minute", *MINUTE_COLUMNS):
        sums[int(minute.timestamp()) // MINUTE_SECONDS] = tuple(counts)
    return [_totals(_moment(number * MINUTE_SECONDS), counts) for number, counts in sums.items()]


def _totals(since: datetime, sums: Sequence[int]) -> Totals:
    """`sums`: in the order of MINUTE_COLUMNS."""
    counts = dict(zip(COUNT_COLUMNS, sums[: -len(LATENCY_COLUMNS)], strict=True))
    return Totals(since=since, latency=tuple(sums[-len(LATENCY_COLUMNS) :]), **counts)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
