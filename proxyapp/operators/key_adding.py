"""Adds many keys to a group at once, each key once, behind those that are there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from proxyapp.models import ApiKey, Group, audit
from proxyapp.models.audit import Actor
from proxyapp.models.batches import row_batches
from proxyapp.models.sealed import keyed_hashes
from proxyapp.operators.positions import LAST_POSITION, next_position
from proxyapp.pool.change_log import touched_rows
from proxyapp.pool.cursor import lock_pool, raise_pool_version

# SQLite takes 32,766 values in a statement.
HASHES_A_QUERY = 5000
IN_BULK, WITH_KEYS = "Added in bulk.", "Added with its keys."


@dataclass(frozen=True, slots=True)
class NewKey:
    """`settings`: further columns."""

    secret: str = field(repr=False)
    name: str
    project: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """`is_new_group`: the group was saved, too."""

    keys: Sequence[ApiKey]
    were_there: int
    is_new_group: bool = False


def groups_of(secrets: Collection[str]) -> dict[str, str]:
    """The group of each secret that is known, under the present SECRET_KEY or an older one."""
    of_hash = {key_hash: secret for secret in secrets for key_hash in keyed_hashes(secret)}
    hashes = list(of_hash)
    found: dict[str, str] = {}
    for start in range(0, len(hashes), HASHES_A_QUERY):
        known = ApiKey.objects.filter(
            key_hash__in=hashes[start : start + HASHES_A_QUERY]
        ).order_by()
        found |= {
            of_hash[key_hash]: name
            for key_hash, name in known.values_list("key_hash", "group__name")
        }
    return found


def add_keys(group: Group, new: Sequence[NewKey], actor: Actor) -> Added:
    """One transaction. A group that is new itself is saved first."""
    with transaction.atomic():
        lock_pool()
        is_new = group.pk is None
        if is_new:
            group.position = next_position(Group.objects.all())
            group.save()
            audit.record(actor, "add", [group], WITH_KEYS)
        known = groups_of([key.secret for key in new])
        keys = _placed(group, [key for key in new if key.secret not in known])
        for batch in row_batches(keys):
            ApiKey.objects.bulk_create(batch)
        audit.record(actor, "add", keys, IN_BULK)
        raise_pool_version(touched_rows(keys, [group]))
    return Added(keys, len(known), is_new)


def numbered_from(prefix: str, group: Group) -> int:
    """The number after the highest that a key of the group has behind this prefix."""
    if group.pk is None:
        return 1
    names = group.keys.filter(name__startswith=prefix).values_list("name", flat=True)
    numbers = [name.removeprefix(prefix) for name in names]
    return (
        max(
            (int(number) for number in numbers if number.isdecimal() and len(number) < 10),
            default=0,
        )
        + 1
    )


def _placed(group: Group, new: Sequence[NewKey]) -> list[ApiKey]:
    position = next_position(group.keys.all())
    keys = []
    for number, one in enumerate(new):
        key = ApiKey(
            group=group,
            name=one.name,
            project=one.project,
            position=min(position + number, LAST_POSITION),
            **one.settings,
        )
        key.set_secret(one.secret)
        keys.append(key)
    return keys
