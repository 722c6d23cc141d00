"""Reads the pool from the database. Runs on a database thread."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from proxyapp.models import ApiKey, Group, RotationCursor
from proxyapp.models.key_state import ROTATION_ORDER
from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.change_log import MOST_TOUCHED, Touched, touched_between
from proxyapp.pool.changes import KnownPool, PoolChanges
from proxyapp.pool.cooldown_ends import CooldownEnds
from proxyapp.pool.cooldown_reading import read_cooldowns, read_touched
from proxyapp.pool.key_rows import PoolRow, pool_key
from proxyapp.pool.keys_and_groups import GroupFields, PoolGroup, PoolKey, pool_group
from proxyapp.pool.learned_limits import LearnedLimits
from proxyapp.pool.learned_rows import read_learned
from proxyapp.pool.project_rows import read_projects
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.vocabulary.choices import RateLimitPolicy
from proxyapp.vocabulary.clock import elapsed_seconds
from proxyapp.vocabulary.exits import exit_lines
from proxyapp.vocabulary.kept_settings import kept

logger = logging.getLogger(__name__)
NOT_OPENED = "…"
# In one line of the log.
MOST_NAMES = 5
VERSION_AND_STAMP = (
    f"SELECT pool_version, pool_stamp FROM {RotationCursor._meta.db_table} WHERE ring = %s"  # noqa: S608 (no value)
)


def pool_version() -> int:
    """0 before the first change."""
    return (
        RotationCursor.objects.filter(ring=ALL_GROUPS)
        .values_list("pool_version", flat=True)
        .first()
        or 0
    )


def version_and_stamp() -> tuple[int, int]:
    """Zeros before the first change.

    Every process asks it twice a second: without the ORM, which takes six times as long to write
    the statement as it takes to ask it.
    """
    with connection.cursor() as cursor:
        cursor.execute(VERSION_AND_STAMP, [ALL_GROUPS])
        return cursor.fetchone() or (0, 0)


def group_of_pool(group: Group) -> PoolGroup:
    """Its proxies have to be readable."""
    return pool_group(
        GroupFields(
            id=group.pk,
            name=group.name,
            target_url=group.target_url,
            proxy_url=group.proxy_url,
            auth=group.auth,
            has_single_credential=group.single_credential_since is not None,
            policy=group.rate_limit_policy,
            enabled=group.enabled,
            off_until=group.off_until.timestamp() if group.off_until else None,
            priority=group.priority,
            weight=group.weight,
            ca_certificates=group.ca_certificates,
            is_link_local_allowed=group.allow_link_local,
            retry_empty_answers=group.retry_empty_answers,
            rewrite_paths=group.rewrite_paths,
            unwrap_errors=group.unwrap_errors,
            include_usage=group.include_usage,
            free=group.free,
            models=group.models,
            aliases=group.aliases,
            fallbacks=group.fallbacks,
            shared_resources=group.shared_resources,
            tier=group.tier,
            limits=group.limits,
            max_concurrent=group.max_concurrent,
            strategy=group.strategy or kept.ROTATION_STRATEGY,
            has_own_strategy=bool(group.strategy),
            spill_after=group.spill_after,
            sticky=group.sticky,
            proxy_pool=exit_lines(group.proxy_pool),
        )
    )


class PoolReader:
    """Loads snapshots; decrypts a key once and remembers it, as long as its row keeps its hash.

    `opens_secrets`: not for pages, which need none: every key then passes for one that can be read.
    """

    def __init__(
        self, elapsed: Callable[[], float] = elapsed_seconds, *, opens_secrets: bool = True
    ) -> None:
        self._opens_secrets = opens_secrets
        self._secrets: dict[str, str] = {}
        self._unreadable_proxies: set[int] = set()
        self._ends = CooldownEnds(elapsed)

    def load(self, now: datetime, ahead: timedelta = timedelta()) -> Snapshot:
        """Reads the version first: what changes meanwhile is seen by the next look at it.

        `now`: of the database's clock; `ahead`: by how much this machine's is behind it.
        """
        version, stamp = version_and_stamp()
        groups = self._read_groups(Group.objects.order_by("position", "id"))
        keys = self._keys(groups)
        cooldowns, past_refusals = read_cooldowns(keys, now, self._ends, ahead)
        snapshot = build(version, list(groups.values()), keys, cooldowns)
        snapshot.past_refusals, snapshot.stamp = past_refusals, stamp
        if snapshot.projects:
            snapshot.projects_set = read_projects()
        if any(group.policy == RateLimitPolicy.QUOTA_AWARE for group in groups.values()):
            snapshot.learned = LearnedLimits(read_learned())
        return snapshot

    def _read_groups(self, rows: Iterable[Group]) -> dict[int, PoolGroup]:
        loaded = {}
        for group in rows:
            if UNREADABLE in (group.proxy_url, group.proxy_pool):
                self._leave_out(group)
                continue
            self._unreadable_proxies.discard(group.pk)
            loaded[group.pk] = group_of_pool(group)
        return loaded

    def _leave_out(self, group: Group) -> None:
        """It is said once, not at each change of the pool."""
        if group.pk not in self._unreadable_proxies:
            self._unreadable_proxies.add(group.pk)
            logger.error(
                "Group %s: SECRET_KEY does not open its proxy URL; its keys are not used",
                group.name,
            )

    def changes(
        self, known: KnownPool, now: datetime, ahead: timedelta = timedelta()
    ) -> PoolChanges | None:
        """What is new since then. None: too much, or nobody knows what: `load` tells."""
        present = version_and_stamp()
        touched = touched_between((known.version, known.stamp), present)
        if touched is None:
            return None
        groups = self._present_groups(known.groups, touched.groups)
        other = _other_groups(known.groups, groups)
        keys = self._touched_keys(touched, groups, other)
        if keys is None:
            return None
        cooldowns = read_touched(touched, keys, now, self._ends, ahead)
        is_labelled = any(key is not None and key.project for key in keys.values())
        learned = read_learned(None if touched.groups else touched.learned)
        is_same = not touched.groups or list(groups.items()) == list(known.groups.items())
        return PoolChanges(
            *present,
            keys,
            None if is_same else tuple(groups.values()),
            other,
            touched.projects,
            cooldowns,
            touched.has_tokens,
            read_projects() if touched.has_settings or is_labelled else None,
            dict.fromkeys(touched.learned) | learned,
            touched.has_prices,
        )

    def _present_groups(
        self, known: Mapping[int, PoolGroup], touched: Collection[int]
    ) -> Mapping[int, PoolGroup]:
        """Only those that were touched are read and parsed."""
        if not touched:
            return known
        read = self._read_groups(Group.objects.filter(pk__in=touched))
        there = {**{pk: group for pk, group in known.items() if pk not in touched}, **read}
        order = Group.objects.order_by("position", "id").values_list("pk", flat=True)
        return {pk: there[pk] for pk in order if pk in there}

    def _touched_keys(
        self, touched: Touched, groups: Mapping[int, PoolGroup], other: Collection[int]
    ) -> dict[int, PoolKey | None] | None:
        """Those that are named, and those of the projects and groups; None: they are too many."""
        if not touched.keys and not touched.projects and not other:
            return {}
        named = Q(pk__in=touched.keys)
        if projects := touched.projects - {""}:
            named |= Q(project__in=projects)
        if other:
            named |= Q(group__in=other)
        found_rows = ApiKey.objects.filter(named).order_by().values_list(*PoolRow._fields)
        rows = list(found_rows[: MOST_TOUCHED + 1])
        if len(rows) > MOST_TOUCHED:
            return None
        self._learn({row[2] for row in rows})
        found = {key.id: key for key in self._pool_keys(rows, groups)}
        return dict.fromkeys([*touched.keys, *(row[0] for row in rows)]) | found

    def _keys(self, groups: Mapping[int, PoolGroup]) -> list[PoolKey]:
        rows = list(ApiKey.objects.order_by(*ROTATION_ORDER).values_list(*PoolRow._fields))
        hashes = {row[2] for row in rows}
        self._secrets = {
            key_hash: secret for key_hash, secret in self._secrets.items() if key_hash in hashes
        }
        self._learn(hashes)
        return list(self._pool_keys(rows, groups))

    def _pool_keys(
        self, rows: Iterable[tuple[Any, ...]], groups: Mapping[int, PoolGroup]
    ) -> Iterator[PoolKey]:
        """Without those of groups that are left out."""
        for row in map(PoolRow._make, rows):
            if row.group_id in groups:
                secret = self._secrets.get(row.key_hash, UNREADABLE)
                yield pool_key(row, groups[row.group_id], secret)

    def _learn(self, hashes: set[str]) -> None:
        """Decrypts what is new."""
        if not self._opens_secrets:
            self._secrets |= dict.fromkeys(hashes, NOT_OPENED)
            return
        missing = {key_hash for key_hash in hashes if key_hash not in self._secrets}
        if not missing:
            return
        rows = ApiKey.objects.values_list("key_hash", "secret", "masked")
        if len(missing) <= 500:
            rows = rows.filter(key_hash__in=missing)
        unreadable = []
        for key_hash, secret, masked in rows:
            self._secrets[key_hash] = secret or UNREADABLE
            unreadable += [] if secret else [masked]
        if unreadable:
            more = (
                f" and {len(unreadable) - MOST_NAMES} more" if len(unreadable) > MOST_NAMES else ""
            )
            logger.error(
                "SECRET_KEY does not open %s%s: not used", ", ".join(unreadable[:MOST_NAMES]), more
            )


def _other_groups(
    known: Mapping[int, PoolGroup], present: Mapping[int, PoolGroup]
) -> frozenset[int]:
    """Whose keys are others, or are theirs in another way."""
    return frozenset(pk for pk in known.keys() | present.keys() if known.get(pk) != present.get(pk))
