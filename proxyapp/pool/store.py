"""Reads the pool from the database. Runs on a database thread."""

import logging
from datetime import datetime, timedelta

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Q

from proxyapp.database.clock import TOLERANCE
from proxyapp.models import ApiKey, Group, RateLimitEvent, RotationCursor
from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.cooldown_ends import CooldownEnds
from proxyapp.pool.cooldown_rows import Restart, restart_cooldowns
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import GroupFields, PoolGroup, PoolKey, pool_group
from proxyapp.pool.probation import FORGOTTEN_AFTER_SECONDS, PastRefusals
from proxyapp.pool.real_scopes import real_scopes
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.provider.features import plain_scope
from proxyapp.provider.kind_sets import BACK_OFF_KINDS, DAY_KINDS, EASED_KINDS

logger = logging.getLogger(__name__)
# In one line of the log.
MOST_NAMES = 5
VERSION_AND_STAMP = (
    f"SELECT pool_version, pool_stamp FROM {RotationCursor._meta.db_table} WHERE ring = %s"  # noqa: S608 (no value)
)
RECENT = timedelta(seconds=FORGOTTEN_AFTER_SECONDS)


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
    """Its proxy URL has to be readable."""
    return pool_group(
        GroupFields(
            id=group.pk,
            name=group.name,
            target_url=group.target_url,
            proxy_url=group.proxy_url,
            auth=group.auth,
            has_single_credential=group.single_credential_since is not None,
            policy=group.rate_limit_policy,
            priority=group.priority,
            weight=group.weight,
            ca_certificates=group.ca_certificates,
            is_link_local_allowed=group.allow_link_local,
            retry_empty_answers=group.retry_empty_answers,
        )
    )


class PoolReader:
    """Loads snapshots; decrypts a key once and remembers it, as long as its row keeps its hash."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._unreadable_proxies: set[int] = set()
        self._ends = CooldownEnds()

    def load(self, now: datetime, ahead: timedelta = timedelta()) -> Snapshot:
        """Reads the version first: what changes meanwhile is seen by the next look at it.

        `now`: of the database's clock; `ahead`: by how much this machine's is behind it.
        """
        version, stamp = version_and_stamp()
        groups = self._groups()
        keys = self._keys(groups)
        cooldowns, past_refusals = read_cooldowns(keys, now, self._ends, ahead)
        snapshot = build(version, list(groups.values()), keys, cooldowns)
        snapshot.past_refusals, snapshot.stamp = past_refusals, stamp
        return snapshot

    def _groups(self) -> dict[int, PoolGroup]:
        loaded = {}
        for group in Group.objects.order_by("position", "id"):
            if group.proxy_url == UNREADABLE:
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

    def _keys(self, groups: dict[int, PoolGroup]) -> list[PoolKey]:
        ordered = ApiKey.objects.order_by("group__position", "group_id", "position", "id")
        rows = list(
            ordered.values_list("id", "group_id", "key_hash", "masked", "status", "project")
        )
        self._remember({row[2] for row in rows})
        return [
            PoolKey(
                id=key_id,
                group=groups[group_id],
                secret=self._secrets.get(key_hash, UNREADABLE),
                masked=masked,
                status=status,
                project=project,
                key_hash=key_hash,
                is_readable=self._secrets.get(key_hash, UNREADABLE) != UNREADABLE,
            )
            for key_id, group_id, key_hash, masked, status, project in rows
            if group_id in groups
        ]

    def _remember(self, hashes: set[str]) -> None:
        """Decrypts what is new, forgets what is gone."""
        self._secrets = {
            key_hash: secret for key_hash, secret in self._secrets.items() if key_hash in hashes
        }
        missing = hashes - self._secrets.keys()
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


def read_cooldowns(
    keys: list[PoolKey], now: datetime, ends: CooldownEnds, ahead: timedelta = timedelta()
) -> tuple[Cooldowns, PastRefusals]:
    """Those that run, and what those that ended within the hour mean for the next requests.

    Their ends are times of this machine's clock.
    """
    past_refusals = PastRefusals()
    projects: dict[str, list[int]] = {}
    for key in keys:
        projects.setdefault(key.project, []).append(key.id)
    recent = Q(kind__in=EASED_KINDS | BACK_OFF_KINDS, cooling_until__gt=now - RECENT)
    events = RateLimitEvent.objects.filter(
        Q(cooling_until__gt=ends.start_reading(now)) | recent, released_at=None
    ).order_by()
    columns = ("key_id", "project", "model", "kind", "occurred_at", "cooling_until", "id")
    rows = list(events.values_list(*columns))
    real = real_scopes({row[2] for row in rows}, now)
    cooldowns = Cooldowns(real)
    # Where there are more than find room, the real ones come first, then the latest.
    if real:
        rows.sort(key=lambda row: (plain_scope(row[2]) in real, row[4]), reverse=True)
    here, restarts = (now - ahead).timestamp(), []
    for key_id, project, quota_scope, kind, occurred_at, cooling_until, event_id in rows:
        left = ends.left(event_id, occurred_at, cooling_until, now)
        until = here + left
        if occurred_at > now + TOLERANCE:
            restarts.append(Restart(event_id, occurred_at, now + timedelta(seconds=max(left, 0.0))))
        for owner in {key_id, *(projects.get(project, ()) if project else ())}:
            cooldowns.extend(owner, quota_scope, until, is_daily=kind in DAY_KINDS)
        seconds = (cooling_until - occurred_at).total_seconds()
        past_refusals.remember(kind, project or key_id, key_id, quota_scope, seconds, until)
    ends.end_reading()
    _restart(restarts, now)
    return cooldowns, past_refusals


def _restart(restarts: list[Restart], now: datetime) -> None:
    """What a clock wrote that was ahead begins now, for the pages and for whoever starts later."""
    if not restarts:
        return
    try:
        restarted = restart_cooldowns(restarts, now)
    except DatabaseError:
        return  # this process is right without it
    if restarted:
        logger.warning(
            "%d cooldowns began in the future, by a clock that was wrong: each ends after its own"
            " length. Keep the clocks of all machines right (NTP)",
            restarted,
        )
