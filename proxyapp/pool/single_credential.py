"""A target that refuses two credentials gets one from then on."""

import logging
from datetime import datetime

from django.db import transaction

from proxyapp.models import Group, audit
from proxyapp.models.audit import Actor
from proxyapp.pool.change_log import touched_groups
from proxyapp.pool.cursor import lock_pool, raise_pool_version

GATEWAY = Actor("gateway")
logger = logging.getLogger(__name__)


def keep_single_credential(group_id: int, now: datetime) -> None:
    """Remembers it in the group; says so once, whichever process comes first."""
    with transaction.atomic():
        lock_pool()
        if not Group.objects.filter(pk=group_id, single_credential_since=None).update(
            single_credential_since=now
        ):
            return
        raise_pool_version(touched_groups([group_id]))
        group = Group.objects.defer("proxy_url", "proxy_pool").get(pk=group_id)
        audit.record(GATEWAY, "change", [group], "one credential: its target refuses two")
    logger.warning(
        "Group %s: its target refuses two credentials; from now on it gets one", group.name
    )
