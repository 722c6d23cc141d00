"""Takes keys and groups away for good, for pages and the management API alike."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from proxyapp.models import ApiKey, Group, audit
from proxyapp.models.audit import Actor
from proxyapp.models.key_removal import remember_removed
from proxyapp.models.key_state import key_batches
from proxyapp.models.many_ids import among
from proxyapp.pool.change_log import Touched, projects_held_by, touched_groups, touched_keys
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.quoting import quoted


@contextmanager
def removal(keys: QuerySet[ApiKey], touched: Touched) -> Iterator[None]:
    """One transaction: what is deleted within it takes these keys away.

    Groups go out of what client tokens may use, too.
    """
    with transaction.atomic():
        lock_pool()
        projects = projects_held_by(keys, timezone.now())
        remember_removed(keys)
        yield
        raise_pool_version(touched | Touched(projects=projects, has_tokens=bool(touched.groups)))


def remove_keys(key_ids: Collection[int], actor: Actor) -> int:
    """How many there were."""
    keys = ApiKey.objects.filter(pk__in=among(list(key_ids)))
    with removal(keys, touched_keys(key_ids)):
        for some in key_batches(key_ids):
            audit.record(actor, "delete", some.defer("secret"))
        _, counts = keys.delete()
    return counts.get(ApiKey._meta.label, 0)


def remove_group(group: Group, actor: Actor) -> int:
    """With its keys; how many those were."""
    keys = ApiKey.objects.filter(group=group.pk)
    with removal(keys, touched_groups([group.pk])):
        gone = f"with its group {quoted(group.name)}"
        changes: list[audit.Change] = [("delete", key, gone) for key in keys.defer("secret")]
        audit.record_each(actor, [*changes, ("delete", group, "")])
        Group.objects.filter(pk=group.pk).delete()
    return len(changes)
