"""What a key's state is, in Python and as a filter of rows."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState

BATCH = (
    5000  # keys a query, which may name each twice: SQLite takes 32,766 parameters, psycopg 65,535
)


def key_batches(key_ids: Iterable[int]) -> Iterator[QuerySet[ApiKey]]:
    """Every key of these ids in one of the querysets."""
    ids = list(key_ids)
    for start in range(0, len(ids), BATCH):
        yield ApiKey.objects.filter(pk__in=ids[start : start + BATCH]).order_by()


def held_by(cooldowns: QuerySet[RateLimitEvent]) -> Q:
    """The keys that any of the cooldowns holds: its own, and those of its project."""
    cooldowns = cooldowns.order_by()
    projects = cooldowns.exclude(project="").values("project")
    return Q(pk__in=cooldowns.values("key_id")) | Q(project__in=projects)


def key_state_of(status: str, *, is_cooling: bool) -> KeyState:
    if status != KeyStatus.ACTIVE:
        return KeyState(status)
    return KeyState.COOLING if is_cooling else KeyState.AVAILABLE


ROTATION_ORDER = ("group__position", "group_id", "position", "id")


def of_off_groups(now: datetime) -> Q:
    """The keys whose group is off."""
    off = Group.objects.filter(Q(enabled=False) | Q(off_until__gt=now)).order_by()
    return Q(group__in=off.values("pk"))


def in_state(keys: QuerySet[ApiKey], state: str, now: datetime) -> QuerySet[ApiKey]:
    """The keys that are in this KeyState at `now`; what is none of them counts as available."""
    off = of_off_groups(now)
    if state == KeyState.INVALID:
        return keys.filter(status=KeyStatus.INVALID)
    if state == KeyState.DISABLED:
        of_them = Q(status=KeyStatus.ACTIVE) & off
        return keys.filter(Q(status=KeyStatus.DISABLED) | of_them)
    cooling = held_by(RateLimitEvent.objects.active(now).filter(model=""))
    active = keys.filter(status=KeyStatus.ACTIVE).exclude(off)
    return active.filter(cooling) if state == KeyState.COOLING else active.exclude(cooling)
