"""Adds many keys to a group at once, each key once, behind those that are there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.admin.models import ADDITION, LogEntry
from django.db import transaction
from django.http import HttpRequest

from proxyapp.admin.parts.pooled import LAST_POSITION, next_position
from proxyapp.models import ApiKey, Group, audit
from proxyapp.models.batches import row_batches
from proxyapp.models.sealed import keyed_hashes
from proxyapp.pool.change_log import touched_rows
from proxyapp.pool.cursor import lock_pool, raise_pool_version

# SQLite takes 32,766 values in a statement.
HASHES_A_QUERY = 5000


class NewKey(NamedTuple):
    secret: str
    name: str
    project: str


@dataclass(frozen=True, slots=True)
class Added:
    keys: Sequence[ApiKey]
    were_there: int


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


def add_keys(request: HttpRequest, group: Group, new: Sequence[NewKey]) -> Added:
    """One transaction. A group that is new itself is saved first."""
    with transaction.atomic():
        lock_pool()
        if group.pk is None:
            _save(request, group)
        known = groups_of([key.secret for key in new])
        keys = _placed(group, [key for key in new if key.secret not in known])
        for batch in row_batches(keys):
            ApiKey.objects.bulk_create(batch)
        _log(request, keys, "Added in bulk.")
        raise_pool_version(touched_rows(keys, [group]))
    return Added(keys, len(known))


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


def _save(request: HttpRequest, group: Group) -> None:
    group.position = next_position(Group.objects.all())
    group.save()
    _log(request, [group], "Added with its keys.")


def _placed(group: Group, new: Sequence[NewKey]) -> list[ApiKey]:
    position = next_position(group.keys.all())
    keys = []
    for number, (secret, name, project) in enumerate(new):
        key = ApiKey(
            group=group, name=name, project=project, position=min(position + number, LAST_POSITION)
        )
        key.set_secret(secret)
        keys.append(key)
    return keys


def _log(request: HttpRequest, rows: Sequence[ApiKey] | Sequence[Group], message: str) -> None:
    """In the history of each, and in the audit log."""
    if request.user.pk is not None and rows:
        LogEntry.objects.log_actions(request.user.pk, rows, ADDITION, message)
    audit.record(audit.operator(request.user), "add", rows, message)
