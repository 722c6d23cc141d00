"""A target that refuses two credentials gets one from then on."""

import logging
from datetime import datetime

from django.db import transaction

from proxyapp.models import Group
from proxyapp.pool.cursor import raise_pool_version

logger = logging.getLogger(__name__)


def keep_single_credential(group_id: int, now: datetime) -> None:
    """Remembers it in the group; says so once, whichever process comes first."""
    with transaction.atomic():
        if not Group.objects.filter(pk=group_id, single_credential_since=None).update(
            single_credential_since=now
        ):
            return
        raise_pool_version()
        name = Group.objects.values_list("name", flat=True).get(pk=group_id)
    logger.warning("Group %s: its target refuses two credentials; from now on it gets one", name)
