"""What keys were called whose rows are gone: their usage outlives them."""

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from proxyapp.models.batches import BATCH
from proxyapp.models.pool import ApiKey


class RemovedKey(models.Model):
    """`key_id` is that of its rows of usage; no id is given twice."""

    key_id = models.BigIntegerField(primary_key=True)
    label = models.CharField(max_length=130, help_text="Its name and masked form.")
    group = models.CharField(max_length=100)
    removed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.label}, removed"


def remember_removed(keys: QuerySet[ApiKey]) -> None:
    """For the transaction that removes them."""
    named = keys.order_by().select_related("group").only("name", "masked", "group__name")
    RemovedKey.objects.bulk_create(
        (RemovedKey(key_id=key.pk, label=str(key), group=key.group.name) for key in named),
        batch_size=BATCH,
        ignore_conflicts=True,
    )
