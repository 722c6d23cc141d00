"""What is used of the provider's quotas now: of the day by the rows of usage, of the minute and of
what is under way by what processes told. Three queries, however many keys there are.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import add
from typing import NamedTuple

from django.db.models import F, Max, Q, Sum

from proxyapp.models import HourlyUsage, QuotaShare
from proxyapp.operators.unhurried import unhurried
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.meters import WINDOW_SECONDS
from proxyapp.quota.owners import KEY
from proxyapp.quota.pacific_days import day_starts_at
from proxyapp.quota.share_grants import Place
from proxyapp.quota.share_rows import GONE_AFTER, OF_MINUTE
from proxyapp.vocabulary.limits import Meter

A_MINUTE = timedelta(seconds=WINDOW_SECONDS)
Owned = tuple[str, str]  # an owner, and a model


class UsedToday(NamedTuple):
    """Since midnight Pacific, without what was refused; `late_…`: since `QuotaUse.late_since`."""

    requests: int = 0
    llm_tokens: int = 0
    late_requests: int = 0
    late_llm_tokens: int = 0

    def of(self, meter: Meter) -> tuple[int, int]:
        """Of the day, and of late."""
        if meter is Meter.TOKENS_PER_DAY:
            return self.llm_tokens, self.late_llm_tokens
        return self.requests, self.late_requests


class UsedNow(NamedTuple):
    """`told_at`: when the last of the processes told its part."""

    used: int
    told_at: datetime


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """`late_since`: the beginning of the hour before this one, or of the day."""

    now: datetime
    late_since: datetime
    of_day: Mapping[Owned, UsedToday]
    present: Mapping[Place, UsedNow]

    def models_of(self) -> dict[str, set[str]]:
        """By owner, those of which something is used today or now."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for owner, model in self.of_day:
            found[owner].add(model)
        for (owner, model, _), present in self.present.items():
            if present.used:
                found[owner].add(model)
        return found


def read_use(snapshot: Snapshot, now: datetime) -> QuotaUse:
    """`now`: of the database's clock."""
    since = datetime.fromtimestamp(day_starts_at(now.timestamp()), UTC)
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    late_since = max(since, hour - timedelta(hours=1))
    return QuotaUse(now, late_since, _of_day(snapshot, since, late_since), _present(now))


def _of_day(snapshot: Snapshot, since: datetime, late_since: datetime) -> dict[Owned, UsedToday]:
    is_late = Q(hour__gte=late_since)
    requests, llm_tokens = F("succeeded") + F("cancelled"), F("prompt_tokens") + F("output_tokens")
    sums = {
        "of_requests": Sum(requests),
        "of_llm_tokens": Sum(llm_tokens),
        "late_requests": Sum(requests, filter=is_late, default=0),
        "late_llm_tokens": Sum(llm_tokens, filter=is_late, default=0),
    }
    rows = HourlyUsage.objects.filter(hour__gte=since).exclude(model="").order_by()
    counted = rows.values("key_id", "model").annotate(**sums)
    found: dict[Owned, UsedToday] = {}
    rows_of_day = counted.values_list("key_id", "model", *sums)
    for key_id, model, *counts in unhurried(rows_of_day):
        key = snapshot.keys.get(key_id)
        for owner in owners_of(key) if key is not None and any(counts) else ():
            before = found.get((owner, model), UsedToday())
            found[owner, model] = UsedToday(*map(add, before, map(int, counts)))
    return found


def owners_of(key: PoolKey) -> Iterator[str]:
    """Its project, or itself; and itself besides, if it has limits of its own."""
    owner = key.quota_owner
    yield owner
    if key.has_limits and key.project:
        yield f"{KEY}{key.id}"


def _present(now: datetime) -> dict[Place, UsedNow]:
    """Of processes that are there. What was told of a minute that is over is used no more."""
    is_of_now = ~Q(meter__in=OF_MINUTE) | Q(told_at__gt=now - A_MINUTE)
    shares = QuotaShare.objects.filter(is_of_now, holder__seen_at__gte=now - GONE_AFTER)
    rows = shares.order_by().values_list("owner", "model", "meter")
    sums = rows.annotate(Sum("used"), Max("told_at"))
    return {
        (owner, model, meter): UsedNow(used, told_at) for owner, model, meter, used, told_at in sums
    }
