"""Reads the pool from the database. Runs on a database thread."""

import logging
from datetime import datetime

from proxyapp.models import ApiKey, Group, RateLimitEvent, RotationCursor
from proxyapp.pool import ALL_GROUPS, GroupFields, PoolGroup, PoolKey, Snapshot, build, pool_group
from proxyapp.sealed import UNREADABLE

logger = logging.getLogger(__name__)


def pool_version() -> int:
    """0 before the first change."""
    return RotationCursor.objects.filter(ring=ALL_GROUPS).values_list("pool_version", flat=True).first() or 0


class PoolReader:
    """Loads snapshots; decrypts a key once and remembers it, as long as its row keeps its hash."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def load(self, now: datetime) -> Snapshot:
        """The version is read first: a change that slips in between is seen by the next look at the version."""
        version = pool_version()
        groups = self._groups()
        return build(version, list(groups.values()), self._keys(groups), self._cooling_until(now))

    def _groups(self) -> dict[int, PoolGroup]:
        loaded = {}
        for group in Group.objects.order_by("position", "id"):
            if group.proxy_url == UNREADABLE:
                logger.error("Group %s: SECRET_KEY does not open its proxy URL; its keys are not used", group.name)
                continue
            loaded[group.pk] = pool_group(
                GroupFields(
                    id=group.pk,
                    name=group.name,
                    target_url=group.target_url,
                    proxy_url=group.proxy_url,
                    auth=group.auth,
                    has_single_credential=group.single_credential_since is not None,
                )
            )
        return loaded

    def _keys(self, groups: dict[int, PoolGroup]) -> list[PoolKey]:
        ordered = ApiKey.objects.order_by("group__position", "group_id", "position", "id")
        rows = list(ordered.values_list("id", "group_id", "key_hash", "masked", "status"))
        self._remember({row[2] for row in rows})
        return [
            PoolKey(
                id=key_id,
                group=groups[group_id],
                secret=self._secrets.get(key_hash, UNREADABLE),
                masked=masked,
                status=status,
                is_readable=self._secrets.get(key_hash, UNREADABLE) != UNREADABLE,
            )
            for key_id, group_id, key_hash, masked, status in rows
            if group_id in groups
        ]

    def _remember(self, hashes: set[str]) -> None:
        """Decrypts what is new, forgets what is gone."""
        self._secrets = {key_hash: secret for key_hash, secret in self._secrets.items() if key_hash in hashes}
        missing = hashes - self._secrets.keys()
        if not missing:
            return
        rows = ApiKey.objects.values_list("key_hash", "secret", "masked")
        if len(missing) <= 500:
            rows = rows.filter(key_hash__in=missing)
        for key_hash, secret, masked in rows:
            self._secrets[key_hash] = secret or UNREADABLE
            if not secret:
                logger.error("Key %s: SECRET_KEY does not open it; it is not used", masked)

    @staticmethod
    def _cooling_until(now: datetime) -> dict[int, float]:
        latest: dict[int, float] = {}
        active = RateLimitEvent.objects.active(now).filter(model="")
        for key_id, until in active.values_list("key_id", "cooling_until"):
            latest[key_id] = max(latest.get(key_id, 0.0), until.timestamp())
        return latest
