"""Groups that are turned off, for good or for a time, and on again."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, Group, audit
from proxyapp.models.audit import Actor
from proxyapp.operators.dependent_tokens import Dependents, dependents
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.times import local_text

WITHOUT_SECRETS = ("proxy_url", "proxy_pool")


def switch_off(group_ids: Collection[int], until: datetime | None, actor: Actor) -> list[Group]:
    """Those that changed. None: until somebody turns them on."""
    return _switch(group_ids, actor, enabled=until is not None, off_until=until)


def switch_on(group_ids: Collection[int], actor: Actor) -> list[Group]:
    return _switch(group_ids, actor, enabled=True, off_until=None)


def losing(group_ids: Collection[int]) -> Dependents:
    """The client tokens that have less while these groups are off."""
    keys = ApiKey.objects.filter(group__in=group_ids).order_by().values_list("pk", flat=True)
    return dependents(list(keys), group_ids)


def standing_of(group: Group, now: datetime) -> str:
    """`on`, `off`, or until when it is off."""
    if not group.is_off(now):
        return _("on")
    if group.enabled and group.off_until is not None:
        return _("off until %(until)s") % {"until": local_text(group.off_until)}
    return _("off")


def _switch(
    group_ids: Collection[int], actor: Actor, *, enabled: bool, off_until: datetime | None
) -> list[Group]:
    with transaction.atomic():
        lock_pool()
        wanted = {"enabled": enabled, "off_until": off_until}
        found = Group.objects.defer(*WITHOUT_SECRETS).filter(pk__in=group_ids)
        changed = [group for group in found if _state(group) != wanted]
        if not changed:
            return []
        ids = [group.pk for group in changed]
        Group.objects.filter(pk__in=ids).update(**wanted)
        is_on = enabled and off_until is None
        detail = f"until {local_text(off_until)}" if off_until is not None else ""
        audit.record(actor, "enable" if is_on else "disable", changed, detail)
        raise_pool_version(touched_groups(ids))
    for group in changed:
        group.enabled, group.off_until = enabled, off_until
    return changed


def _state(group: Group) -> dict[str, object]:
    return {"enabled": group.enabled, "off_until": group.off_until}
