"""What the gateway is told to forget of resources: whose they are, not the resources themselves."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from proxyapp.models import Resource, audit
from proxyapp.models.audit import Actor
from proxyapp.models.many_ids import among
from proxyapp.resources.known import forgotten
from proxyapp.resources.rows import write_resources


def forget_resources(ids: Iterable[int], actor: Actor, now: datetime) -> list[Resource]:
    """Those that were not forgotten yet. A request that names one asks each project for it then.

    One that was made by a clock that is ahead is forgotten, too.
    """
    with transaction.atomic():
        rows = list(Resource.objects.filter(pk__in=among(ids), expires_at__gt=now))
        write_resources(
            forgotten(row.name, row.key_id, max(now, row.made_at).timestamp()) for row in rows
        )
        audit.record_each(actor, [("forget", row, f"made with {row.key_name}") for row in rows])
    return rows
