"""What operators do to keys. Each change raises the pool's version in the same transaction: every process sees it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from proxyapp.models import ApiKey, KeyStatus, RateLimitEvent
from proxyapp.pool.cursor import raise_pool_version

BATCH = 5000  # keys a query, which may name each twice: SQLite takes 32,766 parameters, psycopg 65,535


def release(key_ids: Iterable[int], now: datetime) -> int:
    """Ends the cooldowns that hold for the keys. The number of cooldowns that were ended.

    A quota is its project's: the cooldowns of the keys' projects end too, so that all keys of these come back.
    """
    active = RateLimitEvent.objects.active(now)
    with transaction.atomic():
        ended = sum(active.of_keys(keys).update(released_at=now) for keys in batches(key_ids))
        raise_pool_version()
    return ended


def release_events(event_ids: Iterable[int], now: datetime) -> int:
    """Ends these cooldowns only. The number that were still active."""
    with transaction.atomic():
        ended = RateLimitEvent.objects.active(now).filter(pk__in=list(event_ids)).update(released_at=now)
        raise_pool_version()
    return ended


def set_status(key_ids: Iterable[int], status: KeyStatus, *, reason: str = "") -> int:
    """Enables (ACTIVE), disables or condemns keys. The number of keys whose status changed."""
    with transaction.atomic():
        others = (keys.exclude(status=status) for keys in batches(key_ids))
        changed = sum(keys.update(status=status, status_reason=reason) for keys in others)
        raise_pool_version()
    return changed


def batches(key_ids: Iterable[int]) -> Iterator[QuerySet[ApiKey]]:
    """Every key of these ids in one of the querysets."""
    ids = list(key_ids)
    for start in range(0, len(ids), BATCH):
        yield ApiKey.objects.filter(pk__in=ids[start : start + BATCH]).order_by()


def held_by(cooldowns: QuerySet[RateLimitEvent]) -> Q:
    """The keys that any of the cooldowns holds: its own, and those of its project."""
    cooldowns = cooldowns.order_by()
    projects = cooldowns.exclude(project="").values("project")
    return Q(pk__in=cooldowns.values("key_id")) | Q(project__in=projects)


def state(status: str, *, is_cooling: bool) -> str:
    """The state that operators see: `available`, `cooling`, `disabled` or `invalid`."""
    if status != KeyStatus.ACTIVE:
        return status
    return "cooling" if is_cooling else "available"
