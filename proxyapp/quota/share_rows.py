"""What processes hold of limits, in the database: no more in all than each limit.

Who leases locks all holders' rows, in one order, so that one process leases at a time; of many
limits in one transaction. For database threads.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet, Sum, Value

from proxyapp.database.clock import database_time
from proxyapp.models import QUOTA_COLUMNS, HourlyUsage, QuotaHolder, QuotaShare
from proxyapp.quota.holder_names import is_running
from proxyapp.quota.meters import WINDOW_SECONDS
from proxyapp.quota.owners import KEY, PROJECT
from proxyapp.quota.pacific_days import day_starts_at
from proxyapp.quota.share_grants import OF_DAY, Ask, Known, Place, ShareGrant, granted
from proxyapp.vocabulary.limits import Meter

# Longer than a rolling minute: what a process that is gone had used of it is nobody's by then.
GONE_AFTER = timedelta(seconds=90)
SEEN_EVERY = timedelta(seconds=15)
# Who was away itself cannot tell who else is.
BACK_FOR = timedelta(seconds=30)
A_MINUTE = timedelta(seconds=WINDOW_SECONDS)
OF_MINUTE = frozenset({Meter.REQUESTS_PER_MINUTE, Meter.INPUT_TOKENS_PER_MINUTE})
TOLD = ("capacity", "used", "told_at")
WANTED_FOR = timedelta(seconds=3)


class Leased(NamedTuple):
    """`holders`: how many processes there are, this one among them. `grants`: one for each ask."""

    holder_id: int
    holders: int
    grants: list[ShareGrant]


def lease(name: str, holder_id: int | None, asks: Sequence[Ask]) -> Leased:
    """`holder_id`: None before the first lease. Raises django.db.Error."""
    holder_id = _present(name, holder_id)
    with transaction.atomic():
        now = database_time().now
        holders = _locked(holder_id, now)
        others = _held_by_others(holder_id, {ask.owner for ask in asks})
        written = _written_today([ask for ask in asks if ask.meter in OF_DAY], now)
        grants = [
            granted(ask, Known(others.get(place := ask[:3], 0), written.get(place, 0)), holders)
            for ask in asks
        ]
        _save(holder_id, asks, grants, now)
    return Leased(holder_id, holders, grants)


def _present(name: str, holder_id: int | None) -> int:
    """In a transaction of its own: whoever locks all rows finds it, or is found by it."""
    if holder_id is not None and QuotaHolder.objects.filter(pk=holder_id).exists():
        return holder_id
    with transaction.atomic():
        _bury_the_dead(name)
        return int(QuotaHolder.objects.create(name=name, seen_at=database_time().now).pk)


def _bury_the_dead(name: str) -> None:
    """Processes of this machine that were killed leave no more than what they used of a minute.

    Who has the same name had the same number before.
    """
    machine = name.rpartition(" ")[0]
    for pk, other in QuotaHolder.objects.filter(name__startswith=f"{machine} ").values_list(
        "pk", "name"
    ):
        if other == name or not is_running(other):
            shares = QuotaShare.objects.filter(holder_id=pk)
            shares.exclude(meter__in=OF_MINUTE).delete()
            shares.update(capacity=F("used"), wanted_at=None)


def _locked(holder_id: int, now: datetime) -> int:
    """How many holders there are, without those that are gone."""
    rows = dict(QuotaHolder.objects.select_for_update().order_by("pk").values_list("pk", "seen_at"))
    own = rows.get(holder_id)
    if own is None or now - own > SEEN_EVERY:
        QuotaHolder.objects.filter(pk=holder_id).update(seen_at=now)
    gone = [pk for pk, seen_at in rows.items() if pk != holder_id and now - seen_at > GONE_AFTER]
    if own is not None and now - own < BACK_FOR and gone:
        QuotaHolder.objects.filter(pk__in=gone).delete()
        return max(len(rows) - len(gone), 1)
    return max(len(rows), 1)


def _held_by_others(holder_id: int, owners: Collection[str]) -> Mapping[Place, int]:
    shares = QuotaShare.objects.filter(owner__in=owners).exclude(holder_id=holder_id)
    sums = shares.values_list("owner", "model", "meter").annotate(Sum("capacity"))
    return {(owner, model, meter): held for owner, model, meter, held in sums.order_by()}


def _written_today(asks: Sequence[Ask], now: datetime) -> Mapping[Place, int]:
    """What attempts came to that the provider counts: not what it refused."""
    if not asks:
        return {}
    start = datetime.fromtimestamp(day_starts_at(now.timestamp()), UTC)
    today = HourlyUsage.objects.filter(hour__gte=start, model__in={ask.model for ask in asks})
    owners = {ask.owner for ask in asks}
    projects = [each.removeprefix(PROJECT) for each in owners if each.startswith(PROJECT)]
    keys = [int(each.removeprefix(KEY)) for each in owners if each.startswith(KEY)]
    found: dict[Place, int] = {}
    if projects:
        found |= _sums(PROJECT, "key__project", today.filter(key__project__in=projects))
    if keys:
        found |= _sums(KEY, "key_id", today.filter(key_id__in=keys))
    return found


def _sums(prefix: str, owner: str, usage: QuerySet[HourlyUsage]) -> dict[Place, int]:
    counted = sum((Sum(column) for column in QUOTA_COLUMNS), start=Value(0))
    llm_tokens = Sum(F("prompt_tokens") + F("output_tokens"))
    rows = usage.order_by().values_list(owner, "model").annotate(of_all=counted, of_llm=llm_tokens)
    found = {}
    for name, model, requests, of_llm in rows:
        found[f"{prefix}{name}", model, str(Meter.REQUESTS_PER_DAY)] = requests
        found[f"{prefix}{name}", model, str(Meter.TOKENS_PER_DAY)] = of_llm
    return found


def _save(holder_id: int, asks: Sequence[Ask], grants: Sequence[ShareGrant], now: datetime) -> None:
    rows = [
        QuotaShare(
            holder_id=holder_id,
            **_columns(ask[:3]),
            capacity=grant.capacity,
            used=ask.used,
            told_at=now,
            wanted_at=now if grant.capacity < ask.used + ask.needed else None,
        )
        for ask, grant in zip(asks, grants, strict=True)
    ]
    _put(rows, [*TOLD, "wanted_at"])


def _put(rows: list[QuotaShare], columns: Sequence[str]) -> None:
    """In one statement, and in one order of locks."""
    QuotaShare.objects.bulk_create(
        sorted(rows, key=lambda row: (row.owner, row.model, row.meter)),
        update_conflicts=True,
        unique_fields=["holder", "owner", "model", "meter"],
        update_fields=columns,
    )


def seen(holder_id: int) -> bool:
    """The process is still there. False: others took it for gone, and what it held."""
    return bool(QuotaHolder.objects.filter(pk=holder_id).update(seen_at=database_time().now))


def wanted_by_others(holder_id: int) -> set[Place]:
    """Of which another process got less than it asked for just now."""
    lately = database_time().now - WANTED_FOR
    shares = QuotaShare.objects.filter(wanted_at__gte=lately).exclude(holder_id=holder_id)
    return set(shares.order_by().values_list("owner", "model", "meter").distinct())


class Told(NamedTuple):
    """What a process holds now, which is no more than before."""

    place: Place
    capacity: int
    used: int


def tell(holder_id: int, told: Iterable[Told]) -> None:
    """It takes no lock of others: there is only more for them."""
    now = database_time().now
    rows = [
        QuotaShare(
            holder_id=holder_id, capacity=capacity, used=used, told_at=now, **_columns(place)
        )
        for place, capacity, used in told
    ]
    with transaction.atomic():
        if QuotaHolder.objects.filter(pk=holder_id).exists():  # else others took it for gone
            _put(rows, TOLD)


def _columns(place: Place) -> dict[str, str]:
    return dict(zip(("owner", "model", "meter"), place, strict=True))


def leave(holder_id: int, left: Iterable[Told]) -> None:
    """The process ends. What it used of a minute stays with it until the minute is over."""
    with transaction.atomic():
        shares = QuotaShare.objects.filter(holder_id=holder_id)
        shares.exclude(meter__in=OF_MINUTE).delete()
        tell(holder_id, left)
        shares.filter(capacity=0).delete()
        ends = database_time().now - GONE_AFTER + A_MINUTE
        QuotaHolder.objects.filter(pk=holder_id).update(seen_at=ends)
