"""Groups that are off for a time come back by themselves, at their moment: by their rows, and while
the database is away in the process's memory.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import Group
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.taking import exchange


class OffGroups:
    """Of one process. Rows whose time passed before it began are looked for at once."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._is_to_write = True

    def wake(self, snapshot: Snapshot, now: float) -> Mapping[int, PoolKey]:
        """In memory alone. The keys that are on again."""
        if not is_any_due(snapshot.order.values(), now):
            return {}
        self._is_to_write = True
        return wake_in_memory(snapshot, now)

    async def write(self, groups: Iterable[PoolGroup], now: float) -> None:
        """Raises django.db.Error; what was not written is, the next time."""
        if self._is_to_write or is_any_due(groups, now):
            await self._threads.urgent(
                functools.partial(wake_groups, datetime.fromtimestamp(now, UTC))
            )
            self._is_to_write = False


def wake_in_memory(snapshot: Snapshot, now: float) -> Mapping[int, PoolKey]:
    """What reading the rows gives once they are written. The pool's version stays."""
    due = {group.id: _on(group) for group in snapshot.order.values() if _is_due(group, now)}
    groups = tuple(due.get(group.id, group) for group in snapshot.order.values())
    shared: dict[tuple[str | None, int], PoolGroup] = {(None, pk): on for pk, on in due.items()}
    for pk, on in due.items():
        shared |= {(url, pk): each for url, each in on.through.items()}
    theirs = [key for key in snapshot.keys.values() if key.group.id in due]
    before = {id(key.group): key.group for key in theirs}
    now_on = {known: _of_key(group, shared) for known, group in before.items()}
    keys = {key.id: replace(key, group=now_on[id(key.group)]) for key in theirs}
    exchange(snapshot, keys, groups, now)
    return keys


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


def is_any_due(groups: Iterable[PoolGroup], now: float) -> bool:
    return any(_is_due(group, now) for group in groups)


def _is_due(group: PoolGroup, now: float) -> bool:
    return group.off_until is not None and group.off_until <= now


def _on(group: PoolGroup) -> PoolGroup:
    """Its keys of one exit go on sharing one group."""
    on = replace(group, off_until=None)
    on.through.update({url: replace(each, off_until=None) for url, each in group.through.items()})
    return on


def _of_key(before: PoolGroup, shared: Mapping[tuple[str | None, int], PoolGroup]) -> PoolGroup:
    """As the key had it; one of those that many keys share where it is like that."""
    wanted = replace(before, off_until=None)
    on = shared.get((before.proxy_url if before.has_exit else None, before.id), wanted)
    return on if on == wanted else wanted
