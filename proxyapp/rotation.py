"""Whose turn it is. The only place that moves cursors."""

from django.db.models import F

from proxyapp.models import RotationCursor

ALL_GROUPS = ""


def raise_pool_version() -> None:
    """Tells every process that keys, groups or cooldowns changed. Call it in the transaction of the change."""
    if not RotationCursor.objects.filter(ring=ALL_GROUPS).update(pool_version=F("pool_version") + 1):
        RotationCursor.objects.get_or_create(ring=ALL_GROUPS, defaults={"pool_version": 1})
