"""What each version of the pool touched, so that a process reads what is new to it and no more.

A version that nobody describes, or that touches much, means that anything may have changed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from proxyapp.models import ApiKey, Group, PoolChange, RateLimitEvent

# To read and take up so many keys or cooldowns one by one takes as long as to read a large pool
# whole.
MOST_TOUCHED = 5_000
# A busy pool has a hundred versions a second, and a process looks twice a second.
VERSIONS_KEPT = 2_000
VERSIONS_A_PRUNING = 128
# Longer than processes remember refusals that are past.
REMEMBERED = timedelta(days=1)
FIELDS = frozenset(
    {"keys", "groups", "projects", "cooldowns", "tokens", "settings", "learned", "prices"}
)


NOTE = (
    f"INSERT INTO {PoolChange._meta.db_table} (version, stamp, touched) VALUES (%s, %s, %s)"  # noqa: S608 (no value)
    " ON CONFLICT (version) DO UPDATE SET stamp = excluded.stamp, touched = excluded.touched"
)


class Version(NamedTuple):
    """Of the pool. `stamp` tells those of one number apart: a database that was restored may come
    to the same number on another way.
    """

    number: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Touched:
    """`keys`, `groups`, `projects`: all about them may be another, also whether they are there, and
    the order of groups. `cooldowns`: the ids of new ones. `has_tokens`: client tokens.
    `has_settings`: what is set of projects. `learned`: ids of limits that were named by refusals.
    `has_prices`: what operators say that models cost.
    """

    keys: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    projects: frozenset[str] = frozenset()
    cooldowns: frozenset[int] = frozenset()
    has_tokens: bool = False
    has_settings: bool = False
    learned: frozenset[int] = frozenset()
    has_prices: bool = False

    def __or__(self, other: "Touched") -> "Touched":
        return Touched(
            self.keys | other.keys,
            self.groups | other.groups,
            self.projects | other.projects,
            self.cooldowns | other.cooldowns,
            self.has_tokens or other.has_tokens,
            self.has_settings or other.has_settings,
            self.learned | other.learned,
            self.has_prices or other.has_prices,
        )

    @property
    def is_much(self) -> bool:
        named = (self.keys, self.groups, self.projects, self.cooldowns, self.learned)
        return sum(map(len, named)) > MOST_TOUCHED


def touched_keys(key_ids: Collection[int]) -> Touched:
    return Touched(keys=frozenset(key_ids))


def touched_groups(group_ids: Collection[int]) -> Touched:
    return Touched(groups=frozenset(group_ids))


def touched_rows(keys: Iterable[ApiKey], groups: Iterable[Group] = ()) -> Touched | None:
    """None where the database does not tell new rows' ids, as old ones of SQLite."""
    key_ids = frozenset(key.pk for key in keys)
    group_ids = frozenset(group.pk for group in groups)
    return None if None in key_ids else Touched(key_ids, group_ids)


def projects_held_by(keys: QuerySet[ApiKey], now: datetime) -> frozenset[str]:
    """Those whose cooldowns go with the keys when these are deleted."""
    events = RateLimitEvent.objects.filter(
        key__in=keys.order_by().values("pk"), released_at=None, cooling_until__gt=now - REMEMBERED
    ).exclude(project="")
    projects = events.order_by().values_list("project", flat=True).distinct()
    return frozenset(projects[: MOST_TOUCHED + 1])


def note(version: Version, touched: Touched | None) -> None:
    """Belongs into the transaction that raises the version. What another history left goes."""
    if touched is not None and touched.is_much:
        touched = None
    text = None
    if touched is not None:
        text = connection.ops.adapt_json_value(_as_json(touched), None)
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [version.number, version.stamp, text])
    if version.number % VERSIONS_A_PRUNING == 0:
        PoolChange.objects.filter(version__lte=version.number - VERSIONS_KEPT).delete()


def touched_between(known: tuple[int, int], present: tuple[int, int]) -> Touched | None:
    """What changed from one version and stamp to the other; None: perhaps everything.

    The versions have to be of one history: the first still the one that was read, none missing.
    """
    (first, _), (last, _) = known, present
    if not 0 < last - first <= VERSIONS_KEPT:
        return None
    rows = PoolChange.objects.filter(version__range=(first, last)).order_by("version")
    changes = list(rows.values_list("version", "stamp", "touched"))
    versions = [version for version, _, _ in changes]
    if versions != list(range(first, last + 1)):
        return None
    if changes[0][:2] != known or changes[-1][:2] != present:
        return None
    return _joined(touched for _, _, touched in changes[1:])


def _joined(changes: Iterable[dict[str, Any] | None]) -> Touched | None:
    """None also where a newer release of the gateway names what this one does not know."""
    joined = Touched()
    for change in changes:
        if change is None or not change.keys() <= FIELDS:
            return None
        joined |= Touched(
            frozenset(change.get("keys", ())),
            frozenset(change.get("groups", ())),
            frozenset(change.get("projects", ())),
            frozenset(change.get("cooldowns", ())),
            change.get("tokens", False),
            change.get("settings", False),
            frozenset(change.get("learned", ())),
            change.get("prices", False),
        )
    return None if joined.is_much else joined


def _as_json(touched: Touched) -> dict[str, Any]:
    named = {
        "keys": sorted(touched.keys),
        "groups": sorted(touched.groups),
        "projects": sorted(touched.projects),
        "cooldowns": sorted(touched.cooldowns),
        "tokens": touched.has_tokens,
        "settings": touched.has_settings,
        "learned": sorted(touched.learned),
        "prices": touched.has_prices,
    }
    return {name: value for name, value in named.items() if value}
