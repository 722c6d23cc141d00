"""Groups that are off for a time come back by themselves."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from proxyapp.models import Group
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.pool.keys_and_groups import PoolGroup


def is_any_due(groups: Iterable[PoolGroup], now: float) -> bool:
    return any(group.off_until is not None and group.off_until <= now for group in groups)


def wake_groups(now: datetime) -> bool:
    """Whether there were some, also where another process was first."""
    due = Q(off_until__lte=now)
    if not Group.objects.filter(due).exists():
        return False
    with transaction.atomic():
        lock_pool()
        ids = list(Group.objects.filter(due).values_list("pk", flat=True))
        if ids:
            Group.objects.filter(pk__in=ids).update(off_until=None)
            raise_pool_version(touched_groups(ids))
    return True
