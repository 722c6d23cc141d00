"""Keys as the database has them."""

from types import MappingProxyType
from typing import NamedTuple

from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.located_groups import group_of_key
from proxyapp.vocabulary.limits import Limits

# Of the many keys that have none.
NO_LIMITS: Limits = MappingProxyType({})


class PoolRow(NamedTuple):
    """The columns that are read, by their names."""

    id: int
    group_id: int
    key_hash: str
    masked: str
    status: str
    project: str
    position: int
    name: str
    limits: Limits
    max_concurrent: int | None
    priority: int | None
    weight: int
    proxy_url: str | None


def pool_key(row: PoolRow, group: PoolGroup, secret: str) -> PoolKey:
    return PoolKey(
        id=row.id,
        group=group_of_key(group, secret, row.project, row.proxy_url),
        secret=secret,
        masked=row.masked,
        status=row.status,
        project=row.project,
        key_hash=row.key_hash,
        is_readable=UNREADABLE not in (secret, row.proxy_url),
        position=row.position,
        name=row.name,
        limits=row.limits or NO_LIMITS,
        max_concurrent=row.max_concurrent,
        own_priority=row.priority,
        weight=row.weight,
    )
