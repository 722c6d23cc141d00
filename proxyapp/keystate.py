"""What operators do to keys. Each change raises the pool's version in the same transaction: every process sees it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from proxyapp.models import ApiKey, KeyStatus, RateLimitEvent
from proxyapp.rotation import raise_pool_version


def release(key_ids: Iterable[int], now: datetime) -> int:
    """Ends the cooldowns of the keys. The number of cooldowns that were ended."""
    with transaction.atomic():
        ended = RateLimitEvent.objects.active(now).filter(key_id__in=list(key_ids)).update(released_at=now)
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
        keys = ApiKey.objects.filter(pk__in=list(key_ids)).exclude(status=status)
        changed = keys.update(status=status, status_reason=reason)
        raise_pool_version()
    return changed


def state(status: str, *, is_cooling: bool) -> str:
    """The state that operators see: `available`, `cooling`, `disabled` or `invalid`."""
    if status != KeyStatus.ACTIVE:
        return status
    return "cooling" if is_cooling else "available"
