"""The last minutes for those who watch: one query a function, and nothing about single keys.

A span ends with the minute that runs: what comes until it is over is not in it yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db.models import Sum

from proxyapp.models import LATENCY_BOUNDS_MS, LATENCY_COLUMNS, MinuteUsage
from proxyapp.usage import ANSWER_COLUMNS, COLUMNS, MINUTE_COLUMNS, MINUTE_SECONDS

COUNT_COLUMNS = (*COLUMNS, *ANSWER_COLUMNS)
BUCKETS_MS = tuple(pairwise((0, *LATENCY_BOUNDS_MS, LATENCY_BOUNDS_MS[-1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums of MinuteUsage over `minutes` from `since`. Attempts at upstreams first, then what clients saw.

    Percentiles are the milliseconds until an answer with a status below 400 began; None: there was none.
    """

    since: datetime
    minutes: int
    requests: int
    succeeded: int
    rate_limited: int
    client_errors: int
    upstream_errors: int
    cancelled: int
    prompt_tokens: int
    output_tokens: int
    answered: int
    answered_well: int
    no_key: int
    proxy_failed: int
    latency: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    @property
    def share_well(self) -> float | None:
        """From 0 to 1; None: nobody was answered."""
        return self.answered_well / self.answered if self.answered else None

    @property
    def p50(self) -> float | None:
        return percentile(self.latency, 0.5)

    @property
    def p95(self) -> float | None:
        return percentile(self.latency, 0.95)

    @property
    def p99(self) -> float | None:
        return percentile(self.latency, 0.99)


def percentile(buckets: Sequence[int], share: float) -> float | None:
    """In milliseconds, interpolated inside the bucket; in the last one, which has no end, its beginning."""
    rank = sum(buckets) * share
    below = 0
    for count, (low, high) in zip(buckets, BUCKETS_MS, strict=True):
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return None


def totals(now: datetime, minutes: int) -> Totals:
    """Of the last `minutes`, the one that runs included."""
    since = _start_of_minute(now) - timedelta(minutes=minutes - 1)
    rows = MinuteUsage.objects.filter(minute__gte=since, minute__lte=now).order_by()
    sums = rows.aggregate(**{column: Sum(column, default=0) for column in MINUTE_COLUMNS})
    return _totals(since, minutes, [sums[column] for column in MINUTE_COLUMNS])


def last_minutes(now: datetime, minutes: int, *, each: int = 1) -> list[Totals]:
    """One for `each` minutes, the oldest first, zeros where nothing happened.

    They begin at multiples of `each` (60: at full hours, UTC) of which `minutes` must be one; the last is the one that
    runs.
    """
    width = each * MINUTE_SECONDS
    last = int(now.timestamp()) // width
    first = last + 1 - minutes // each
    sums = {number: [0] * len(MINUTE_COLUMNS) for number in range(first, last + 1)}
    rows = MinuteUsage.objects.filter(minute__gte=_moment(first * width), minute__lte=now).order_by()
    for minute, *counts in rows.values_list("minute", *MINUTE_COLUMNS):
        number = int(minute.timestamp()) // width
        sums[number] = list(map(int.__add__, sums[number], counts))
    return [_totals(_moment(number * width), each, counts) for number, counts in sums.items()]


def _totals(since: datetime, minutes: int, sums: Sequence[int]) -> Totals:
    """`sums`: in the order of MINUTE_COLUMNS."""
    counts = dict(zip(COUNT_COLUMNS, sums[: -len(LATENCY_COLUMNS)], strict=True))
    return Totals(since=since, minutes=minutes, latency=tuple(sums[-len(LATENCY_COLUMNS) :]), **counts)


def _start_of_minute(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(second=0, microsecond=0)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
