"""Lets the gateway try two credentials again where a target once refused them."""

from django.db import transaction

from proxyapp.models import Group, audit
from proxyapp.models.audit import Actor
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import lock_pool, raise_pool_version

DETAIL = "two credentials are tried again"


def try_two_again(group: Group, actor: Actor) -> bool:
    """Whether it got one before."""
    with transaction.atomic():
        lock_pool()
        kept = Group.objects.filter(pk=group.pk, single_credential_since__isnull=False)
        if not kept.update(single_credential_since=None):
            return False
        audit.record(actor, "change", [group], DETAIL)
        raise_pool_version(touched_groups([group.pk]))
        return True
